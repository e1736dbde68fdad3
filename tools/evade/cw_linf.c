/* SPDX-License-Identifier: MIT */
/* Carlini and Wagner's L-infinity attack (cw.h; section VI-C): the distance is the sum of the
 * changes' excesses over a bound tau. When an attack within tau succeeds, tau falls to nine tenths
 * of its largest change; when one fails, c is doubled; the attack ends when c reaches 20. The
 * result has whole pixel values, and so has tau. */
#include "evade/cw.h"

#include <math.h>

static const double MOST_CONSTANT = 20;

/* Penalises changes well before they round up to the next whole value. */
static const float MARGIN = 0.25F;

static double excess(const cw *c, size_t image, float *gradient) {
    const size_t size = c->batch->net->size;
    const float *x = c->x + image * size, *clean = c->batch->clean + image * size;
    const float bound = (float)c->images[image].bound + MARGIN;
    double sum = 0;
    for (size_t i = 0; i < size; i++) {
        float change = x[i] - clean[i], over = fabsf(change) - bound;
        if (over > 0) {
            sum += (double)(over / EVADE_RANGE);
            gradient[i] += change > 0 ? 1 : -1;
        }
    }
    return sum;
}

static size_t largest_change(const cw *c, size_t image) {
    const size_t size = c->batch->net->size;
    const float *shown = c->shown + image * size, *clean = c->batch->clean + image * size;
    float largest = 0;
    for (size_t i = 0; i < size; i++)
        largest = fmaxf(largest, fabsf(shown[i] - clean[i]));
    return (size_t)largest;
}

static bool advance(cw *c, size_t image) {
    cw_image *state = &c->images[image];
    const float *best = c->kept + image * c->batch->net->size;
    size_t change = largest_change(c, image);
    if (cw_succeeded(c, image) && change <= state->bound) {
        cw_keep(c, image);
        state->bound = change * 9 / 10;
    } else if (cw_is_stuck(c, image)) {
        state->constant *= 2;
    } else {
        return true;
    }
    if (state->bound == 0 || state->constant > MOST_CONSTANT)
        c->batch->done[image] = true;
    else
        cw_restart(c, image, best);
    return false;
}

static td_status run(evade_batch *batch, td_error *error) {
    static const cw_kind kind = {excess, advance};
    return cw_run(batch, &kind, error);
}

static const attack math = {.gradients = true, .at_once = EVADE_BATCH, .run = run};

static const td_key keys[] = {
    CW_KEYS("0.005", "0.00001"),
    {0},
};

static const tool_keys groups[] = {
    {.keys = evade_target_next}, {.keys = keys, .object = "settings"}, {0}};

const tool_method evade_cw_linf = {
    .name = "cw-linf",
    .title = "C&W Linf",
    .source = "Carlini and Wagner, IEEE S&P 2017",
    .doc = "the least largest change, by Adam",
    .help = "Adam penalises changes above a bound, which falls as long as the attack "
            "succeeds.\vExample:\n  trapdoor-evade cw-linf --model model.safetensors --data mnist "
            "--count 100 \\\n    --keep successful -o suspects.safetensors",
    .family = &attacks,
    .groups = groups,
    .size = sizeof(cw_settings),
    .math = &math,
};
