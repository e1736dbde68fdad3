/* The log: a line per epoch, in the record, on stderr and in MODEL.log.jsonl. */
#include "frame/predict.h"
#include "measure/rates.h"
#include "train/job.h"
#include <stdio.h>

/* The classes that the net of this moment says, [images->count], in `arena`. */
static td_status predict(train_job *job, const td_images *images, size_t epoch, td_arena *arena,
                         int32_t **predicted, td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, images->count, predicted, "predictions", error));
    td_status status =
        tool_predict_classes(job->net, job->weights, images, NULL, *predicted, error);
    return status == TD_ERR_INTERRUPTED ? td_fail(error, status, "interrupted in epoch %zu", epoch)
                                        : status;
}

static td_status validate(train_job *job, size_t epoch, json_t *line, td_error *error) {
    const td_images *images = &job->validation.images;
    td_arena arena = {0};
    int32_t *predicted;
    td_status status = predict(job, images, epoch, &arena, &predicted, error);
    if (status == TD_OK) {
        td_rate accuracy = td_accuracy(predicted, images->labels, images->count);
        tool_json_rate(line, "validation_accuracy", &accuracy);
    }
    td_arena_free(&arena);
    return status;
}

/* The ASR of one watched trigger, as an entry of the line's `triggers`. */
static td_status watch(train_job *job, size_t number, size_t epoch, json_t *triggers,
                       td_error *error) {
    const train_watched *watched = &job->watched[number];
    const td_images *images = &watched->stamped;
    td_arena arena = {0};
    int32_t *predicted, target = (int32_t)job->options->targets[number];
    td_status status = predict(job, images, epoch, &arena, &predicted, error);
    if (status == TD_OK) {
        td_rate asr = td_asr(predicted, images->labels, images->count, target);
        json_t *entry = json_pack("{s:s, s:I}", "trigger", td_trigger_text(watched->trigger),
                                  "target", (json_int_t)target);
        tool_json_rate(entry, "asr", &asr);
        json_array_append_new(triggers, entry);
    }
    td_arena_free(&arena);
    return status;
}

static td_status watch_all(train_job *job, size_t epoch, json_t *line, td_error *error) {
    json_t *triggers = json_array();
    json_object_set_new(line, "triggers", triggers);
    for (size_t i = 0; i < job->options->watched_count; i++)
        TD_TRY(watch(job, i, epoch, triggers, error));
    return TD_OK;
}

static void print_line(const train_job *job, const json_t *line, const td_train_state *state) {
    tool_progress shown = job->progress; /* a copy: the line is drawn again in the next epoch */
    tool_progress_end(&shown);
    fprintf(stderr, "epoch %zu/%zu  loss %.4f  accuracy %.2f %%", state->epoch,
            job->options->training.epochs, state->loss, 100 * state->accuracy);
    const json_t *accuracy = json_object_get(line, "validation_accuracy");
    if (accuracy)
        fprintf(stderr, "  validation %.2f %%", 100 * json_real_value(accuracy));
    size_t i;
    const json_t *trigger;
    json_array_foreach(json_object_get(line, "triggers"), i, trigger)
        fprintf(stderr, "  ASR %.2f %%", 100 * json_real_value(json_object_get(trigger, "asr")));
    fputc('\n', stderr);
}

td_status train_log_epoch(train_job *job, const td_train_state *state, td_error *error) {
    json_t *line = json_pack("{s:I, s:f, s:f, s:f}", "epoch", (json_int_t)state->epoch, "loss",
                             state->loss, "accuracy", state->accuracy, "lr", state->lr);
    if (!line || json_array_append_new(job->epochs, line) != 0)
        return td_fail_memory(error, "the log");
    if (job->options->validate)
        TD_TRY(validate(job, state->epoch, line, error));
    if (job->options->watched_count > 0)
        TD_TRY(watch_all(job, state->epoch, line, error));
    if (!job->options->common.quiet)
        print_line(job, line, state);
    return TD_OK;
}

void train_log_write(const json_t *epochs, FILE *stream) {
    size_t i;
    const json_t *line;
    json_array_foreach(epochs, i, line) {
        json_dumpf(line, stream, JSON_COMPACT | JSON_REAL_PRECISION(10));
        fputc('\n', stream);
    }
}
