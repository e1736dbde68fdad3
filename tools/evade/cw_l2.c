/* Carlini and Wagner's L2 attack (cw.h; section VI-A): the distance is ‖x' − x‖², and a binary
 * search finds the least constant c that succeeds; until the first success c grows tenfold. The
 * nearest success of all is the result. */
#include "evade/cw.h"
#include "evade/method.h"

#include <math.h>

/* The result's distance, as it will be written. */
static double shown_distance(const cw *attack, size_t image) {
    const size_t size = attack->batch->net->size;
    const float *shown = attack->shown + image * size, *clean = attack->batch->clean + image * size;
    double sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (double)(shown[i] - clean[i]) * (double)(shown[i] - clean[i]);
    return sum;
}

/* The next constant, from the clean image again. */
static void search(cw *attack, size_t image) {
    cw_image *state = &attack->images[image];
    *(state->found ? &state->upper : &state->lower) = state->constant;
    state->constant =
        isinf(state->upper) ? 10 * state->constant : (state->lower + state->upper) / 2;
    state->found = false;
    if (++state->searched >= (size_t)attack->batch->settings[EVADE_BINARY_SEARCH]) {
        attack->batch->done[image] = true;
        return;
    }
    cw_restart(attack, image, attack->batch->clean + image * attack->batch->net->size);
}

static bool advance(cw *attack, size_t image) {
    cw_image *state = &attack->images[image];
    if (cw_succeeded(attack, image)) {
        double distance = shown_distance(attack, image);
        state->found = true;
        if (distance < state->best) {
            state->best = distance;
            cw_keep(attack, image);
        }
    }
    if (!cw_is_stuck(attack, image))
        return true;
    search(attack, image);
    return false;
}

static td_status run(evade_batch *batch, td_error *error) {
    static const cw_kind kind = {cw_squared_distance, advance};
    return cw_run(batch, &kind, error);
}

const evade_method evade_cw_l2 = {
    .name = "cw-l2",
    .doc = "Carlini and Wagner 2017, L2",
    .settings = {[EVADE_CONFIDENCE] = {true, 0},
                 [EVADE_ITERATIONS] = {true, 1000},
                 [EVADE_LEARNING_RATE] = {true, 0.01},
                 [EVADE_CONSTANT] = {true, 1e-3},
                 [EVADE_BINARY_SEARCH] = {true, 9}},
    .targets = EVADE_ANYWHERE | EVADE_TO_ANY_GIVEN,
    .target = EVADE_TO_NEXT,
    .gradients = true,
    .at_once = EVADE_BATCH,
    .attack = run,
};
