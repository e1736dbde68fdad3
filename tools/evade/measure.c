/* What came of an attack: rates, and the distances of the successes. */
#include "evade/evade.h"

#include "measure/rates.h"
#include "measure/similarity.h"
#include "nn/loss.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Sums over the successes. */
typedef struct sums {
    double l0, l2, linf, confidence;
    size_t successes, attacked;
} sums;

static size_t changed_pixels(const uint8_t *a, const uint8_t *b, size_t size, size_t channels) {
    size_t changed = 0;
    for (size_t i = 0; i < size; i += channels)
        changed += memcmp(a + i, b + i, channels) != 0;
    return changed;
}

static double euclidean(const uint8_t *a, const uint8_t *b, size_t size) {
    double squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sqrt(squares) / (double)EVADE_RANGE;
}

static void add_task(evade_job *job, size_t number, sums *s) {
    const td_images *images = &job->data.images;
    const size_t size = td_image_size(images);
    evade_task *task = &job->tasks[number];
    int32_t predicted = job->predicted[number], label = job->adversarial.labels[number];
    if (!task->attacked)
        return;
    s->attacked++;
    task->reached =
        task->target == EVADE_NO_TARGET ? predicted != label : predicted == task->target;
    if (!task->reached)
        return;
    const uint8_t *clean = td_image(images, task->image), *found = job->pixels + number * size;
    s->successes++;
    s->l0 += (double)changed_pixels(clean, found, size, images->channels);
    s->l2 += euclidean(clean, found, size);
    s->linf += td_linf(clean, found, size) / (double)EVADE_RANGE;
    s->confidence +=
        (double)job->probabilities[number * td_net_classes(&job->model.net) + (size_t)predicted];
}

/* NAME is the mean over the successes, or null without any. */
static void add_mean(json_t *result, const char *name, double sum, size_t count) {
    json_object_set_new(result, name, count ? json_real(sum / (double)count) : json_null());
}

/* Counts of original and predicted class, of what was attacked. */
static td_status add_pairs(evade_job *job, json_t *result, td_error *error) {
    const size_t classes = td_net_classes(&job->model.net);
    size_t *counts;
    TD_TRY(td_arena_alloc(&job->arena, classes, classes * sizeof *counts, (void **)&counts,
                          "counts", error));
    for (size_t i = 0; i < job->task_count; i++)
        if (job->tasks[i].attacked)
            counts[(size_t)job->adversarial.labels[i] * classes + (size_t)job->predicted[i]]++;
    json_t *pairs = json_array();
    for (size_t row = 0; row < classes; row++) {
        json_t *line = json_array();
        for (size_t column = 0; column < classes; column++)
            json_array_append_new(line, json_integer((json_int_t)counts[row * classes + column]));
        json_array_append_new(pairs, line);
    }
    json_object_set_new(result, "pairs", pairs);
    return TD_OK;
}

/* How many of the attacked images reach 0, 1, ... of the other classes. */
static td_status add_target_classes(evade_job *job, json_t *result, bool print, td_error *error) {
    const size_t others = job->data.images.classes - 1;
    size_t *counts;
    TD_TRY(TD_ARENA_NEW(&job->arena, others + 1, &counts, "counts", error));
    for (size_t i = 0; i < job->task_count; i += others) {
        size_t reached = 0;
        for (size_t turn = 0; turn < others; turn++)
            reached += job->tasks[i + turn].reached;
        if (job->tasks[i].attacked)
            counts[reached]++;
    }
    json_t *histogram = json_array();
    if (print)
        printf("  images that reach 0, 1, ... other classes:");
    for (size_t i = 0; i <= others; i++) {
        json_array_append_new(histogram, json_integer((json_int_t)counts[i]));
        if (print)
            printf(" %zu", counts[i]);
    }
    if (print)
        putchar('\n');
    json_object_set_new(result, "target_classes", histogram);
    return TD_OK;
}

static void print_rate(const char *name, const td_rate *rate) {
    printf("  %-16s %7.2f %%  [%.2f, %.2f]  %zu of %zu\n", name, 100 * rate->value,
           100 * rate->interval.low, 100 * rate->interval.high, rate->hits, rate->trials);
}

static void print_result(const evade_job *job, const sums *s, const td_rate *success,
                         const td_rate *robust) {
    const td_images *images = &job->data.images;
    const double n = (double)s->successes;
    char target[24];
    printf("%s: %s, target %s: %zu of %zu images are classified rightly\n", job->options->model,
           job->options->method->name,
           evade_target_text(job->options->target_kind, job->options->target, target), job->right,
           images->count);
    print_rate("success", success);
    print_rate("robust accuracy", robust);
    if (s->successes > 0) {
        printf("  %-16s %9.4f\n", "confidence", s->confidence / n);
        printf("  %-16s %7.2f pixels, %.2f %%\n", "L0", s->l0 / n,
               100 * s->l0 / n / (double)(images->height * images->width));
        printf("  %-16s %9.4f\n  %-16s %9.4f\n", "L2", s->l2 / n, "Linf", s->linf / n);
    }
    printf("  %-16s %llu gradients, %llu other queries\n", "asked for",
           (unsigned long long)job->gradients, (unsigned long long)job->queries);
}

static td_status add_result(evade_job *job, const sums *s, td_error *error) {
    const td_images *images = &job->data.images;
    const bool print = !job->options->common.json || strcmp(job->options->common.json, "-") != 0;
    json_t *result = job->record.root;
    td_rate success = td_rate_of(s->successes, s->attacked);
    td_rate robust = td_accuracy(job->predicted, job->adversarial.labels, job->adversarial.count);
    json_object_set_new(result, "images", json_integer((json_int_t)images->count));
    json_object_set_new(result, "classified_rightly", json_integer((json_int_t)job->right));
    json_object_set_new(result, "attacked", json_integer((json_int_t)s->attacked));
    tool_json_rate(result, "success", &success);
    tool_json_rate(result, "robust_accuracy", &robust);
    add_mean(result, "confidence", s->confidence, s->successes);
    td_interval sure =
        td_wilson(s->successes ? s->confidence / (double)s->successes : 0, s->successes);
    json_object_set_new(result, "confidence_interval", json_pack("[ff]", sure.low, sure.high));
    add_mean(result, "l0", s->l0, s->successes);
    add_mean(result, "l0_share", s->l0 / (double)(images->height * images->width), s->successes);
    add_mean(result, "l2", s->l2, s->successes);
    add_mean(result, "linf", s->linf, s->successes);
    json_object_set_new(result, "gradients", json_integer((json_int_t)job->gradients));
    json_object_set_new(result, "queries", json_integer((json_int_t)job->queries));
    TD_TRY(add_pairs(job, result, error));
    if (print)
        print_result(job, s, &success, &robust);
    return job->options->target_kind == EVADE_TO_ALL ? add_target_classes(job, result, print, error)
                                                     : TD_OK;
}

td_status evade_measure(evade_job *job, td_error *error) {
    const size_t classes = td_net_classes(&job->model.net), count = job->task_count;
    sums s = {0};
    TD_TRY(evade_predict(job, &job->adversarial, "adversarial images", &job->arena,
                         &job->probabilities, error));
    TD_TRY(TD_ARENA_NEW(&job->arena, count, &job->predicted, "predictions", error));
    for (size_t i = 0; i < count; i++)
        job->predicted[i] = td_argmax(job->probabilities + i * classes, classes);
    td_softmax(job->probabilities, count, classes, job->probabilities);
    for (size_t i = 0; i < count; i++)
        add_task(job, i, &s);
    return add_result(job, &s, error);
}
