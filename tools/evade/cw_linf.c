/* Carlini and Wagner's L-infinity attack (cw.h; section VI-C): the distance is the sum of what the
 * changes exceed a bound tau by. When an attack within tau has succeeded, tau falls to nine tenths
 * of its largest change; when one fails, c is doubled; the attack ends when c has reached 20. Since
 * the result has whole pixel values, so has tau. */
#include "evade/cw.h"
#include "evade/method.h"

#include <math.h>

static const double MOST_CONSTANT = 20;

/* Whole changes are punished well before they round up to the next. */
static const float MARGIN = 0.25F;

static double excess(const cw *attack, size_t image, float *gradient) {
    const size_t size = attack->batch->net->size;
    const float *x = attack->x + image * size, *clean = attack->batch->clean + image * size;
    const float bound = (float)attack->images[image].bound + MARGIN;
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

static size_t largest_change(const cw *attack, size_t image) {
    const size_t size = attack->batch->net->size;
    const float *shown = attack->shown + image * size, *clean = attack->batch->clean + image * size;
    float largest = 0;
    for (size_t i = 0; i < size; i++)
        largest = fmaxf(largest, fabsf(shown[i] - clean[i]));
    return (size_t)largest;
}

static bool advance(cw *attack, size_t image) {
    cw_image *state = &attack->images[image];
    const float *best = attack->kept + image * attack->batch->net->size;
    size_t change = largest_change(attack, image);
    if (cw_succeeded(attack, image) && change <= state->bound) {
        cw_keep(attack, image);
        state->bound = change * 9 / 10;
    } else if (cw_is_stuck(attack, image)) {
        state->constant *= 2;
    } else {
        return true;
    }
    if (state->bound == 0 || state->constant > MOST_CONSTANT)
        attack->batch->done[image] = true;
    else
        cw_restart(attack, image, best);
    return false;
}

static td_status run(evade_batch *batch, td_error *error) {
    static const cw_kind kind = {excess, advance};
    return cw_run(batch, &kind, error);
}

const evade_method evade_cw_linf = {
    .name = "cw-linf",
    .doc = "Carlini and Wagner 2017, L-infinity",
    .settings = {[EVADE_CONFIDENCE] = {true, 0},
                 [EVADE_ITERATIONS] = {true, 1000},
                 [EVADE_LEARNING_RATE] = {true, 0.005},
                 [EVADE_CONSTANT] = {true, 1e-5}},
    .targets = EVADE_ANYWHERE | EVADE_TO_ANY_GIVEN,
    .target = EVADE_TO_NEXT,
    .gradients = true,
    .at_once = EVADE_BATCH,
    .attack = run,
};
