/* SPDX-License-Identifier: MIT */
/* The parts of anti-backdoor learning. Li et al., "Anti-backdoor learning: training clean models on
 * poisoned data", NeurIPS 2021. */
#ifndef TOOLS_TRAIN_ABL_PARTS_H
#define TOOLS_TRAIN_ABL_PARTS_H

#include "nn/loss.h"
#include <stdbool.h>

/* Local gradient ascent (section 3.2): sign(L − gamma) · L, so that a loss below gamma rises; by
 * images, as the paper has it, or `whole`, by the batch's mean loss, as the authors' code has it.
 * The gradient is that of flooding, |L − gamma| + gamma, as well. `gradient` [count, classes]: of
 * the mean. Returns the plain cross-entropy, for the log. */
td_loss abl_loss(const float *logits, const int32_t *labels, size_t count, size_t classes,
                 double gamma, bool whole, float *gradient);

/* Unlearning (section 3.3): the gradient of −L by images; of one whose loss is below 1 that of −ln
 * L, since −L has none where the net is sure of a backdoor; and of one whose loss is above `most`
 * none: there is nothing left to unlearn, only to break. `gradient` [count, classes]: of the mean.
 * Returns the plain cross-entropy, for the log. */
td_loss abl_ascent(const float *logits, const int32_t *labels, size_t count, size_t classes,
                   double most, float *gradient);

/* Marks the `isolated` images of lowest loss; of equal ones those of lower number. `order` has room
 * for [count]. */
void abl_isolate(const double *losses, size_t count, size_t isolated, uint32_t *order,
                 bool *is_isolated);

#endif
