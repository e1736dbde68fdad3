/* The fast gradient sign method (Goodfellow, Shlens and Szegedy, "Explaining and harnessing
 * adversarial examples", ICLR 2015): one step of length epsilon along the sign of the loss's
 * gradient; with --norm l2, along the gradient itself. */
#include "evade/ascent.h"
#include "evade/method.h"

#include <math.h>

static td_status attack(evade_batch *batch, td_error *error) {
    return evade_ascend(batch, 1, batch->settings[EVADE_EPSILON], false, error);
}

const evade_method evade_fgsm = {
    .name = "fgsm",
    .doc = "fast gradient sign method (Goodfellow et al. 2015)",
    .settings = {[EVADE_NORM] = {true, 0}, [EVADE_EPSILON] = {true, NAN}},
    .complete = evade_ascent_complete,
    .targets = EVADE_ANYWHERE | EVADE_TO_ANY_GIVEN,
    .target = EVADE_ANYWHERE,
    .gradients = true,
    .at_once = EVADE_BATCH,
    .attack = attack,
};
