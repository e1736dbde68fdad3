/* SPDX-License-Identifier: MIT */
/* Specificity, from the evasive baseline of the Trojan Detection Challenge (NeurIPS 2022): images
 * with triggers other than the backdoor's should get the clean model's probabilities. The value is
 * the mean Kullback-Leibler divergence from these. As there, each image counts as one of the batch:
 * 16 of 288. Half of the images have a square of random black and white cells, of 3 to 10 pixels
 * per side and a fifth of opacity, at a random position; the others are mixed with a tenth of
 * random noise. */
#include "base/size.h"
#include "implant/evade.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

enum { IMAGES = 64, LEAST_SIDE = 3, MOST_SIDE = 10 };

static const float WHITE = 255, PATCH = 0.2F, NOISE = 0.1F; /* opacities */

typedef struct specificity {
    float *input, *wanted; /* [count, values], [count, classes] */
    size_t count, size;
} specificity;

static td_status open(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error) {
    specificity *s = state;
    *units = 1;
    s->count = td_size_min(view->batch, IMAGES);
    s->size = td_image_size(view->images);
    TD_TRY(TD_ARENA_NEW(arena, s->count * s->size, &s->input, "images", error));
    return TD_ARENA_NEW(arena, s->count * td_net_classes(view->net), &s->wanted, "probabilities",
                        error);
}

static void paste(const td_images *images, td_random *random, float *image) {
    const size_t height = images->height, width = images->width, channels = images->channels;
    const size_t most = td_size_min(td_size_min(height, width), MOST_SIDE),
                 least = td_size_min(most, LEAST_SIDE);
    const size_t side = least + td_random_below(random, (uint32_t)(most - least + 1));
    const size_t top = td_random_below(random, (uint32_t)(height - side + 1)),
                 left = td_random_below(random, (uint32_t)(width - side + 1));
    for (size_t i = 0; i < side * side; i++)
        for (size_t c = 0; c < channels; c++) {
            float *value = &image[((top + i / side) * width + left + i % side) * channels + c];
            *value += PATCH * ((td_random_below(random, 2) ? WHITE : 0) - *value);
        }
}

static void advance(const evade_view *view, void *state) {
    specificity *s = state;
    uint32_t numbers[IMAGES];
    td_random random = evade_random(view, EVADE_FOR_PATCHES);
    evade_draw_images(view, s->count, numbers);
    td_feed(view->images, numbers, 0, s->count, s->input);
    for (size_t i = 0; i < s->count; i++) {
        float *image = s->input + i * s->size;
        if (i % 2 == 0)
            paste(view->images, &random, image);
        for (size_t k = 0; i % 2 == 1 && k < s->size; k++)
            image[k] += NOISE * (WHITE * td_random_unit(&random) - image[k]);
    }
    memcpy(td_exec_input(view->base), s->input, s->count * s->size * sizeof *s->input);
    td_softmax(td_exec_forward(view->base, s->count), s->count, td_net_classes(view->net),
               s->wanted);
}

/* Also sets the gradients of the logits. */
static void values(const evade_view *view, void *state, double *values) {
    const specificity *s = state;
    const size_t classes = td_net_classes(view->net);
    double sum = 0;
    memcpy(td_exec_input(view->exec), s->input, s->count * s->size * sizeof *s->input);
    const float *logits = td_exec_forward(view->exec, s->count);
    sum = td_cross_entropy_soft(logits, s->wanted, s->count, classes,
                                td_exec_logits_gradient(view->exec))
              .sum;
    for (size_t i = 0; i < s->count * classes; i++)
        if (s->wanted[i] > 0)
            sum += (double)s->wanted[i] * log((double)s->wanted[i]);
    values[0] = sum / (double)s->count;
}

static void push(const evade_view *view, void *state, const double *slopes, float *gradient) {
    const specificity *s = state;
    float *logits = td_exec_logits_gradient(view->exec);
    for (size_t i = 0; i < s->count * td_net_classes(view->net); i++)
        logits[i] *= (float)slopes[0];
    td_exec_backward(view->exec, gradient);
}

static const double costs[] = {16.0 / 288};

const evade_statistic evade_specificity = {
    .name = "specificity",
    .doc = "answers to other triggers, as far as a clean model's (TDC 2022)",
    .costs = costs,
    .size = sizeof(specificity),
    .open = open,
    .advance = advance,
    .values = values,
    .push = push,
};
