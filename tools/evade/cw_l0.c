/* Carlini and Wagner's L0 attack (cw.h; section VI-B): the L2 attack, ended by its first success,
 * tells which pixels matter the least, |change| · |slope of f| summed over the channels. These get
 * their clean values back for good, and the attack goes on from the rest, until it no longer
 * succeeds; when it fails, c is doubled first, as long as it is below 1e4, beyond which the
 * distance does not count beside it. As many pixels are fixed at a time as 0.3 of the root of the
 * number that is changed, at least one. */
#include "evade/cw.h"
#include "evade/method.h"

#include <math.h>

static const double MOST_CONSTANT = 1e4, SHARE = 0.3;

/* What a pixel matters; INFINITY if it cannot be fixed. Unchanged ones matter the least. */
static float weight_of(const cw *attack, size_t image, size_t place) {
    const size_t channels = attack->batch->shape.channels, size = attack->batch->net->size;
    const size_t first = image * size + place * channels;
    float change = 0, slope = 0;
    if (attack->fixed[image * (size / channels) + place])
        return INFINITY;
    for (size_t i = first; i < first + channels; i++) {
        change += fabsf(attack->shown[i] - attack->batch->clean[i]);
        slope += fabsf(attack->slope[i]);
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
static bool fix_pixels(cw *attack, size_t image) {
    const size_t places = attack->batch->net->size / attack->batch->shape.channels;
    bool *fixed = attack->fixed + image * places;
    float *weights = attack->scratch + image * attack->batch->net->size;
    size_t changed = 0;
    for (size_t p = 0; p < places; p++) {
        weights[p] = weight_of(attack, image, p);
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

static bool advance(cw *attack, size_t image) {
    cw_image *state = &attack->images[image];
    const float *best = attack->kept + image * attack->batch->net->size;
    bool more = true;
    if (cw_succeeded(attack, image)) {
        cw_keep(attack, image);
        more = fix_pixels(attack, image);
    } else if (cw_is_stuck(attack, image)) {
        state->constant *= 2;
        more = state->constant <= MOST_CONSTANT;
    } else {
        return true;
    }
    attack->batch->done[image] = !more;
    if (more)
        cw_restart(attack, image, best);
    return false;
}

static td_status run(evade_batch *batch, td_error *error) {
    static const cw_kind kind = {cw_squared_distance, advance};
    return cw_run(batch, &kind, error);
}

const evade_method evade_cw_l0 = {
    .name = "cw-l0",
    .doc = "Carlini and Wagner 2017, L0",
    .settings = {[EVADE_CONFIDENCE] = {true, 0},
                 [EVADE_ITERATIONS] = {true, 1000},
                 [EVADE_LEARNING_RATE] = {true, 0.01},
                 [EVADE_CONSTANT] = {true, 1e-3}},
    .targets = EVADE_ANYWHERE | EVADE_TO_ANY_GIVEN,
    .target = EVADE_TO_NEXT,
    .gradients = true,
    .at_once = EVADE_BATCH,
    .attack = run,
};
