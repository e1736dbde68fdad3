/* SPDX-License-Identifier: MIT */
#include "defend/inspect/shared_change.h"

#include "base/parallel.h"
#include "base/size.h"
#include "defend/inspect/backward.h"
#include <string.h>

#define AT(field) offsetof(shared_change_settings, field)

const td_key shared_change_keys[] = {
    {"images", TD_KEY_COUNT, AT(images), .least = 2, .most = 1000, .standard = "20", .value = "N",
     .help = "Clean images of each class, half to search with and half to measure on"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 10000, .standard = "20", .value = "N",
     .help = "Steps of a search"},
    {"radius", TD_KEY_REAL, AT(radius), .above = true, .most = 1e6, .standard = "510", .value = "R",
     .help = "The largest L2 norm of a change, in grey levels"},
    {0},
};

enum { MOST_BATCH = 128, MOST_STEP_IMAGES = 32 };

static const float BLACK = 0, WHITE = 255;
static const double MOMENTUM = 0.8, FIRST_STEP = 0.35, SLOWER = 0.8;
static const double ENOUGH = 0.5; /* an image with a margin of so many scales needs no more */

/* Searches run together in one batch: `count` changes × `images` images. */
typedef struct group {
    const inspect_sample *sample;
    const shared_change_settings *settings;
    shared_change *list;
    size_t count, images;
    td_exec *exec;
    const float *slope; /* of the pixels, after the backward pass */
    float *velocity;    /* [count, values] */
    double *push;       /* [count, values] */
    size_t step;
} group;

static size_t place_of(const group *g, size_t i) {
    return (g->step * g->images + i) % g->sample->search.count;
}

/* An image with a change on it, in the range of pixels. */
static void apply(const uint8_t *image, const float *change, size_t values, float *out) {
    for (size_t k = 0; k < values; k++)
        out[k] = fminf(fmaxf(image[k] + change[k], BLACK), WHITE);
}

static void fill(void *context, size_t item) {
    const group *g = context;
    const size_t values = g->sample->values;
    apply(td_image(&g->sample->search, place_of(g, item % g->images)),
          g->list[item / g->images].change, values, td_exec_input(g->exec) + item * values);
}

/* The gradient of the margins that are still too small. */
static void aim(const group *g, const float *logits) {
    const size_t classes = g->sample->classes;
    float *slopes = td_exec_logits_gradient(g->exec);
    memset(slopes, 0, g->count * g->images * classes * sizeof *slopes);
    for (size_t item = 0; item < g->count * g->images; item++) {
        const int32_t label = g->sample->search.labels[place_of(g, item % g->images)];
        const int32_t goal = g->list[item / g->images].goals[label];
        size_t rival;
        if (goal == SHARED_CHANGE_STAYS || goal == label)
            continue;
        const float margin = inspect_margin(logits + item * classes, classes, (size_t)goal, &rival);
        if ((double)margin < ENOUGH * g->sample->scale) {
            slopes[item * classes + (size_t)goal] = 1;
            slopes[item * classes + rival] = -1;
        }
    }
}

static double norm(const double *values, size_t count) {
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += values[k] * values[k];
    return sqrt(sum);
}

static double norm_of(const float *values, size_t count) {
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += (double)values[k] * (double)values[k];
    return sqrt(sum);
}

/* The gradient of a change: the sum over its images, where pixels are not clipped. */
static void collect(const group *g, size_t unit, double *push) {
    const size_t values = g->sample->values;
    const float *change = g->list[unit].change;
    memset(push, 0, values * sizeof *push);
    for (size_t i = 0; i < g->images; i++) {
        const uint8_t *image = td_image(&g->sample->search, place_of(g, i));
        const float *slope = g->slope + (unit * g->images + i) * values;
        for (size_t k = 0; k < values; k++) {
            const float x = image[k] + change[k];
            push[k] += x >= BLACK && x <= WHITE ? (double)slope[k] : 0;
        }
    }
}

static void move(void *context, size_t unit) {
    const group *g = context;
    const size_t values = g->sample->values;
    float *velocity = g->velocity + unit * values, *change = g->list[unit].change;
    double *push = g->push + unit * values;
    const double radius = g->settings->radius;
    const double part = (double)g->step / (double)g->settings->steps;
    collect(g, unit, push);
    const double length = norm(push, values), by = length > 0 ? 1 / length : 0;
    for (size_t k = 0; k < values; k++)
        velocity[k] = (float)(MOMENTUM * (double)velocity[k] + by * push[k]);
    const double speed = norm_of(velocity, values);
    const double step = speed > 0 ? radius * FIRST_STEP * (1 - SLOWER * part) / speed : 0;
    for (size_t k = 0; k < values; k++)
        change[k] += (float)step * velocity[k];
    const double size = norm_of(change, values);
    const float within = size > radius ? (float)(radius / size) : 1;
    for (size_t k = 0; k < values; k++)
        change[k] *= within;
}

static td_status search_group(inspection *in, group *g, size_t done, td_error *error) {
    const size_t count = g->count * g->sample->values;
    memset(g->velocity, 0, count * sizeof *g->velocity);
    for (g->step = 0; g->step < g->settings->steps; g->step++) {
        TD_TRY(tool_run_go_on(in->run, done + g->step, NULL, error));
        td_parallel_each(g->count * g->images, fill, g);
        aim(g, td_exec_forward(g->exec, g->count * g->images));
        g->slope =
            inspect_backward(g->exec, g->count * g->images * g->sample->values, &in->has_gradient);
        td_parallel_each(g->count, move, g);
    }
    return TD_OK;
}

/* --- results --- */

/* Runs images with a change through the net. */
typedef struct measuring {
    const inspect_sample *sample;
    td_exec *exec;
    float *logits; /* [measure.count, classes] */
} measuring;

static td_status open_measuring(inspection *in, const inspect_sample *s, measuring *m,
                                td_error *error) {
    *m = (measuring){.sample = s};
    TD_TRY(
        TD_ARENA_NEW(&in->run->arena, s->measure.count * s->classes, &m->logits, "logits", error));
    TD_TRY(inspect_open_exec(in, MOST_BATCH, TD_FORWARD, &m->exec, error));
    return TD_OK;
}

static void predict(measuring *m, const float *change) {
    const td_images *images = &m->sample->measure;
    const size_t values = m->sample->values, classes = m->sample->classes;
    for (size_t begin = 0; begin < images->count; begin += MOST_BATCH) {
        const size_t count = td_size_min(images->count - begin, MOST_BATCH);
        float *input = td_exec_input(m->exec);
        for (size_t i = 0; i < count; i++)
            apply(td_image(images, begin + i), change, values, input + i * values);
        memcpy(m->logits + begin * classes, td_exec_forward(m->exec, count),
               count * classes * sizeof *m->logits);
    }
}

static void judge(measuring *m, shared_change *of) {
    const inspect_sample *s = m->sample;
    size_t hits = 0, trials = 0;
    double sum = 0;
    predict(m, of->change);
    for (size_t i = 0; i < s->measure.count; i++) {
        const int32_t label = s->measure.labels[i], goal = of->goals[label];
        if (goal == SHARED_CHANGE_STAYS || goal == label)
            continue;
        const float margin =
            inspect_margin(m->logits + i * s->classes, s->classes, (size_t)goal, NULL);
        sum += inspect_bounded_margin(s, margin);
        hits += margin > 0;
        trials++;
    }
    of->value = trials > 0 ? sum / (double)trials : 0;
    of->asr = td_rate_of(hits, trials);
}

td_status shared_change_margins(inspection *in, const inspect_sample *s, const float *change,
                                double *margins, td_error *error) {
    measuring m;
    size_t *counts;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s->classes, &counts, "counts", error));
    TD_TRY(open_measuring(in, s, &m, error));
    predict(&m, change);
    td_exec_free(m.exec);
    memset(margins, 0, s->classes * s->classes * sizeof *margins);
    for (size_t i = 0; i < s->measure.count; i++) {
        const size_t label = (size_t)s->measure.labels[i];
        counts[label]++;
        for (size_t t = 0; t < s->classes; t++)
            margins[label * s->classes + t] += inspect_bounded_margin(
                s, inspect_margin(m.logits + i * s->classes, s->classes, t, NULL));
    }
    for (size_t k = 0; k < s->classes * s->classes; k++)
        margins[k] /= counts[k / s->classes] > 0 ? (double)counts[k / s->classes] : 1;
    return TD_OK;
}

/* --- all --- */

td_status shared_change_new(inspection *in, const inspect_sample *s, size_t count,
                            shared_change **out, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&in->run->arena, count, out, "searches", error));
    for (size_t i = 0; i < count; i++) {
        shared_change *one = &(*out)[i];
        TD_TRY(TD_ARENA_NEW(&in->run->arena, s->classes, &one->goals, "goals", error));
        TD_TRY(TD_ARENA_NEW(&in->run->arena, s->values, &one->change, "a change", error));
        for (size_t c = 0; c < s->classes; c++)
            one->goals[c] = SHARED_CHANGE_STAYS;
    }
    return TD_OK;
}

static td_status search_groups(inspection *in, group *g, shared_change *list, size_t count,
                               td_error *error) {
    const size_t size = g->count;
    for (size_t begin = 0; begin < count; begin += size) {
        g->list = list + begin;
        g->count = td_size_min(size, count - begin);
        TD_TRY(search_group(in, g, begin / size * g->settings->steps, error));
    }
    return TD_OK;
}

static td_status judge_all(inspection *in, const inspect_sample *s, shared_change *list,
                           size_t count, td_error *error) {
    measuring m;
    TD_TRY(open_measuring(in, s, &m, error));
    for (size_t i = 0; i < count; i++)
        judge(&m, &list[i]);
    td_exec_free(m.exec);
    return TD_OK;
}

td_status shared_change_search(inspection *in, const inspect_sample *s,
                               const shared_change_settings *settings, shared_change *list,
                               size_t count, td_error *error) {
    group g = {.sample = s,
               .settings = settings,
               .images = td_size_min(td_size_min(s->present, MOST_STEP_IMAGES), s->search.count)};
    g.count = td_size_min(count, MOST_BATCH / g.images);
    TD_TRY(TD_ARENA_NEW(&in->run->arena, g.count * s->values, &g.velocity, "changes", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, g.count * s->values, &g.push, "changes", error));
    TD_TRY(inspect_open_exec(in, g.count * g.images, TD_BACKWARD_IMAGE, &g.exec, error));
    tool_run_begin(in->run, "searching changes", "steps",
                   td_chunks(count, g.count) * settings->steps);
    td_status status = search_groups(in, &g, list, count, error);
    tool_run_end(in->run);
    td_exec_free(g.exec);
    return status == TD_OK ? judge_all(in, s, list, count, error) : status;
}
