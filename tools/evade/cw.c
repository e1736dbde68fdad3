/* SPDX-License-Identifier: MIT */
#include "evade/cw.h"

#include "base/parallel.h"
#include "nn/optimizer.h"
#include <math.h>
#include <string.h>

static const float INSIDE = 0.999999F; /* keeps w finite */

static size_t size_of(const cw *c) {
    return c->batch->net->size;
}

static size_t place_of(const cw *c, size_t image, size_t value) {
    const size_t channels = c->batch->shape.channels;
    return image * (size_of(c) / channels) + value / channels;
}

void cw_restart(cw *c, size_t image, const float *from) {
    const size_t size = size_of(c), first = image * size;
    for (size_t i = 0; i < size; i++)
        c->w[first + i] = atanhf((2 * from[i] / EVADE_RANGE - 1) * INSIDE);
    memset(c->mean + first, 0, size * sizeof *c->mean);
    memset(c->square + first, 0, size * sizeof *c->square);
    c->images[image].iteration = c->images[image].adam = 0;
    c->images[image].checked = INFINITY;
}

bool cw_succeeded(const cw *c, size_t image) {
    double gap = c->images[image].gap;
    return gap < 0 && gap <= -c->settings->confidence;
}

void cw_keep(cw *c, size_t image) {
    const size_t size = size_of(c);
    const float *shown = c->shown + image * size;
    memcpy(c->kept + image * size, shown, size * sizeof *shown);
    evade_round(shown, size, c->batch->out + image * size);
}

bool cw_is_stuck(cw *c, size_t image) {
    const size_t most = c->settings->iterations;
    const size_t tenth = most < 10 ? 1 : most / 10;
    cw_image *state = &c->images[image];
    if (++state->iteration >= most)
        return true;
    if (most < 10 || state->iteration % tenth != 0)
        return false;
    bool stuck = state->loss > 0.9999 * state->checked;
    state->checked = state->loss;
    return stuck;
}

double cw_squared_distance(const cw *c, size_t image, float *gradient) {
    const size_t size = size_of(c);
    const float *x = c->x + image * size, *clean = c->batch->clean + image * size;
    double sum = 0;
    for (size_t i = 0; i < size; i++) {
        float change = (x[i] - clean[i]) / EVADE_RANGE;
        sum += (double)change * (double)change;
        gradient[i] += 2 * change;
    }
    return sum;
}

/* x' from w, and rounded. */
static void show_one(void *context, size_t k) {
    cw *c = context;
    const evade_batch *batch = c->batch;
    const size_t size = size_of(c);
    size_t image = batch->live[k];
    for (size_t i = image * size; i < (image + 1) * size; i++) {
        c->x[i] = c->fixed[place_of(c, image, i - image * size)]
                      ? batch->clean[i]
                      : EVADE_RANGE * (tanhf(c->w[i]) + 1) / 2;
        c->shown[i] = evade_clip(rintf(c->x[i]), 0, EVADE_RANGE);
    }
}

/* The gap of one image. */
static void follow_gap(void *context, size_t image, const float *logits, float *gradient) {
    cw *c = context;
    const evade_batch *batch = c->batch;
    const size_t classes = batch->net->classes;
    const bool targeted = batch->targets[image] != EVADE_NO_TARGET;
    const size_t own = (size_t)(targeted ? batch->targets[image] : batch->labels[image]);
    size_t rival = own == 0 ? 1 : 0;
    for (size_t i = 0; i < classes; i++)
        if (i != own && logits[i] > logits[rival])
            rival = i;
    const float sign = targeted ? 1 : -1;
    memset(gradient, 0, classes * sizeof *gradient);
    gradient[rival] = sign;
    gradient[own] = -sign;
    c->images[image].gap = (double)sign * ((double)logits[rival] - (double)logits[own]);
}

/* Adam on w. `gradient`: with respect to x' before, to w afterwards. */
static void step(cw *c, size_t image, float *gradient) {
    const size_t size = size_of(c), first = image * size;
    const td_step adam = td_adam_step(c->settings->learning_rate, ++c->images[image].adam);
    const float *x = c->x + first;
    for (size_t i = 0; i < size; i++) {
        const float t = 2 * x[i] / EVADE_RANGE - 1; /* tanh w */
        gradient[i] = gradient[i] * (1 - t) * (1 + t) / 2;
    }
    td_adam(&adam, c->w + first, gradient, c->mean + first, c->square + first, size);
}

typedef struct turn {
    cw *c;
    const float *gradient; /* of the gaps by raw pixels, [live_count, size] */
} turn;

static void turn_one(void *context, size_t k) {
    const turn *t = context;
    cw *c = t->c;
    const evade_batch *batch = c->batch;
    const size_t size = size_of(c);
    const double confidence = c->settings->confidence;
    size_t image = batch->live[k];
    cw_image *state = &c->images[image];
    float *slope = c->slope + image * size, *sum = c->scratch + image * size;
    float weight = state->gap > -confidence ? (float)state->constant : 0;
    for (size_t i = 0; i < size; i++) {
        slope[i] = EVADE_RANGE * t->gradient[k * size + i];
        sum[i] = weight * slope[i];
    }
    state->distance = c->kind->distance(c, image, sum);
    state->loss = state->distance + state->constant * fmax(state->gap + confidence, 0);
    if (c->kind->advance(c, image))
        step(c, image, sum);
}

static td_status allocate(cw *c, td_error *error) {
    static const char what[] = "adversarial images";
    evade_batch *batch = c->batch;
    const size_t values = batch->count * size_of(c);
    float **arrays[] = {&c->w,     &c->mean,  &c->square,  &c->x,
                        &c->shown, &c->slope, &c->scratch, &c->kept};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(&batch->arena, values, arrays[i], what, error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, batch->count, &c->images, what, error));
    return TD_ARENA_NEW(&batch->arena, values / batch->shape.channels, &c->fixed, what, error);
}

td_status cw_run(evade_batch *batch, const cw_kind *kind, td_error *error) {
    cw c = {.batch = batch, .settings = batch->settings, .kind = kind};
    TD_TRY(allocate(&c, error));
    memcpy(c.kept, batch->clean, batch->count * batch->net->size * sizeof *c.kept);
    for (size_t i = 0; i < batch->count; i++) {
        c.images[i] = (cw_image){.constant = c.settings->constant,
                                 .best = INFINITY,
                                 .upper = INFINITY,
                                 .bound = (size_t)EVADE_RANGE};
        cw_restart(&c, i, batch->clean + i * batch->net->size);
    }
    while (batch->live_count > 0) {
        TD_TRY(evade_batch_poll(batch, error));
        td_parallel_each(batch->live_count, show_one, &c);
        turn t = {&c, evade_batch_gradient(batch, c.shown, follow_gap, &c)};
        td_parallel_each(batch->live_count, turn_one, &t);
        evade_batch_compact(batch);
    }
    return TD_OK;
}
