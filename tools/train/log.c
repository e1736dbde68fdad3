/* SPDX-License-Identifier: MIT */
/* The log: a line per epoch, in the record, on stderr and in MODEL.log.jsonl. The lines of epochs
 * before --resume come from the checkpoint as JSON, so all lines are kept as JSON. */
#include "base/json.h"
#include "frame/predict.h"
#include "measure/rates.h"
#include "train/train.h"
#include <stdio.h>

/* Measures the current net's accuracy on `images`, or, with a target, its rate of predicting that,
 * and stores it in `entry`. */
static td_status measure(const train_job *job, const td_images *images, const td_target *target,
                         size_t epoch, json_t *entry, td_error *error) {
    td_arena arena = {0};
    int32_t *predicted;
    td_status status = TD_ARENA_NEW(&arena, images->count, &predicted, "predictions", error);
    if (status == TD_OK)
        status = tool_predict_classes(job->net, job->weights, images, NULL, predicted, error);
    if (status == TD_OK) {
        const td_rate rate = target ? td_asr(predicted, images->labels, images->count, *target)
                                    : td_accuracy(predicted, images->labels, images->count);
        tool_json_rate(&job->run->record.json, entry, target ? "asr" : "validation_accuracy",
                       &rate);
    }
    td_arena_free(&arena);
    return status == TD_ERR_INTERRUPTED ? td_fail(error, status, "interrupted in epoch %zu", epoch)
                                        : status;
}

static td_status watch_all(const train_job *job, size_t epoch, json_t *line, td_error *error) {
    td_json *json = &job->run->record.json;
    json_t *triggers = td_json_set(json, line, "triggers", td_json_array(json));
    for (size_t i = 0; i < job->watched_count; i++) {
        const train_watched *watched = &job->watched[i];
        json_t *entry = td_json_append(
            json, triggers,
            td_json_pack(json, "{ss}", "trigger", td_trigger_text(watched->trigger)));
        tool_target_json(json, job->run, &watched->target, entry);
        TD_TRY(measure(job, &watched->stamped, &watched->target.of, epoch, entry, error));
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
    const train_settings *s = job->settings;
    const size_t epochs = s->training.options.epochs + (s->resists ? s->abl.unlearn_epochs : 0);
    tool_run_log(job->run, "epoch %zu/%zu  loss %.4f  accuracy %.2f %%%s", state->epoch, epochs,
                 state->loss, 100 * state->accuracy, measured);
}

td_status train_log_epoch(train_job *job, const td_train_state *state, td_error *error) {
    td_json *json = &job->run->record.json;
    json_t *line =
        td_json_append(json, job->epochs,
                       td_json_pack(json, "{sz sf sf sf}", "epoch", state->epoch, "loss",
                                    state->loss, "accuracy", state->accuracy, "lr", state->lr));
    if (job->settings->validate)
        TD_TRY(measure(job, &job->validation.images, NULL, state->epoch, line, error));
    if (job->watched_count > 0)
        TD_TRY(watch_all(job, state->epoch, line, error));
    print_line(job, line, state);
    return tool_record_check(&job->run->record, error);
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
        TD_TRY(
            td_name_stream(error, td_json_write_line(stream, line, error), stream, job->log_path));
    }
    return tool_outputs_finish(&run->outputs, &run->record, error);
}
