/* SPDX-License-Identifier: MIT */
/* Carlini and Wagner's L0 attack (cw.h; section VI-B): the L2 attack, stopped at its first success,
 * shows which pixels matter least, by |change| · |slope of f| summed over the channels. These are
 * fixed at their clean values, and the attack continues with the rest, until it no longer succeeds.
 * When it fails, c is first doubled while it is below 1e4, above which the distance has no weight.
 * Each time it fixes 0.3 times the square root of the number of changed pixels, at least one. */
#include "evade/cw.h"

#include <math.h>

static const double MOST_CONSTANT = 1e4, SHARE = 0.3;

/* The importance of a pixel; INFINITY if it cannot be fixed. Unchanged ones are the least
 * important. */
static float weight_of(const cw *c, size_t image, size_t place) {
    const size_t channels = c->batch->shape.channels, size = c->batch->net->size;
    const size_t first = image * size + place * channels;
    float change = 0, slope = 0;
    if (c->fixed[image * (size / channels) + place])
        return INFINITY;
    for (size_t i = first; i < first + channels; i++) {
        change += fabsf(c->shown[i] - c->batch->clean[i]);
        slope += fabsf(c->slope[i]);
    }
    return change > 0 ? change * slope : -1;
}

static size_t least(const float *weights, size_t places) {
    size_t found = 0;
    for (size_t p = 1; p < places; p++)
        if (weights[p] < weights[found])
            found = p;
    return found;
}

/* Fixes the unchanged pixels, and some of the least important. Returns whether any are left to
 * change. */
static bool fix_pixels(cw *c, size_t image) {
    const size_t places = c->batch->net->size / c->batch->shape.channels;
    bool *fixed = c->fixed + image * places;
    float *weights = c->scratch + image * c->batch->net->size;
    size_t changed = 0;
    for (size_t p = 0; p < places; p++) {
        weights[p] = weight_of(c, image, p);
        if (weights[p] < 0) {
            fixed[p] = true;
            weights[p] = INFINITY;
        }
        changed += !fixed[p];
    }
    size_t more = (size_t)fmax(1, SHARE * sqrt((double)changed));
    for (size_t n = 0; n < more && n < changed; n++) {
        size_t place = least(weights, places);
        fixed[place] = true;
        weights[place] = INFINITY;
    }
    return more < changed;
}

static bool advance(cw *c, size_t image) {
    cw_image *state = &c->images[image];
    const float *best = c->kept + image * c->batch->net->size;
    bool more = true;
    if (cw_succeeded(c, image)) {
        cw_keep(c, image);
        more = fix_pixels(c, image);
    } else if (cw_is_stuck(c, image)) {
        state->constant *= 2;
        more = state->constant <= MOST_CONSTANT;
    } else {
        return true;
    }
    c->batch->done[image] = !more;
    if (more)
        cw_restart(c, image, best);
    return false;
}

static td_status run(evade_batch *batch, td_error *error) {
    static const cw_kind kind = {cw_squared_distance, advance};
    return cw_run(batch, &kind, error);
}

static const attack math = {.gradients = true, .at_once = EVADE_BATCH, .run = run};

static const td_key keys[] = {
    CW_KEYS("0.01", "0.001"),
    {0},
};

static const tool_keys groups[] = {
    {.keys = evade_target_next}, {.keys = keys, .object = "settings"}, {0}};

const tool_method evade_cw_l0 = {
    .name = "cw-l0",
    .title = "C&W L0",
    .source = "Carlini and Wagner, IEEE S&P 2017",
    .doc = "few changed pixels, by Adam",
    .help = "repeats the L2 attack, each time without the pixels that mattered least, until it "
            "fails.\vExample:\n  trapdoor-evade cw-l0 --model model.safetensors --data mnist "
            "--count 20 \\\n    -o cw-l0.safetensors --resume",
    .family = &attacks,
    .groups = groups,
    .size = sizeof(cw_settings),
    .math = &math,
};
