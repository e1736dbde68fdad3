/* Projected gradient descent (Madry et al., "Towards deep learning models resistant to adversarial
 * attacks", ICLR 2018): BIM from a random place in the ball. By default their attack on MNIST, 40
 * steps of 0.01 for epsilon 0.3; for L2, steps of 2.5 epsilon / steps, so that the border can be
 * reached from anywhere. */
#include "evade/ascent.h"
#include "evade/method.h"

#include <math.h>

static td_status attack(evade_batch *batch, td_error *error) {
    return evade_ascend(batch, (size_t)batch->settings[EVADE_STEPS],
                        batch->settings[EVADE_STEP_SIZE], true, error);
}

static void complete(double *settings) {
    const bool l2 = settings[EVADE_NORM] > 0;
    evade_ascent_complete(settings);
    if (isnan(settings[EVADE_STEP_SIZE]))
        settings[EVADE_STEP_SIZE] =
            settings[EVADE_EPSILON] * (l2 ? 2.5 / settings[EVADE_STEPS] : 1.0 / 30);
}

const evade_method evade_pgd = {
    .name = "pgd",
    .doc = "projected gradient descent, random start (Madry et al. 2018)",
    .settings = {[EVADE_NORM] = {true, 0},
                 [EVADE_EPSILON] = {true, NAN},
                 [EVADE_STEPS] = {true, 40},
                 [EVADE_STEP_SIZE] = {true, NAN}},
    .complete = complete,
    .targets = EVADE_ANYWHERE | EVADE_TO_ANY_GIVEN,
    .target = EVADE_ANYWHERE,
    .gradients = true,
    .at_once = EVADE_BATCH,
    .attack = attack,
};
