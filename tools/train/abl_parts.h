/* SPDX-License-Identifier: MIT */
/* The parts of anti-backdoor learning. Li et al., "Anti-backdoor learning: training clean models on
 * poisoned data", NeurIPS 2021. */
#ifndef TOOLS_TRAIN_ABL_PARTS_H
#define TOOLS_TRAIN_ABL_PARTS_H

#include "nn/loss.h"
#include <stdbool.h>

/* Local gradient ascent (section 3.2): sign(L − gamma) · L, so that a loss below gamma rises; per
 * image, as in the paper, or with `whole` for the batch's mean loss, as in the authors' code. The
 * gradient is also that of flooding, |L − gamma| + gamma. `gradient` [count, classes]: of the mean.
 * Returns the plain cross-entropy, for the log. */
td_loss abl_loss(const float *logits, const int32_t *labels, size_t count, size_t classes,
                 double gamma, bool whole, float *gradient);

/* Unlearning (section 3.3): the gradient of −L per image. For a loss below 1 it is that of −ln L,
 * because −L has no gradient where the net is certain of a backdoor; for a loss above `most` it is
 * zero, because there is nothing left to unlearn. `gradient` [count, classes]: of the mean. Returns
 * the plain cross-entropy, for the log. */
td_loss abl_ascent(const float *logits, const int32_t *labels, size_t count, size_t classes,
                   double most, float *gradient);

/* Marks the `isolated` images of lowest loss; ties by number. `order` is scratch [count]. */
void abl_isolate(const double *losses, size_t count, size_t isolated, uint32_t *order,
                 bool *is_isolated);

#endif
