#include "defend/filter/filter.h"

#include "base/size.h"
#include <stdio.h>
#include <string.h>

/* The AUROC of a class's scores, where it has poisoned images and others. */
static td_status measure_scores(const filter_job *job, filter_class *group, const double *scores,
                                td_error *error) {
    td_arena arena = {0};
    double *split;
    size_t low = 0, high = group->count;
    if (group->poisoned == 0 || group->poisoned == group->count)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&arena, group->count, &split, "scores", error));
    for (size_t i = 0; i < group->count; i++)
        split[job->poisoned[job->order[group->begin + i]] ? --high : low++] = scores[i];
    td_status status = td_auroc_of(split, low, split + low, group->poisoned, &group->auroc, error);
    group->has_auroc = status == TD_OK;
    td_arena_free(&arena);
    return status;
}

static void count_hits(const filter_job *job, filter_class *group) {
    for (size_t i = 0; i < group->count; i++) {
        const uint32_t image = job->order[group->begin + i];
        group->poisoned += job->poisoned[image];
        group->hits += job->poisoned[image] && job->suspect[image];
    }
}

static td_status filter_one(filter_job *job, filter_class *group, td_error *error) {
    td_arena arena = {0};
    double *positions, *scores;
    TD_TRY(filter_directions(job, group, error));
    td_status status = td_arena_alloc(&arena, group->count, job->directions * sizeof *positions,
                                      (void **)&positions, "projections", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, group->count, &scores, "scores", error);
    if (status == TD_OK)
        status = filter_project(job, group, positions, error);
    if (status == TD_OK) {
        group->positions = positions;
        status = job->filter->judge(job, group, scores, error);
        group->positions = NULL;
    }
    if (status == TD_OK) {
        count_hits(job, group);
        job->suspects += group->suspects;
        if (job->has_truth && job->filter->ranks)
            status = measure_scores(job, group, scores, error);
    }
    td_arena_free(&arena);
    return status;
}

static td_status filter_all(filter_job *job, td_error *error) {
    const td_images *images = &job->data.images;
    td_status status = TD_OK;
    job->progress = tool_progress_start(job->options->method, "images", images->count,
                                        job->options->common.quiet);
    for (size_t c = 0; c < images->classes && status == TD_OK; c++)
        if (job->classes[c].count > 0)
            status = filter_one(job, &job->classes[c], error);
    tool_progress_end(&job->progress);
    return status;
}

static json_t *options_json(const filter_options *o, const json_t *told) {
    json_t *options =
        json_pack("{ss so so* so so* so*}", "method", o->method, "model", tool_json_text(o->model),
                  "net", o->net ? tool_json_text(o->net) : NULL, "data", tool_json_text(o->data),
                  "layer", o->layer ? tool_json_text(o->layer) : NULL, "manifest",
                  o->manifest ? tool_json_text(o->manifest) : NULL);
    if (!options || json_object_update(options, (json_t *)told) != 0) {
        json_decref(options);
        options = NULL;
    }
    return options;
}

json_t *filter_asked(const filter_options *o, json_t *told) {
    json_t *asked = tool_asked(&o->common, options_json(o, told));
    json_decref(told);
    return asked;
}

static td_status run(filter_job *job, json_t *told, td_error *error) {
    const tool_common *common = &job->options->common;
    TD_TRY(tool_record_check(common, error));
    if (common->output)
        TD_TRY(td_output_open(&job->cleaned, common->output, common->force, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-defend", common,
                             options_json(job->options, told), error));
    TD_TRY(filter_open(job, error));
    TD_TRY(filter_all(job, error));
    TD_TRY(filter_record(job, error));
    if (common->output)
        TD_TRY(filter_write_cleaned(job, error));
    TD_TRY(tool_record_write(&job->record, common, error));
    if (common->output)
        TD_TRY(td_output_publish(&job->cleaned, error));
    if (!common->json || strcmp(common->json, "-") != 0)
        filter_print(job);
    return TD_OK;
}

int filter_main(const filter *with, const filter_options *options, const void *settings, json_t *told) {
    filter_job job = {.options = options, .settings = settings, .filter = with};
    td_error error;
    bool flagged = false;
    int status = tool_exit(run(&job, told, &error), &error);
    for (size_t c = 0; job.classes && c < job.data.images.classes; c++)
        flagged |= job.classes[c].flagged;
    json_decref(told);
    filter_close(&job);
    td_output_discard(&job.cleaned);
    tool_record_free(&job.record);
    td_arena_free(&job.arena);
    return status == 0 && flagged && options->exit_code ? TOOL_EXIT_FLAGGED : status;
}
