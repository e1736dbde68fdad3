/* SPDX-License-Identifier: MIT */
#include "train/train.h"

#include "data/path.h"
#include "frame/model_output.h"
#include "frame/training.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void job_free(train_job *job) {
    td_dataset_close(&job->data);
    td_dataset_close(&job->validation);
    for (size_t i = 0; i < job->watched_count; i++)
        td_trigger_free(job->watched[i].trigger);
    td_model_free(&job->from);
    td_net_free(&job->own_net);
    json_decref(job->checkpoint.identity);
    free(job->copy.log);
}

/* Checks outputs before the work. A model written to a device has no log and no checkpoint. */
static td_status check_outputs(train_job *job, td_error *error) {
    tool_run *run = job->run;
    const char *model = run->common->output;
    if (td_path_exists(model) && !td_path_is_file(model))
        return TD_OK;
    TD_TRY(tool_run_text(run, &job->log_path, error, "%s.log.jsonl", model));
    TD_TRY(tool_outputs_check(&run->outputs, job->log_path, error));
    return job->settings->resists ? TD_OK : train_checkpoint_name(job, error);
}

/* The data's class names, which the net learned; if the net has more classes, its previous names.
 */
static const char *const *class_names(const train_job *job) {
    return job->data.class_names && job->data.images.classes == td_net_classes(job->net)
               ? job->data.class_names
               : job->from.class_names;
}

static td_status write_outputs(train_job *job, td_error *error) {
    tool_run *run = job->run;
    char *training;
    TD_TRY(tool_model_training(&run->record, &training, error));
    td_status status = tool_run_model(run, run->common->output, job->net, job->weights,
                                      class_names(job), training, error);
    free(training);
    TD_TRY(status);
    TD_TRY(train_log_write(job, error));
    return job->kept > 0 ? tool_outputs_supersede(&run->outputs, job->checkpoint.path, error)
                         : TD_OK;
}

/* --- the training --- */

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    train_job *job = context;
    TD_TRY(train_log_epoch(job, state, error));
    return train_checkpoint_write(job, state, error);
}

/* Handles what a failure with this status leaves behind. */
static void keep(train_job *job, td_status status) {
    const char *path = job->checkpoint.path;
    if (job->kept == 0)
        return;
    if (status == TD_ERR_NUMERIC) /* --resume would only fail again */
        tool_run_leaves(job->run, path, "%s keeps epoch %zu, for --from", path, job->kept);
    else
        tool_run_leaves(job->run, path, "--resume continues from epoch %zu", job->kept);
}

static td_status train(train_job *job, td_error *error) {
    td_train_options options = job->settings->training.options;
    td_error memory;
    options.epoch_done = epoch_done;
    options.context = job;
    options.epochs_done = job->resumed;
    options.optimizer_state = job->optimizer_state;
    if (job->settings->adversarial > 0)
        TD_TRY(train_adversarially(job, &options, error));
    if (job->resumed > 0)
        tool_run_log(job->run, "resuming from epoch %zu/%zu", job->resumed, options.epochs);
    td_status status = tool_run_train(job->run, job->net, job->weights, &job->learned, &options,
                                      "training", error);
    const td_status kept = train_checkpoint_end(job, &memory);
    keep(job, status); /* the previous one, if this one failed */
    if (status == TD_OK && kept != TD_OK)
        *error = memory;
    return status == TD_OK ? kept : status;
}

static td_status run_job(train_job *job, td_error *error) {
    tool_run *run = job->run;
    job->states = job->settings->training.options.optimizer->states;
    const char *model = run->common->output, *slash = strrchr(model, '/');
    TD_TRY(check_outputs(job, error));
    TD_TRY(train_open_inputs(job, error));
    tool_run_set(run, "net_parameters", "z", job->net->weight_count);
    job->epochs = tool_run_set(run, "epochs", "[]");
    TD_TRY(train_checkpoint_load(job, error));
    job->learned = job->data.images;
    if (job->settings->resists)
        TD_TRY(train_abl_isolate(job, error));
    TD_TRY(train(job, error));
    if (job->settings->resists)
        TD_TRY(train_abl_unlearn(job, error));
    TD_TRY(write_outputs(job, error));
    return tool_run_summary(run, error, "%s: %zu parameters, %zu epochs on %zu images",
                            slash ? slash + 1 : model, job->net->weight_count,
                            job->settings->training.options.epochs, job->learned.count);
}

td_status train_run(tool_run *run, td_error *error) {
    train_job job = {.run = run, .settings = run->family};
    td_status status = run_job(&job, error);
    job_free(&job);
    return status;
}
