/* Controls: an inspector over models of which the truth is known. */
#include "defend/audit/controls.h"

#include "defend/method.h"
#include <math.h>
#include <string.h>

const char controls_name[] = "controls.json";

/* Records of other requests are found before hours of work, not after. */
static td_status look(controls_job *job, td_error *error) {
    for (size_t i = 0; i < job->count; i++)
        TD_TRY(step_look(&job->models[i].step, &job->run, error));
    return TD_OK;
}

static const char *const kinds[] = {"clean", "backdoored", NULL};

static td_status make_folders(controls_job *job, td_error *error) {
    TD_TRY(run_folder_make(&job->folder, error));
    for (size_t i = 0; kinds[i]; i++)
        TD_TRY(run_folder_make_inner(&job->folder, kinds[i], error));
    return TD_OK;
}

static void remove_empty(const controls_job *job) {
    for (size_t i = 0; kinds[i]; i++)
        run_folder_unmake_inner(&job->folder, kinds[i]);
    run_folder_unmake(&job->folder);
}

static void tick(void *context, double seconds) {
    controls_job *job = context;
    (void)seconds;
    tool_progress_update(&job->progress, job->done, job->models[job->done].name);
}

static td_status read_record(controls_job *job, control *model, td_error *error) {
    json_t *record;
    TD_TRY(step_record(&model->step, &record, error));
    td_status status = inspected_read(record, &job->arena, &model->found, error);
    json_decref(record);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", model->step.record);
}

/* A model that fails is no failure of the run, until its end. */
static td_status inspect(controls_job *job, control *model, td_error *error) {
    const step_watch watch = {INFINITY, tick, job};
    td_status status = TD_OK;
    char *reason;
    if (!model->step.done)
        status = step_start(&model->step, &job->run, &watch, error);
    if (status == TD_OK && !model->step.done)
        status = td_fail(error, TD_ERR_IO, "no record, and no reason for it");
    if (status == TD_OK)
        status = read_record(job, model, error);
    if (status == TD_ERR_INTERRUPTED || status == TD_ERR_MEMORY)
        return status;
    if (status == TD_OK)
        return TD_OK;
    TD_TRY(td_arena_text(&job->arena, error->message, strlen(error->message), &reason, error));
    model->failed = reason;
    return TD_OK;
}

static void note_failed(const control *model) {
    td_error line;
    (void)td_fail(&line, TD_ERR_IO, "%s: %s", model->name, model->failed);
    tool_note(line.message);
}

static td_status inspect_all(controls_job *job, td_error *error) {
    const bool quiet = job->options->common.quiet;
    if (controls_prints(job))
        controls_print_head(job);
    for (; job->done < job->count; job->done++) {
        control *model = &job->models[job->done];
        if (job->done == 0 || !job->progress.visible)
            job->progress = tool_progress_start("inspecting", "models", job->count, quiet);
        td_status status = inspect(job, model, error);
        tool_progress_end(&job->progress);
        if (status == TD_ERR_INTERRUPTED)
            return td_fail(error, status,
                           "interrupted after %zu of %zu models; the same command "
                           "goes on",
                           job->done, job->count);
        TD_TRY(status);
        if (model->failed)
            note_failed(model);
        if (controls_prints(job))
            controls_print_model(job, model);
    }
    return TD_OK;
}

/* The same wrong argument for all of them should not have to be forced out of the way. */
static td_status check_any(const controls_job *job, td_error *error) {
    for (size_t i = 0; i < job->count; i++)
        if (!job->models[i].failed)
            return TD_OK;
    return td_fail(error, TD_ERR_IO, "%s: expected models that can be inspected, found none of %zu",
                   job->options->models, job->count);
}

static const char *const same_run[] = {"method", "inspector", "models", "arguments", NULL};

static td_status run(controls_job *job, td_error *error) {
    const controls_options *o = job->options;
    TD_TRY(tool_record_check(&o->common, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-defend", &o->common, controls_options_json(o),
                             error));
    TD_TRY(run_folder_check(&job->folder, json_object_get(job->record.root, "options"), error));
    TD_TRY(controls_models(job, error));
    TD_TRY(look(job, error));
    TD_TRY(make_folders(job, error));
    TD_TRY(inspect_all(job, error));
    TD_TRY(check_any(job, error));
    TD_TRY(controls_tell(job, error));
    return run_folder_write(&job->folder, &job->record, error);
}

static int controls(int argc, char **argv) {
    controls_options options;
    td_error error;
    size_t failed = 0;
    controls_options_parse(&options, argc, argv);
    controls_job job = {.options = &options,
                        .run = {&options.common, json_object()},
                        .folder = {&options.common, controls_name, same_run, false}};
    int status = tool_exit(run(&job, &error), &error);
    for (size_t i = 0; i < job.count; i++) {
        failed += job.models[i].failed != NULL;
        step_free(&job.models[i].step);
    }
    remove_empty(&job);
    json_decref(job.run.digests);
    tool_record_free(&job.record);
    td_arena_free(&job.arena);
    return status == 0 && failed > 0 ? 1 : status;
}

const tool_method defend_controls = {
    .name = "controls",
    .doc = "an inspector over models of known truth: error rates",
    .legacy = &(const tool_legacy){.main = controls},
};
