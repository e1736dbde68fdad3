/* SPDX-License-Identifier: MIT */
/* Carlini and Wagner's L0 attack (cw.h; section VI-B): the L2 attack, ended by its first success,
 * tells which pixels matter the least, |change| · |slope of f| summed over the channels. These get
 * their clean values back for good, and the attack goes on from the rest, until it no longer
 * succeeds; when it fails, c is doubled first, as long as it is below 1e4, beyond which the
 * distance does not count beside it. As many pixels are fixed at a time as 0.3 of the root of the
 * number that is changed, at least one. */
#include "evade/cw.h"

#include <math.h>

static const double MOST_CONSTANT = 1e4, SHARE = 0.3;

/* What a pixel matters; INFINITY if it cannot be fixed. Unchanged ones matter the least. */
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

/* Fixes the pixels that are unchanged, and some of those that matter the least. Returns whether
 * there is any left to change. */
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
