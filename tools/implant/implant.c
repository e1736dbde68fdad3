#include "implant/implant.h"

#include <string.h>

bool implant_prints(const implant_job *job) {
    return !job->common->json || strcmp(job->common->json, "-") != 0;
}

td_status implant_start(implant_job *job, json_t *options, td_error *error) {
    return tool_record_start(&job->record, "trapdoor-implant", job->common, options, error);
}

static td_status choose_targets(implant_job *job, const implant_options *o, td_error *error) {
    const size_t classes = td_net_classes(&job->model.net);
    if (o->all && classes > IMPLANT_MOST_TARGETS)
        return td_fail(error, TD_ERR_USAGE,
                       "--target all: expected a model of at most %d classes, "
                       "found %zu",
                       IMPLANT_MOST_TARGETS, classes);
    job->trigger_count = o->all ? classes : o->target_count;
    TD_TRY(TD_ARENA_NEW(&job->arena, job->trigger_count, &job->triggers, "triggers", error));
    for (size_t i = 0; i < job->trigger_count; i++) {
        const size_t target = job->triggers[i].target = o->all ? i : o->targets[i];
        if (target >= classes)
            return td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                           classes - 1, target);
    }
    return TD_OK;
}

td_status implant_open(implant_job *job, const implant_options *options, td_error *error) {
    TD_TRY(tool_record_input(&job->record, options->model, error));
    TD_TRY(td_model_load(&job->model, options->model, error));
    job->training = job->model.training;
    return choose_targets(job, options, error);
}

void implant_close(implant_job *job) {
    tool_files_close(&job->beside);
    tool_files_close(&job->apart);
    for (size_t i = 0; job->triggers && i < job->trigger_count; i++)
        td_bitmap_free(&job->triggers[i].picture);
    for (size_t i = 0; i < job->picture_count; i++)
        td_bitmap_free(&job->pictures[i].bitmap);
    json_decref(job->about);
    tool_record_free(&job->record);
    td_net_free(&job->net);
    td_model_free(&job->model);
    td_arena_free(&job->arena);
}
