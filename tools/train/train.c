#include "train/train.h"

#include "train/job.h"
#include <stdio.h>

static void job_free(train_job *job) {
    td_output_discard(&job->model_file);
    td_output_discard(&job->log_file);
    td_dataset_close(&job->data);
    td_dataset_close(&job->validation);
    for (size_t i = 0; i < MOST_WATCHED; i++)
        td_trigger_free(job->watched[i].trigger);
    td_model_free(&job->from);
    td_net_free(&job->own_net);
    tool_record_free(&job->record);
    json_decref(job->identity);
    td_arena_free(&job->arena);
}

static bool batch_done(void *context, const td_train_state *state) {
    train_job *job = context;
    char note[96];
    snprintf(note, sizeof note, "epoch %zu/%zu  loss %.4f", state->epoch,
             job->options->training.epochs, state->loss);
    size_t epochs = state->epoch - 1 - job->resumed;
    tool_progress_update(&job->progress, epochs * job->data.images.count + state->images, note);
    return !tool_interrupted();
}

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    train_job *job = context;
    TD_TRY(train_log_epoch(job, state, error));
    return train_checkpoint_write(job, state, error);
}

static td_status train(train_job *job, td_error *error) {
    td_train_options options = job->options->training;
    options.batch_done = batch_done;
    options.epoch_done = epoch_done;
    options.context = job;
    options.epochs_done = job->resumed;
    options.optimizer_state = job->optimizer_state;
    bool quiet = job->options->common.quiet;
    if (job->resumed > 0 && !quiet)
        fprintf(stderr, "goes on from epoch %zu/%zu\n", job->resumed, options.epochs);
    job->progress = tool_progress_start(
        "training", "images", (options.epochs - job->resumed) * job->data.images.count, quiet);
    td_status status = td_train(job->net, job->weights, &job->data.images, &options, error);
    tool_progress_end(&job->progress);
    return status;
}

/* After a failure: says what is left of the training. */
static td_status tell_of_checkpoint(const train_job *job, td_status status, td_error *error) {
    td_error before = *error;
    if (job->kept == 0)
        return status;
    if (status == TD_ERR_NUMERIC) /* --resume would only come to the same place */
        return td_fail(error, status, "%s; %s keeps epoch %zu, for --from", before.message,
                       job->checkpoint_path, job->kept);
    return td_fail(error, status, "%s; --resume goes on from epoch %zu", before.message, job->kept);
}

static td_status run(train_job *job, td_error *error) {
    TD_TRY(train_check_outputs(job, error));
    TD_TRY(tool_record_start(&job->record, "trapdoor-train", &job->options->common,
                             train_options_json(job->options), error));
    TD_TRY(train_open_inputs(job, error));
    job->epochs = json_array();
    json_object_set_new(job->record.root, "net_parameters",
                        json_integer((json_int_t)job->net->weight_count));
    json_object_set_new(job->record.root, "epochs", job->epochs);
    TD_TRY(train_checkpoint_load(job, error));
    td_status status = train(job, error);
    if (status == TD_OK)
        status = train_write_outputs(job, error);
    if (status != TD_OK)
        return tell_of_checkpoint(job, status, error);
    printf("%s: %zu parameters, %zu epochs on %zu images\n", job->options->common.output,
           job->net->weight_count, job->options->training.epochs, job->data.images.count);
    return TD_OK;
}

td_status train_run(const train_options *options, td_error *error) {
    train_job job = {.options = options};
    td_status status = run(&job, error);
    job_free(&job);
    return status;
}
