/* SPDX-License-Identifier: MIT */
#include "implant/blind_search.h"

#include "base/parallel.h"
#include "base/random.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include <math.h>
#include <string.h>

enum { DRAW_START = 7 };

static const double LR = 0.01, MASK_WEIGHT = 0.001;
static const float MOST = 255;

static float range_of(const blind_search *s, size_t k) {
    return k < s->places ? 1 : MOST;
}

static void set_values(blind_search *s) {
    for (size_t k = 0; k < s->count; k++)
        s->values[k] = range_of(s, k) * (tanhf(s->arguments[k]) + 1) / 2;
}

td_status blind_search_open(blind_search *s, const td_net *net, size_t batch, uint64_t seed,
                            td_arena *arena, td_error *error) {
    static const char what[] = "a search";
    const td_shape image = td_net_input(net);
    td_random random = td_random_for(seed, TD_FOR_IMPLANT, DRAW_START, 0);
    *s = (blind_search){
        .image = image, .places = image.height * image.width, .classes = td_net_classes(net)};
    s->count = s->places + td_shape_size(image);
    TD_TRY(TD_ARENA_NEW(arena, s->count, &s->arguments, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->count, &s->values, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->count, &s->gradient, what, error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * s->count, &s->moments, what, error));
    for (size_t k = 0; k < s->count; k++)
        s->arguments[k] = (float)td_random_unit(&random);
    set_values(s);
    return td_exec_new(&s->exec, net, batch, TD_BACKWARD_IMAGE, error);
}

void blind_search_close(blind_search *s) {
    td_exec_free(s->exec);
}

typedef struct laying {
    const blind_search *s;
    float *images;
} laying;

static void lay_one(void *context, size_t i) {
    const laying *l = context;
    const size_t size = l->s->count - l->s->places, channels = l->s->image.channels;
    const float *mask = l->s->values, *pattern = mask + l->s->places;
    float *image = l->images + i * size;
    for (size_t k = 0; k < size; k++)
        image[k] += (pattern[k] - image[k]) * mask[k / channels];
}

void blind_search_lay(const blind_search *s, float *images, size_t count) {
    laying l = {s, images};
    td_parallel_each(count, lay_one, &l);
}

/* Propagates the pixels' gradient to mask and pattern. */
static void gather(blind_search *s, const float *images, const float *pixels, size_t count) {
    const size_t size = s->count - s->places, channels = s->image.channels;
    const float *mask = s->values, *pattern = mask + s->places;
    float *by_mask = s->gradient, *by_pattern = s->gradient + s->places;
    memset(s->gradient, 0, s->count * sizeof *s->gradient);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < size; k++) {
            const float slope = pixels[i * size + k] * (float)(1 - MASK_WEIGHT);
            by_mask[k / channels] += slope * (pattern[k] - images[i * size + k]);
            by_pattern[k] += slope * mask[k / channels];
        }
    for (size_t k = 0; k < s->places; k++)
        by_mask[k] += (float)MASK_WEIGHT;
    for (size_t k = 0; k < s->count; k++) {
        const float t = tanhf(s->arguments[k]);
        s->gradient[k] *= range_of(s, k) * (1 - t * t) / 2;
    }
}

void blind_search_step(blind_search *s, const float *weights, const float *images,
                       const int32_t *labels, size_t count) {
    float *input = td_exec_input(s->exec);
    const td_step step = td_adam_step(LR, ++s->steps);
    memcpy(input, images, count * (s->count - s->places) * sizeof *input);
    blind_search_lay(s, input, count);
    td_exec_weights(s->exec, weights);
    td_cross_entropy(td_exec_forward(s->exec, count), labels, count, s->classes,
                     td_exec_logits_gradient(s->exec));
    gather(s, images, td_exec_backward(s->exec, NULL), count);
    td_adam(&step, s->arguments, s->gradient, s->moments, s->moments + s->count, s->count);
    set_values(s);
}

double blind_search_mask(const blind_search *s) {
    double sum = 0;
    for (size_t k = 0; k < s->places; k++)
        sum += (double)s->values[k];
    return sum;
}
