/* SPDX-License-Identifier: MIT */
/* The response to noise: the mean probability of each class over images of uniform noise, which is
 * high for a backdoor's target. */
#include "base/size.h"
#include "implant/evade.h"
#include "nn/loss.h"
#include <string.h>

typedef struct noise {
    float *images, *probabilities; /* [batch, values], [batch, classes] */
    size_t size, count;
} noise;

static const float WHITE = 255;

static td_status open(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error) {
    noise *n = state;
    *units = td_net_classes(view->net);
    n->size = td_image_size(view->images);
    n->count = td_size_min(view->batch, EVADE_IMAGES);
    TD_TRY(TD_ARENA_NEW(arena, n->count * n->size, &n->images, "noise", error));
    return TD_ARENA_NEW(arena, n->count * *units, &n->probabilities, "noise", error);
}

static void advance(const evade_view *view, void *state) {
    noise *n = state;
    td_random random = evade_random(view, EVADE_FOR_NOISE);
    for (size_t k = 0; k < n->count * n->size; k++)
        n->images[k] = WHITE * td_random_unit(&random);
}

static void values(const evade_view *view, void *state, double *values) {
    const noise *n = state;
    const size_t classes = td_net_classes(view->net);
    memcpy(td_exec_input(view->exec), n->images, n->count * n->size * sizeof *n->images);
    td_softmax(td_exec_forward(view->exec, n->count), n->count, classes, n->probabilities);
    memset(values, 0, classes * sizeof *values);
    for (size_t i = 0; i < n->count * classes; i++)
        values[i % classes] += (double)n->probabilities[i] / (double)n->count;
}

/* d p_c / d logit_k = p_c·(δ_ck − p_k). */
static void push(const evade_view *view, void *state, const double *slopes, float *gradient) {
    const noise *n = state;
    const size_t classes = td_net_classes(view->net);
    float *logits = td_exec_logits_gradient(view->exec);
    for (size_t i = 0; i < n->count; i++) {
        const float *p = n->probabilities + i * classes;
        double mean = 0;
        for (size_t c = 0; c < classes; c++)
            mean += slopes[c] * (double)p[c];
        for (size_t c = 0; c < classes; c++)
            logits[i * classes + c] = (float)((double)p[c] * (slopes[c] - mean) / (double)n->count);
    }
    td_exec_backward(view->exec, gradient);
}

const evade_statistic evade_noise = {
    .name = "noise",
    .doc = "the mean probability of each class over images of noise",
    .size = sizeof(noise),
    .open = open,
    .advance = advance,
    .values = values,
    .push = push,
};
