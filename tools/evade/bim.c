/* The basic iterative method (Kurakin, Goodfellow and Bengio, "Adversarial examples in the physical
 * world", ICLR workshop 2017): small steps of FGSM from the clean image. By default ten of a fifth
 * of epsilon, as Xu, Evans and Qi (NDSS 2018) have them on MNIST (0.3 and 0.06). */
#include "evade/ascent.h"
#include "evade/method.h"

#include <math.h>

static td_status attack(evade_batch *batch, td_error *error) {
    return evade_ascend(batch, (size_t)batch->settings[EVADE_STEPS],
                        batch->settings[EVADE_STEP_SIZE], false, error);
}

static void complete(double *settings) {
    evade_ascent_complete(settings);
    if (isnan(settings[EVADE_STEP_SIZE]))
        settings[EVADE_STEP_SIZE] = settings[EVADE_EPSILON] / 5;
}

const evade_method evade_bim = {
    .name = "bim",
    .doc = "basic iterative method (Kurakin et al. 2017)",
    .settings = {[EVADE_NORM] = {true, 0},
                 [EVADE_EPSILON] = {true, NAN},
                 [EVADE_STEPS] = {true, 10},
                 [EVADE_STEP_SIZE] = {true, NAN}},
    .complete = complete,
    .targets = EVADE_ANYWHERE | EVADE_TO_ANY_GIVEN,
    .target = EVADE_ANYWHERE,
    .gradients = true,
    .at_once = EVADE_BATCH,
    .attack = attack,
};
