/* The log: a line per epoch, in the record, on stderr and in MODEL.log.jsonl. The lines of epochs
 * before --resume come from the checkpoint as JSON, so that is what all of them are kept as. */
#include "frame/predict.h"
#include "measure/rates.h"
#include "train/train.h"
#include <stdio.h>

/* Measures on `images` how often the net of this moment is right or, where there is a target, says
 * it, which goes into `entry`. */
static td_status measure(const train_job *job, const td_images *images, const int32_t *target,
                         size_t epoch, json_t *entry, td_error *error) {
    td_arena arena = {0};
    int32_t *predicted;
    td_status status = TD_ARENA_NEW(&arena, images->count, &predicted, "predictions", error);
    if (status == TD_OK)
        status = tool_predict_classes(job->net, job->weights, images, NULL, predicted, error);
    if (status == TD_OK) {
        const td_rate rate = target ? td_asr(predicted, images->labels, images->count, *target)
                                    : td_accuracy(predicted, images->labels, images->count);
        tool_json_rate(entry, target ? "asr" : "validation_accuracy", &rate);
    }
    td_arena_free(&arena);
    return status == TD_ERR_INTERRUPTED ? td_fail(error, status, "interrupted in epoch %zu", epoch)
                                        : status;
}

static td_status watch_all(const train_job *job, size_t epoch, json_t *line, td_error *error) {
    json_t *triggers = json_array();
    json_object_set_new(line, "triggers", triggers);
    for (size_t i = 0; i < job->watched_count; i++) {
        const train_watched *watched = &job->watched[i];
        json_t *entry = json_pack("{s:s, s:I}", "trigger", td_trigger_text(watched->trigger),
                                  "target", (json_int_t)watched->target);
        if (!entry || json_array_append_new(triggers, entry) != 0)
            return td_fail_memory(error, "the log");
        TD_TRY(measure(job, &watched->stamped, &watched->target, epoch, entry, error));
    }
    return TD_OK;
}

static void print_line(const train_job *job, const json_t *line, const td_train_state *state) {
    char measured[512] = "";
    size_t used = 0, i;
    const json_t *accuracy = json_object_get(line, "validation_accuracy"), *trigger;
    if (accuracy)
        used += (size_t)snprintf(measured, sizeof measured, "  validation %.2f %%",
                                 100 * json_real_value(accuracy));
    json_array_foreach(json_object_get(line, "triggers"), i, trigger) {
        if (used + 32 < sizeof measured)
            used += (size_t)snprintf(measured + used, sizeof measured - used, "  ASR %.2f %%",
                                     100 * json_real_value(json_object_get(trigger, "asr")));
    }
    tool_run_log(job->run, "epoch %zu/%zu  loss %.4f  accuracy %.2f %%%s", state->epoch,
                 job->settings->options.epochs, state->loss, 100 * state->accuracy, measured);
}

td_status train_log_epoch(train_job *job, const td_train_state *state, td_error *error) {
    json_t *line = json_pack("{s:I, s:f, s:f, s:f}", "epoch", (json_int_t)state->epoch, "loss",
                             state->loss, "accuracy", state->accuracy, "lr", state->lr);
    if (!line || json_array_append_new(job->epochs, line) != 0)
        return td_fail_memory(error, "the log");
    if (job->settings->validate)
        TD_TRY(measure(job, &job->validation.images, NULL, state->epoch, line, error));
    if (job->watched_count > 0)
        TD_TRY(watch_all(job, state->epoch, line, error));
    print_line(job, line, state);
    return TD_OK;
}

td_status train_log_write(train_job *job, td_error *error) {
    tool_run *run = job->run;
    FILE *stream;
    size_t i;
    const json_t *line;
    if (!job->log_path)
        return TD_OK;
    TD_TRY(tool_outputs_add_path(&run->outputs, job->log_path, &stream, error));
    json_array_foreach(job->epochs, i, line) {
        json_dumpf(line, stream, JSON_COMPACT | JSON_REAL_PRECISION(10));
        fputc('\n', stream);
    }
    return tool_outputs_finish(&run->outputs, &run->record, error);
}
