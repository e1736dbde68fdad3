/* Steps along the gradient of the cross-entropy within a ball around the clean image: what FGSM,
 * BIM and PGD have in common. */
#ifndef TOOLS_EVADE_ASCENT_H
#define TOOLS_EVADE_ASCENT_H

#include "evade/batch.h"

/* Takes `steps` steps of length `step`, up the loss of the label or, with a target, down that of
 * the target: along the gradient's signs for L∞, along the gradient for L2 (EVADE_NORM). After each
 * the image is brought back to within EVADE_EPSILON of the clean one and to 0–255. The rounded
 * image is within EVADE_EPSILON as well. */
td_status evade_ascend(evade_batch *batch, size_t steps, double step, bool random_start,
                       td_error *error) TD_MUST_USE;

/* EVADE_EPSILON by the norm, where it is not given. */
void evade_ascent_complete(double *settings);

#endif
