/* What a training writes: the model, its log and the record. */
#include "frame/model_output.h"
#include "frame/output.h"
#include "train/job.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -o with an ending; the job owns it. */
static td_status output_path(train_job *job, const char *ending, char **out, td_error *error) {
    const char *output = job->options->common.output;
    size_t size = strlen(output) + strlen(ending) + 1;
    TD_TRY(TD_ARENA_NEW(&job->arena, size, out, "a file name", error));
    snprintf(*out, size, "%s%s", output, ending);
    return TD_OK;
}

/* A model that goes to a device leaves no log and no checkpoint beside it. */
td_status train_check_outputs(train_job *job, td_error *error) {
    const tool_common *common = &job->options->common;
    TD_TRY(tool_record_check(common, error));
    TD_TRY(tool_output_try(&job->model_file, common->output, common->force, error));
    if (job->model_file.stream)
        return TD_OK;
    TD_TRY(output_path(job, ".log.jsonl", &job->log_path, error));
    TD_TRY(tool_output_try(&job->log_file, job->log_path, common->force, error));
    TD_TRY(output_path(job, ".checkpoint", &job->checkpoint_path, error));
    return train_checkpoint_check(job, error);
}

static td_status finish_model(train_job *job, td_error *error) {
    const tool_common *common = &job->options->common;
    char *training;
    TD_TRY(tool_output_reopen(&job->model_file, common->output, common->force, error));
    TD_TRY(tool_model_training(&job->record, &training, error));
    td_status status =
        td_model_write(job->model_file.stream, job->net, job->weights, training, error);
    free(training);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", common->output);
    return td_output_finish(&job->model_file, error);
}

static td_status finish_log(train_job *job, td_error *error) {
    if (!job->log_path)
        return TD_OK;
    TD_TRY(tool_output_reopen(&job->log_file, job->log_path, job->options->common.force, error));
    train_log_write(job->epochs, job->log_file.stream);
    return td_output_finish(&job->log_file, error);
}

td_status train_write_outputs(train_job *job, td_error *error) {
    TD_TRY(finish_model(job, error));
    TD_TRY(finish_log(job, error));
    TD_TRY(tool_output_record(&job->model_file, &job->record, error));
    TD_TRY(tool_output_record(&job->log_file, &job->record, error));
    TD_TRY(tool_record_write(&job->record, &job->options->common, error));
    TD_TRY(td_output_publish(&job->model_file, error));
    TD_TRY(td_output_publish(&job->log_file, error));
    return train_checkpoint_remove(job, error);
}
