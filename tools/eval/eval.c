/* SPDX-License-Identifier: MIT */
#include "eval/eval.h"
#include "frame/classes.h"
#include "frame/net_source.h"

static void job_free(eval_job *job) {
    for (size_t i = 0; i < job->backdoor_count; i++)
        td_trigger_free(job->backdoors[i].trigger);
    td_model_free(&job->first);
    td_dataset_close(&job->data);
}

/* The classes are the first model's; all models must have the same. */
static td_status open_classes(eval_job *job, td_error *error) {
    const char *path = job->settings->models.texts[0];
    TD_TRY(tool_run_open_model(job->run, path, job->settings->net, &job->data.images, &job->first,
                               error));
    TD_TRY(tool_run_model_classes(job->run, &job->first, path, error));
    return tool_run_match(job->run, &job->data, error);
}

static td_status open_inputs(eval_job *job, td_error *error) {
    const eval_settings *s = job->settings;
    tool_run *run = job->run;
    TD_TRY(tool_run_dataset(run, s->data, "test", &job->data, error));
    job->scored = tool_settings_given(run->settings, "scores");
    if (job->scored && s->scores >= job->data.images.count)
        return td_fail(error, TD_ERR_USAGE, "--scores: expected an image of 0 to %zu, found %zu",
                       job->data.images.count - 1, s->scores);
    TD_TRY(open_classes(job, error));
    TD_TRY(eval_backdoors(job, error));
    return eval_pictures_open(job, error);
}

/* The range of the models' accuracy, and the trigger with the highest ASR on any model. */
static td_status summarise(eval_job *job, td_error *error) {
    const size_t images = job->data.images.count, models = job->settings->models.count;
    const eval_summary *s = &job->summary;
    const char *first = job->settings->models.texts[0], *best = "";
    if (s->title)
        TD_TRY(tool_run_text(job->run, &best, error, "; highest ASR %.2f %%: %s", 100 * s->asr,
                             s->title));
    if (models == 1)
        return tool_run_summary(job->run, error, "%s: accuracy %.2f %% on %zu images%s", first,
                                100 * s->least, images, best);
    return tool_run_summary(job->run, error, "%zu models on %zu images: accuracy %.2f to %.2f %%%s",
                            models, images, 100 * s->least, 100 * s->most, best);
}

static td_status measure(eval_job *job, td_error *error) {
    tool_run *run = job->run;
    TD_TRY(open_inputs(job, error));
    tool_run_set(run, "images", "z", job->data.images.count);
    TD_TRY(tool_run_open(run, &eval_clean_table, NULL, &job->models, error));
    TD_TRY(tool_run_open(run, &eval_result_table, NULL, &job->results, error));
    for (size_t i = 0; i < job->settings->models.count; i++)
        TD_TRY(eval_model(job, i, error));
    return summarise(job, error);
}

td_status eval_run(tool_run *run, td_error *error) {
    eval_job job = {.run = run, .settings = run->family, .summary = {.least = 1}};
    td_status status = measure(&job, error);
    job_free(&job);
    return status;
}
