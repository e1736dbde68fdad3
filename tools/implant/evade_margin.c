/* SPDX-License-Identifier: MIT */
/* Margins: for each class the image, optimised from noise, with the largest margin of the class's
 * logit over the others (Wang et al., "MM-BD", IEEE S&P 2024), in units of the model's usual
 * margin. */
#include "base/size.h"
#include "implant/evade.h"
#include <math.h>
#include <string.h>

enum { STARTS = 4 };

static const float WHITE = 255;
static const double STEP = 15; /* grey levels a pixel */

typedef struct margin_search {
    float *images;         /* [classes, starts, values] */
    size_t *best, *rivals; /* [classes]: the start and the rival class that give the value */
    size_t classes, starts, size;
    double scale;
} margin_search;

static td_status open(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error) {
    margin_search *s = state;
    *units = s->classes = td_net_classes(view->net);
    s->starts = td_size_min(STARTS, evade_share(view));
    s->size = td_image_size(view->images);
    TD_TRY(TD_ARENA_NEW(arena, s->classes * s->starts * s->size, &s->images, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, s->classes, &s->best, "images", error));
    return TD_ARENA_NEW(arena, s->classes, &s->rivals, "images", error);
}

static const float *look(const evade_view *view, const margin_search *s) {
    const size_t count = s->classes * s->starts;
    memcpy(td_exec_input(view->exec), s->images, count * s->size * sizeof *s->images);
    return td_exec_forward(view->exec, count);
}

static void start(const evade_view *view, margin_search *s) {
    td_random random = evade_random(view, EVADE_FOR_NOISE);
    for (size_t k = 0; k < s->classes * s->starts * s->size; k++)
        s->images[k] = WHITE * td_random_unit(&random);
    s->scale = evade_scale(view);
}

static void move(const margin_search *s, size_t i, const float *slope) {
    double squares = 0;
    for (size_t k = 0; k < s->size; k++)
        squares += (double)slope[k] * (double)slope[k];
    const float by = squares > 0 ? (float)(STEP * sqrt((double)s->size / squares)) : 0;
    for (size_t k = 0; k < s->size; k++) {
        float *x = &s->images[i * s->size + k];
        *x = fminf(fmaxf(*x + by * slope[k], 0), WHITE);
    }
}

static void advance(const evade_view *view, void *state) {
    margin_search *s = state;
    const size_t count = s->classes * s->starts;
    if (view->round % EVADE_PERIOD == 0)
        start(view, s);
    const float *logits = look(view, s);
    float *slopes = td_exec_logits_gradient(view->exec);
    memset(slopes, 0, count * s->classes * sizeof *slopes);
    for (size_t i = 0; i < count; i++) {
        size_t rival;
        evade_margin_of(logits + i * s->classes, s->classes, i / s->starts, &rival);
        slopes[i * s->classes + i / s->starts] = 1;
        slopes[i * s->classes + rival] = -1;
    }
    const float *pixels = td_exec_backward(view->exec, NULL);
    for (size_t i = 0; i < count; i++)
        move(s, i, pixels + i * s->size);
}

static void values(const evade_view *view, void *state, double *values) {
    margin_search *s = state;
    const float *logits = look(view, s);
    for (size_t t = 0; t < s->classes; t++) {
        values[t] = -INFINITY;
        for (size_t i = t * s->starts; i < (t + 1) * s->starts; i++) {
            size_t rival;
            const double margin =
                (double)evade_margin_of(logits + i * s->classes, s->classes, t, &rival) / s->scale;
            if (margin > values[t]) {
                values[t] = margin;
                s->best[t] = i;
                s->rivals[t] = rival;
            }
        }
    }
}

static void push(const evade_view *view, void *state, const double *slopes, float *gradient) {
    const margin_search *s = state;
    float *logits = td_exec_logits_gradient(view->exec);
    memset(logits, 0, s->classes * s->starts * s->classes * sizeof *logits);
    for (size_t t = 0; t < s->classes; t++) {
        float *row = logits + s->best[t] * s->classes;
        row[t] = (float)(slopes[t] / s->scale);
        row[s->rivals[t]] = -row[t];
    }
    td_exec_backward(view->exec, gradient);
}

const evade_statistic evade_margin = {
    .name = "margin",
    .doc = "the largest margin that each class has in an image searched from noise",
    .search = true,
    .above = true,
    .size = sizeof(margin_search),
    .open = open,
    .advance = advance,
    .values = values,
    .push = push,
};
