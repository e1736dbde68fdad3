#include "implant/implant.h"

#include "implant/method.h"
#include <stdio.h>
#include <string.h>

static td_status choose_targets(implant_job *job, td_error *error) {
    const implant_options *o = job->options;
    const size_t classes = td_net_classes(&job->model.net);
    if (o->all && classes > IMPLANT_MOST_TARGETS)
        return td_fail(error, TD_ERR_USAGE,
                       "--target all: expected a model of at most %d classes, "
                       "found %zu",
                       IMPLANT_MOST_TARGETS, classes);
    job->target_count = o->all ? classes : o->target_count;
    for (size_t i = 0; i < job->target_count; i++) {
        job->targets[i] = o->all ? i : o->targets[i];
        if (job->targets[i] >= classes)
            return td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                           classes - 1, job->targets[i]);
    }
    return TD_OK;
}

/* Each trigger as trapdoor-eval takes it. */
static void print_triggers(const implant_job *job) {
    const tool_common *common = &job->options->common;
    const json_t *trigger;
    size_t i;
    if (common->json && strcmp(common->json, "-") == 0)
        return;
    json_array_foreach(json_object_get(job->record.root, "triggers"), i, trigger)
        printf("  --trigger %s --target %zu\n",
               json_string_value(json_object_get(trigger, "trigger")), job->targets[i]);
}

static td_status run(implant_job *job, td_error *error) {
    const implant_options *o = job->options;
    TD_TRY(tool_record_start(&job->record, "trapdoor-implant", &o->common, o->method->options(o),
                             error));
    TD_TRY(tool_record_input(&job->record, o->model, error));
    TD_TRY(td_model_load(&job->model, o->model, error));
    TD_TRY(choose_targets(job, error));
    TD_TRY(implant_check_outputs(job, error));
    TD_TRY(o->method->implant(job, error));
    TD_TRY(implant_write(job, error));
    print_triggers(job);
    return TD_OK;
}

td_status implant_run(const implant_options *options, td_error *error) {
    implant_job job = {.options = options};
    td_status status = run(&job, error);
    tool_files_close(&job.beside);
    tool_files_close(&job.apart);
    for (size_t i = 0; i < job.target_count; i++)
        td_bitmap_free(&job.triggers[i].picture);
    json_decref(job.about);
    tool_record_free(&job.record);
    td_net_free(&job.net);
    td_model_free(&job.model);
    td_arena_free(&job.arena);
    return status;
}
