#include "defend/detect/detect.h"

#include "frame/output.h"
#include <string.h>

static json_t *list_json(const detect_list *list) {
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, tool_json_text(list->texts[i]));
    return array;
}

json_t *detect_options_json(const detect_options *o, const json_t *settings) {
    json_t *options =
        json_pack("{ss so so* so so so so}", "method", o->method, "model", tool_json_text(o->model),
                  "net", o->net ? tool_json_text(o->net) : NULL, "clean", tool_json_text(o->clean),
                  "benign", list_json(&o->benign), "suspect", list_json(&o->suspects), "triggers",
                  list_json(&o->triggers));
    if (!options || json_object_update(options, (json_t *)settings) != 0) {
        json_decref(options);
        options = NULL;
    }
    return options;
}

json_t *detect_asked(const detect_options *o, json_t *told) {
    json_t *asked = tool_asked(&o->common, detect_options_json(o, told));
    json_decref(told);
    return asked;
}

static bool prints(const detect_job *job) {
    const char *json = job->options->common.json;
    return !json || strcmp(json, "-") != 0;
}

/* What each score says by itself, where there are several. */
static td_status tell_singles(detect_job *job, json_t *detectors, td_error *error) {
    for (size_t i = 0; i + 1 < job->column_count; i++) {
        td_arena arena = {0};
        detect_verdict verdict;
        json_t *entry = json_pack("{ss}", "name", job->columns[i].name);
        json_array_append_new(detectors, entry);
        td_status status = detect_judge(job, i, &arena, &verdict, error);
        if (status == TD_OK)
            status = detect_verdict_json(job, &verdict, entry, error);
        if (status == TD_OK && prints(job))
            detect_print_line(job, &verdict);
        td_arena_free(&arena);
        TD_TRY(status);
    }
    return TD_OK;
}

static td_status tell(detect_job *job, td_error *error) {
    const size_t main_column = job->column_count - 1;
    json_t *root = job->record.root;
    detect_verdict v;
    json_t *detectors = json_array();
    json_t *calibration =
        json_pack("{so sI sI}", "data", tool_json_text(job->clean.name), "images",
                  (json_int_t)job->calibration_count, "left_out", (json_int_t)job->left_out);
    json_object_set_new(root, "method", json_string(job->options->method));
    json_object_set_new(root, "score", json_string(job->detector->score_name));
    json_object_set_new(root, "expected_rate", json_real(job->options->rate));
    json_object_set_new(root, "calibration", calibration);
    if (job->column_count > 1)
        json_object_set(root, "detectors", detectors);
    td_status status = tell_singles(job, detectors, error);
    json_decref(detectors);
    TD_TRY(status);
    TD_TRY(detect_judge(job, main_column, &job->arena, &v, error));
    if (job->detector->describe)
        job->detector->describe(job, calibration);
    for (size_t i = 0; i < job->set_count; i++)
        job->suspects_flagged |= v.above[i];
    json_object_set_new(root, "suspects_flagged", json_boolean(job->suspects_flagged));
    TD_TRY(detect_verdict_json(job, &v, root, error));
    if (prints(job))
        detect_print(job, &v);
    return job->picture.stream ? detect_draw(job, &v, error) : TD_OK;
}

static td_status run(detect_job *job, json_t *settings, td_error *error) {
    const detect_options *o = job->options;
    TD_TRY(tool_record_check(&o->common, error));
    if (o->picture)
        TD_TRY(td_output_open(&job->picture, o->picture, o->common.force, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-defend", &o->common,
                             detect_options_json(o, settings), error));
    TD_TRY(detect_open_inputs(job, error));
    TD_TRY(detect_check_hygiene(job, error));
    TD_TRY(job->detector->prepare(job, error));
    TD_TRY(detect_score_all(job, error));
    TD_TRY(tell(job, error));
    TD_TRY(tool_output_record(&job->picture, &job->record, error));
    TD_TRY(tool_record_write(&job->record, &o->common, error));
    return o->picture ? td_output_publish(&job->picture, error) : TD_OK;
}

int detect_main(const detector *with, const detect_options *options, const void *settings,
                json_t *told) {
    detect_job job = {.options = options, .settings = settings, .detector = with};
    td_error error;
    int status = tool_exit(run(&job, told, &error), &error);
    bool flagged = job.suspects_flagged && options->exit_code;
    json_decref(told);
    detect_close_inputs(&job);
    td_output_discard(&job.picture);
    tool_record_free(&job.record);
    td_arena_free(&job.arena);
    return status == 0 && flagged ? TOOL_EXIT_FLAGGED : status;
}
