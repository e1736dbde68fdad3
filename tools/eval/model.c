/* One model: its predictions on clean and on triggered images, counted, printed and recorded. */
#include "nn/model.h"
#include "base/size.h"
#include "common/net_source.h"
#include "common/progress.h"
#include "eval/eval.h"
#include "nn/loss.h"
#include "nn/predict.h"
#include <stdio.h>
#include <string.h>

/* The outputs of one model for one set of images. */
typedef struct outputs {
    float *logits;      /* [count, classes] */
    int32_t *predicted; /* [count] */
    td_arena arena;
} outputs;

typedef struct model_job {
    eval_job *job;
    const char *path;
    td_model model;
    uint16_t *reached; /* per image: how many target classes its triggers have given */
    bool *target_seen; /* [count, classes] */
    json_t *entry;
    td_arena arena;
} model_job;

static bool batch_done(void *context, size_t images) {
    tool_progress_update(context, images, NULL);
    return !tool_interrupted();
}

static td_status predict(model_job *m, const td_images *images, const char *what, outputs *out,
                         td_error *error) {
    tool_progress progress =
        tool_progress_start(what, "images", images->count, m->job->options->common.quiet);
    size_t classes = td_net_classes(&m->model.net);
    td_status status =
        td_predict(&m->model.net, m->model.weights, images,
                   (td_predict_watch){batch_done, &progress}, &out->arena, &out->logits, error);
    tool_progress_end(&progress);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&out->arena, images->count, &out->predicted, "predictions", error);
    for (size_t i = 0; status == TD_OK && i < images->count; i++)
        out->predicted[i] = td_argmax(out->logits + i * classes, classes);
    return status;
}

static td_status matrix_json(const int32_t *predicted, const td_images *images, size_t classes,
                             json_t **out, td_error *error) {
    td_arena arena = {0};
    size_t *counts;
    TD_TRY(TD_ARENA_NEW(&arena, classes * classes, &counts, "a confusion matrix", error));
    td_confusion(predicted, images->labels, images->count, classes, counts);
    *out = json_array();
    for (size_t row = 0; row < classes; row++) {
        json_t *line = json_array();
        for (size_t column = 0; column < classes; column++)
            json_array_append_new(line, json_integer((json_int_t)counts[row * classes + column]));
        json_array_append_new(*out, line);
    }
    td_arena_free(&arena);
    return TD_OK;
}

static json_t *scores_json(const float *logits, size_t classes) {
    json_t *scores = json_array();
    for (size_t c = 0; c < classes; c++)
        json_array_append_new(scores, json_real((double)logits[c]));
    return scores;
}

static void print_scores(const float *logits, size_t classes) {
    printf("    %-16s", "logits");
    for (size_t c = 0; c < classes; c++)
        printf(" %.4f", (double)logits[c]);
    putchar('\n');
}

static void print_rate(const char *name, const td_rate *rate) {
    printf("    %-16s %7.2f %%  [%.2f, %.2f]  %zu of %zu\n", name, 100 * rate->value,
           100 * rate->interval.low, 100 * rate->interval.high, rate->hits, rate->trials);
}

static td_status measure_clean(model_job *m, td_error *error) {
    const td_images *images = &m->job->data.images;
    size_t classes = td_net_classes(&m->model.net), wanted = m->job->options->scores;
    outputs out = {0};
    json_t *confusion;
    td_status status = predict(m, images, "clean images", &out, error);
    if (status == TD_OK)
        status = matrix_json(out.predicted, images, classes, &confusion, error);
    if (status == TD_OK) {
        td_rate accuracy = td_accuracy(out.predicted, images->labels, images->count);
        tool_json_rate(m->entry, "accuracy", &accuracy);
        json_object_set_new(m->entry, "confusion", confusion);
        printf("%s\n", m->path);
        print_rate("accuracy", &accuracy);
        if (wanted != SIZE_MAX) {
            json_object_set_new(m->entry, "scores",
                                scores_json(out.logits + wanted * classes, classes));
            print_scores(out.logits + wanted * classes, classes);
        }
    }
    td_arena_free(&out.arena);
    return status;
}

static json_t *attack_json(const eval_backdoor *backdoor, const td_attack *attack) {
    json_t *entry = json_pack("{s:s, s:I}", "trigger", td_trigger_text(backdoor->trigger), "target",
                              (json_int_t)backdoor->target);
    tool_json_rate(entry, "asr", &attack->asr);
    tool_json_rate(entry, "non_targeted", &attack->non_targeted);
    tool_json_rate(entry, "robust_accuracy", &attack->robust_accuracy);
    json_object_set_new(entry, "confidence", json_real(attack->confidence));
    json_object_set_new(
        entry, "confidence_interval",
        json_pack("[f, f]", attack->confidence_interval.low, attack->confidence_interval.high));
    return entry;
}

static void print_attack(const td_attack *attack) {
    print_rate("ASR", &attack->asr);
    print_rate("non-targeted", &attack->non_targeted);
    print_rate("robust accuracy", &attack->robust_accuracy);
    printf("    %-16s %9.4f  [%.4f, %.4f]\n", "confidence", attack->confidence,
           attack->confidence_interval.low, attack->confidence_interval.high);
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

static td_status count_attack(model_job *m, const eval_backdoor *backdoor, outputs *out,
                              json_t **entry, td_error *error) {
    const td_images *images = &m->job->data.images;
    size_t classes = td_net_classes(&m->model.net), wanted = m->job->options->scores;
    json_t *pairs, *scores = NULL;
    TD_TRY(matrix_json(out->predicted, images, classes, &pairs, error));
    printf("  %s, target %zu\n", td_trigger_text(backdoor->trigger), backdoor->target);
    if (wanted != SIZE_MAX) {
        scores = scores_json(out->logits + wanted * classes, classes);
        print_scores(out->logits + wanted * classes, classes);
    }
    td_softmax(out->logits, images->count, classes, out->logits);
    td_attack attack = td_attack_rates(out->predicted, out->logits, images->labels, images->count,
                                       classes, (int32_t)backdoor->target);
    *entry = attack_json(backdoor, &attack);
    json_object_set_new(*entry, "pairs", pairs);
    if (scores)
        json_object_set_new(*entry, "scores", scores);
    print_attack(&attack);
    note_reached(m, backdoor, out->predicted);
    return TD_OK;
}

static td_status measure_backdoor(model_job *m, const eval_backdoor *backdoor, json_t *triggers,
                                  td_error *error) {
    td_images stamped;
    td_arena arena = {0};
    outputs out = {0};
    json_t *entry;
    td_status status =
        td_trigger_stamp(backdoor->trigger, &m->job->data.images, &arena, &stamped, error);
    if (status == TD_OK)
        status = predict(m, &stamped, "triggered images", &out, error);
    if (status == TD_OK)
        status = count_attack(m, backdoor, &out, &entry, error);
    if (status == TD_OK)
        json_array_append_new(triggers, entry);
    td_arena_free(&arena);
    td_arena_free(&out.arena);
    return status;
}

/* How many images reach 0, 1, 2, ... of the targets. */
static void add_target_classes(model_job *m) {
    const td_images *images = &m->job->data.images;
    json_t *histogram = json_array();
    for (size_t targets = 0; targets <= td_size_min(m->job->backdoor_count, images->classes);
         targets++) {
        size_t count = 0;
        for (size_t i = 0; i < images->count; i++)
            count += m->reached[i] == targets;
        json_array_append_new(histogram, json_integer((json_int_t)count));
    }
    json_object_set_new(m->entry, "target_classes", histogram);
}

static td_status load(model_job *m, td_error *error) {
    td_net net;
    if (!m->job->options->net)
        return td_model_load(&m->model, m->path, error);
    TD_TRY(tool_net_open(&net, m->job->options->net, &m->job->data.images, error));
    return td_model_load_for(&m->model, &net, m->path, error);
}

static td_status measure(model_job *m, td_error *error) {
    const td_images *images = &m->job->data.images;
    TD_TRY(load(m, error));
    if (images->classes > td_net_classes(&m->model.net))
        return td_fail(error, TD_ERR_USAGE, "%s: it tells %zu classes apart, the data has %zu",
                       m->path, td_net_classes(&m->model.net), images->classes);
    TD_TRY(TD_ARENA_NEW(&m->arena, images->count, &m->reached, "counts", error));
    TD_TRY(
        TD_ARENA_NEW(&m->arena, images->count * images->classes, &m->target_seen, "counts", error));
    json_object_set_new(m->entry, "file", tool_json_text(m->path));
    td_status status = measure_clean(m, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", m->path);
    json_t *triggers = json_array();
    json_object_set_new(m->entry, "triggers", triggers);
    for (size_t i = 0; i < m->job->backdoor_count; i++)
        TD_TRY(measure_backdoor(m, &m->job->backdoors[i], triggers, error));
    if (m->job->backdoor_count > 1)
        add_target_classes(m);
    return TD_OK;
}

td_status eval_model(eval_job *job, const char *path, json_t **out, td_error *error) {
    model_job m = {.job = job, .path = path, .entry = json_object()};
    td_status status = measure(&m, error);
    td_model_free(&m.model);
    td_arena_free(&m.arena);
    if (status != TD_OK)
        json_decref(m.entry);
    *out = status == TD_OK ? m.entry : NULL;
    return status;
}
