#include "eval/eval.h"

static void job_free(eval_job *job) {
    for (size_t i = 0; i < job->backdoor_count; i++)
        td_trigger_free(job->backdoors[i].trigger);
    td_dataset_close(&job->data);
    tool_files_close(&job->pictures);
    tool_record_free(&job->record);
    td_arena_free(&job->arena);
}

static json_t *options_json(const eval_options *o) {
    json_t *models = json_array(), *triggers = json_array();
    for (size_t i = 0; i < o->model_count; i++)
        json_array_append_new(models, tool_json_text(o->models[i]));
    for (size_t i = 0; i < o->trigger_count; i++)
        json_array_append_new(triggers,
                              json_pack("{s:o, s:I}", "trigger", tool_json_text(o->triggers[i]),
                                        "target", (json_int_t)o->targets[i]));
    json_t *options = json_pack("{s:o, s:o*, s:o, s:o, s:o*}", "models", models, "net",
                                o->net ? tool_json_text(o->net) : NULL, "data",
                                tool_json_text(o->data), "triggers", triggers, "manifest",
                                o->manifest ? tool_json_text(o->manifest) : NULL);
    if (options && o->scores != SIZE_MAX)
        json_object_set_new(options, "scores", json_integer((json_int_t)o->scores));
    if (options && o->strength_count > 0) {
        json_t *strengths = json_array();
        for (size_t i = 0; i < o->strength_count; i++)
            json_array_append_new(strengths, json_real(o->strengths[i]));
        json_object_set_new(options, "strength", strengths);
    }
    if (options && o->best > 0)
        json_object_set_new(options, "best", json_integer((json_int_t)o->best));
    return options;
}

static td_status open_inputs(eval_job *job, td_error *error) {
    const eval_options *o = job->options;
    TD_TRY(td_dataset_open(&job->data, o->data, "test", o->common.data_dir, error));
    TD_TRY(tool_record_dataset(&job->record, &job->data, error));
    if (o->scores != SIZE_MAX && o->scores >= job->data.images.count)
        return td_fail(error, TD_ERR_USAGE, "--scores: expected an image of 0 to %zu, found %zu",
                       job->data.images.count - 1, o->scores);
    TD_TRY(eval_backdoors(job, error));
    size_t most = o->model_count * (2 + 2 * job->backdoor_count);
    return o->pictures ? tool_files_open(&job->pictures, o->pictures, o->common.force, most, error)
                       : TD_OK;
}

static td_status run(eval_job *job, td_error *error) {
    const eval_options *o = job->options;
    TD_TRY(tool_record_check(&o->common, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-eval", &o->common, options_json(o), error));
    TD_TRY(open_inputs(job, error));
    json_t *models = json_array();
    json_object_set_new(job->record.root, "images",
                        json_integer((json_int_t)job->data.images.count));
    json_object_set_new(job->record.root, "models", models);
    for (size_t i = 0; i < o->model_count; i++) {
        json_t *entry;
        TD_TRY(tool_record_input(&job->record, o->models[i], error));
        TD_TRY(eval_model(job, i, &entry, error));
        json_array_append_new(models, entry);
    }
    if (o->model_count > 1)
        eval_table(models);
    TD_TRY(tool_record_write(&job->record, &o->common, error));
    return tool_files_publish(&job->pictures, error);
}

td_status eval_run(const eval_options *options, td_error *error) {
    eval_job job = {.options = options};
    td_status status = run(&job, error);
    job_free(&job);
    return status;
}
