/* One model: its predictions on clean and on triggered images, counted. */
#include "nn/model.h"
#include "base/size.h"
#include "eval/eval.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include "nn/loss.h"
#include <string.h>

typedef struct model_job {
    eval_job *job;
    size_t number;
    const eval_place *place;
    const char *path;
    td_model model;
    td_rate accuracy;
    size_t *counts;    /* [net's classes, net's classes] */
    uint16_t *reached; /* per image: how many target classes its triggers have given */
    bool *target_seen; /* [count, classes] */
    td_rate *asr;      /* [backdoors]: without trials where one was not measured */
    td_arena arena;
} model_job;

/* Images of a slice: whole batches of any size that is likely. */
static size_t slice_images(const td_images *images) {
    enum { SLICE_BYTES = 1 << 27, BATCHES = 1 << 8 };
    size_t slice = SLICE_BYTES / td_image_size(images) / BATCHES * BATCHES;
    return td_size_max(slice, BATCHES);
}

/* The logits of the images [first, first + count), stamped with the trigger unless it is NULL. */
static td_status predict_slice(model_job *m, const td_trigger *trigger, size_t first, size_t count,
                               tool_pass *pass, float *logits, td_error *error) {
    const td_dataset *data = &m->job->data;
    td_images images = td_images_slice(&data->images, first, first + count);
    td_stamp stamp = {m->job->run->common->seed, data->first + first};
    td_arena arena = {0};
    float *found;
    td_status status = TD_OK;
    if (trigger)
        status = td_trigger_stamp(trigger, &images, stamp, &arena, &images, error);
    if (status == TD_OK)
        status =
            tool_predict(&m->model.net, m->model.weights, &images, pass, &arena, &found, error);
    if (status == TD_OK)
        memcpy(logits, found, count * td_net_classes(&m->model.net) * sizeof *logits);
    td_arena_free(&arena);
    return status;
}

/* All images, in slices: a data set may be larger than memory. */
static td_status predict(model_job *m, const td_trigger *trigger, td_arena *arena,
                         eval_outputs *out, td_error *error) {
    const td_images *images = &m->job->data.images;
    size_t classes = td_net_classes(&m->model.net);
    *out = (eval_outputs){.images = images, .classes = classes};
    TD_TRY(td_arena_alloc(arena, images->count, classes * sizeof *out->logits,
                          (void **)&out->logits, "predictions", error));
    tool_pass pass =
        tool_run_pass(m->job->run, trigger ? "triggered images" : "clean images", images->count);
    size_t most = slice_images(images);
    td_status status = TD_OK;
    for (size_t first = 0; status == TD_OK && first < images->count; first += most)
        status = predict_slice(m, trigger, first, td_size_min(most, images->count - first), &pass,
                               out->logits + first * classes, error);
    tool_pass_end(&pass);
    TD_TRY(status);
    TD_TRY(TD_ARENA_NEW(arena, images->count, &out->predicted, "predictions", error));
    for (size_t i = 0; i < images->count; i++)
        out->predicted[i] = td_argmax(out->logits + i * classes, classes);
    td_confusion(out->predicted, images->labels, images->count, classes, m->counts);
    return TD_OK;
}

static td_status measure_clean(model_job *m, td_arena *arena, td_error *error) {
    eval_job *job = m->job;
    const td_images *images = &job->data.images;
    const size_t classes = td_net_classes(&m->model.net);
    eval_outputs out;
    td_status status = predict(m, NULL, arena, &out, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", m->path);
    m->accuracy = td_accuracy(out.predicted, images->labels, images->count);
    TD_TRY(eval_report_clean(job, m->place, m->accuracy, m->counts,
                             job->scored ? out.logits + job->settings->scores * classes : NULL,
                             classes, error));
    return eval_picture_confusion(job, m->number, m->path, m->counts, classes, error);
}

/* Marks, for every image of another class, the target that this backdoor has given. */
static void note_reached(model_job *m, const eval_backdoor *backdoor, const int32_t *predicted) {
    const td_images *images = &m->job->data.images;
    for (size_t i = 0; i < images->count; i++) {
        bool *seen = &m->target_seen[i * images->classes + backdoor->target];
        if ((size_t)predicted[i] == backdoor->target &&
            (size_t)images->labels[i] != backdoor->target && !*seen) {
            *seen = true;
            m->reached[i]++;
        }
    }
}

static td_status open_place(model_job *m, const eval_backdoor *backdoor, json_t *triggers,
                            eval_place *out, td_error *error) {
    const size_t number = json_array_size(triggers);
    *out = (eval_place){.entry = json_object()};
    if (json_array_append_new(triggers, out->entry) != 0)
        return td_fail_memory(error, "the record");
    TD_TRY(
        tool_run_text(m->job->run, &out->path, error, "%s/triggers/%zu", m->place->path, number));
    return tool_run_text(m->job->run, &out->title, error, "%s, %s, target %zu", m->place->title,
                         td_trigger_text(backdoor->trigger), backdoor->target);
}

static td_status measure_backdoor(model_job *m, size_t number, json_t *triggers, td_arena *arena,
                                  td_error *error) {
    eval_job *job = m->job;
    const eval_backdoor *backdoor = &job->backdoors[number];
    eval_outputs out;
    eval_result result;
    eval_place place;
    TD_TRY(open_place(m, backdoor, triggers, &place, error));
    TD_TRY(predict(m, backdoor->trigger, arena, &out, error));
    TD_TRY(eval_attack(job, backdoor, &out, arena, &result, error));
    m->asr[number] = result.attack.asr;
    TD_TRY(eval_report_row(job, m->place, m->accuracy, &place, backdoor, &result, error));
    TD_TRY(eval_report_attack(job, &place, &result, m->counts, out.classes, error));
    note_reached(m, backdoor, out.predicted);
    TD_TRY(eval_picture_pairs(job, m->number, number, td_trigger_text(backdoor->trigger), m->counts,
                              out.classes, error));
    return eval_picture_samples(job, m->number, number, out.predicted, error);
}

/* How many images reach 0, 1, 2, ... of the targets. */
static td_status add_target_classes(model_job *m, size_t targets, td_error *error) {
    const td_images *images = &m->job->data.images;
    size_t *counts;
    TD_TRY(TD_ARENA_NEW(&m->arena, targets + 1, &counts, "counts", error));
    for (size_t i = 0; i < images->count; i++)
        counts[m->reached[i]]++;
    TD_TRY(eval_report_targets(m->job, m->place, counts, targets, error));
    return eval_picture_targets(m->job, m->number, "images by the number of targets they reach",
                                counts, targets + 1, error);
}

/* Whether the model is called as the output is: "DIR/model-3.safetensors" is of "model-3". */
static bool is_called(const char *path, const char *output) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t length = strlen(output);
    return strncmp(base, output, length) == 0 && (!base[length] || base[length] == '.');
}

/* Whether this model is to be measured with the backdoor: not where it is another output's, and
 * this model is called as an output itself. */
static bool concerns(const model_job *m, const eval_backdoor *backdoor) {
    if (!backdoor->output || is_called(m->path, backdoor->output))
        return true;
    for (size_t i = 0; i < m->job->backdoor_count; i++)
        if (m->job->backdoors[i].output && is_called(m->path, m->job->backdoors[i].output))
            return false;
    return true;
}

static td_status measure_backdoors(model_job *m, td_error *error) {
    size_t measured = 0, targets = 0;
    json_t *triggers = json_array();
    bool *is_target;
    if (json_object_set_new(m->place->entry, "triggers", triggers) != 0)
        return td_fail_memory(error, "the record");
    TD_TRY(TD_ARENA_NEW(&m->arena, m->job->data.images.classes, &is_target, "targets", error));
    for (size_t i = 0; i < m->job->backdoor_count; i++) {
        td_arena arena = {0};
        const eval_backdoor *backdoor = &m->job->backdoors[i];
        if (!concerns(m, backdoor))
            continue;
        measured++;
        targets += !is_target[backdoor->target];
        is_target[backdoor->target] = true;
        td_status status = measure_backdoor(m, i, triggers, &arena, error);
        td_arena_free(&arena);
        TD_TRY(status);
    }
    if (measured == 0)
        return eval_report_row(m->job, m->place, m->accuracy, NULL, NULL, NULL, error);
    if (m->job->settings->strengths.count > 0)
        TD_TRY(eval_report_strengths(m->job, m->place, m->asr, error));
    return measured > 1 ? add_target_classes(m, targets, error) : TD_OK;
}

static td_status measure(model_job *m, td_error *error) {
    const td_images *images = &m->job->data.images;
    TD_TRY(tool_model_open(&m->model, m->path, m->job->settings->net, images, error));
    size_t classes = td_net_classes(&m->model.net);
    if (images->classes > classes)
        return td_fail(error, TD_ERR_USAGE, "%s: it tells %zu classes apart, the data has %zu",
                       m->path, classes, images->classes);
    TD_TRY(TD_ARENA_NEW(&m->arena, images->count, &m->reached, "counts", error));
    TD_TRY(
        TD_ARENA_NEW(&m->arena, images->count * images->classes, &m->target_seen, "counts", error));
    TD_TRY(TD_ARENA_NEW(&m->arena, classes * classes, &m->counts, "a confusion matrix", error));
    TD_TRY(TD_ARENA_NEW(&m->arena, m->job->backdoor_count, &m->asr, "rates", error));
    td_arena arena = {0};
    td_status status = measure_clean(m, &arena, error);
    td_arena_free(&arena);
    return status == TD_OK ? measure_backdoors(m, error) : status;
}

td_status eval_model(eval_job *job, size_t number, const eval_place *place, td_error *error) {
    model_job m = {
        .job = job, .number = number, .place = place, .path = job->settings->models.texts[number]};
    td_status status = measure(&m, error);
    td_model_free(&m.model);
    td_arena_free(&m.arena);
    return status;
}
