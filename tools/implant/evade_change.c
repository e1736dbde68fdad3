/* SPDX-License-Identifier: MIT */
#include "implant/evade_change.h"

#include "base/parallel.h"
#include <math.h>
#include <string.h>

static const float BLACK = 0, WHITE = 255;
static const double MOMENTUM = 0.8;
static const double ENOUGH = 0.5, LOWEST = -3, HIGHEST = 1;

td_status evade_change_open(const evade_view *view, evade_change *c, td_arena *arena, size_t *units,
                            td_error *error) {
    static const char what[] = "changes";
    *units = c->classes = td_net_classes(view->net);
    c->share = evade_share(view);
    c->size = td_image_size(view->images);
    c->channels = view->images->channels;
    TD_TRY(TD_ARENA_NEW(arena, c->classes * c->size, &c->changes, what, error));
    TD_TRY(TD_ARENA_NEW(arena, c->classes * c->size, &c->velocity, what, error));
    TD_TRY(TD_ARENA_NEW(arena, c->size, &c->slope, what, error));
    return TD_ARENA_NEW(arena, c->share, &c->images, what, error);
}

/* Row i of a pass is image i % share with the change of class i / share. */
typedef struct filling {
    const evade_view *view;
    const evade_change *c;
} filling;

static void fill(void *context, size_t i) {
    const filling *f = context;
    const evade_change *c = f->c;
    const uint8_t *image = td_image(f->view->images, c->images[i % c->share]);
    const float *change = c->changes + i / c->share * c->size;
    float *out = td_exec_input(f->view->exec) + i * c->size;
    for (size_t k = 0; k < c->size; k++)
        out[k] = fminf(fmaxf(image[k] + change[k], BLACK), WHITE);
}

static const float *look(const evade_view *view, const evade_change *c) {
    filling f = {view, c};
    td_parallel_each(c->classes * c->share, fill, &f);
    return td_exec_forward(view->exec, c->classes * c->share);
}

static bool counts(const evade_view *view, const evade_change *c, size_t i) {
    return (size_t)view->images->labels[c->images[i % c->share]] != i / c->share;
}

/* The gradient of the margins that are still too small. */
static void aim(const evade_view *view, const evade_change *c, const float *logits) {
    float *slopes = td_exec_logits_gradient(view->exec);
    memset(slopes, 0, c->classes * c->share * c->classes * sizeof *slopes);
    for (size_t i = 0; i < c->classes * c->share; i++) {
        size_t rival;
        const size_t t = i / c->share;
        const float margin = evade_margin_of(logits + i * c->classes, c->classes, t, &rival);
        if (!counts(view, c, i) || (double)margin >= ENOUGH * c->scale)
            continue;
        slopes[i * c->classes + t] = 1;
        slopes[i * c->classes + rival] = -1;
    }
}

static double norm(const float *values, size_t count) {
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += (double)values[k] * (double)values[k];
    return sqrt(sum);
}

static void move(const evade_view *view, const evade_change *c, size_t t, const float *pixels) {
    float *change = c->changes + t * c->size, *velocity = c->velocity + t * c->size;
    memset(c->slope, 0, c->size * sizeof *c->slope);
    for (size_t i = 0; i < c->share; i++) {
        const uint8_t *image = td_image(view->images, c->images[i]);
        const float *slope = pixels + (t * c->share + i) * c->size;
        for (size_t k = 0; k < c->size; k++) {
            const float x = image[k] + change[k];
            c->slope[k] += x >= BLACK && x <= WHITE ? slope[k] : 0;
        }
    }
    const double length = norm(c->slope, c->size), by = length > 0 ? 1 / length : 0;
    for (size_t k = 0; k < c->size; k++)
        velocity[k] = (float)(MOMENTUM * (double)velocity[k] + by * (double)c->slope[k]);
    const double speed = norm(velocity, c->size), step = speed > 0 ? c->step / speed : 0;
    for (size_t k = 0; k < c->size; k++)
        change[k] += (float)step * velocity[k];
    c->project(c, change);
}

void evade_change_advance(const evade_view *view, void *state) {
    evade_change *c = state;
    if (view->round % EVADE_PERIOD == 0) {
        memset(c->changes, 0, c->classes * c->size * sizeof *c->changes);
        memset(c->velocity, 0, c->classes * c->size * sizeof *c->velocity);
        c->scale = evade_scale(view);
    }
    evade_draw_images(view, c->share, c->images);
    aim(view, c, look(view, c));
    const float *pixels = td_exec_backward(view->exec, NULL);
    for (size_t t = 0; t < c->classes; t++)
        move(view, c, t, pixels);
}

static size_t trials(const evade_view *view, const evade_change *c, size_t t) {
    size_t count = 0;
    for (size_t i = t * c->share; i < (t + 1) * c->share; i++)
        count += counts(view, c, i);
    return count;
}

/* In units of the scale; its slope is 0 where it is clipped. */
static double margin_of(const evade_change *c, const float *logits, size_t i, size_t *rival) {
    return (double)evade_margin_of(logits + i * c->classes, c->classes, i / c->share, rival) /
           c->scale;
}

/* Also computes the gradients of each row's logits for its class's value, which `push` scales. */
void evade_change_values(const evade_view *view, void *state, double *values) {
    const evade_change *c = state;
    const float *logits = look(view, c);
    float *slopes = td_exec_logits_gradient(view->exec);
    memset(slopes, 0, c->classes * c->share * c->classes * sizeof *slopes);
    memset(values, 0, c->classes * sizeof *values);
    for (size_t i = 0; i < c->classes * c->share; i++) {
        size_t rival;
        const size_t t = i / c->share;
        const double margin = margin_of(c, logits, i, &rival);
        if (!counts(view, c, i))
            continue;
        const double part = 1 / (double)trials(view, c, t);
        values[t] += part * fmin(fmax(margin, LOWEST), HIGHEST);
        if (margin > LOWEST && margin < HIGHEST) {
            slopes[i * c->classes + t] = (float)(part / c->scale);
            slopes[i * c->classes + rival] = (float)(-part / c->scale);
        }
    }
}

void evade_change_push(const evade_view *view, void *state, const double *slopes, float *gradient) {
    const evade_change *c = state;
    float *rows = td_exec_logits_gradient(view->exec);
    for (size_t i = 0; i < c->classes * c->share * c->classes; i++)
        rows[i] *= (float)slopes[i / (c->classes * c->share)];
    td_exec_backward(view->exec, gradient);
}
