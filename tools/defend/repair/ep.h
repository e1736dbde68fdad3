/* SPDX-License-Identifier: MIT */
/* What EP knows of a channel. */
#ifndef TOOLS_DEFEND_REPAIR_EP_H
#define TOOLS_DEFEND_REPAIR_EP_H

#include "defend/repair/norms.h"
#include "defend/repair/repair.h"

/* The entropy, in nats, of a histogram of values[count] by bins of `width` from `low` on, below
 * which no value lies; the upper edge of the last bin is where it must be. Reorders the values.
 * count > 0, width > 0. */
double ep_entropy(double *values, size_t count, double low, double width);

/* Standardises values[count] by their mean and unbiased deviation. False, and nothing is changed,
 * where all are equal. */
bool ep_standardise(double *values, size_t count);

/* entropies[norms->channels]: of the largest value over positions that each channel of a norm takes
 * for an image, standardised by channel, all channels of a norm on one grid of bins from their
 * least value on (Zheng et al. 2022 b, section 3). NaN for a channel that is the same for all
 * images. TD_ERR_INTERRUPTED. */
td_status ep_entropies(tool_run *run, const td_net *net, const float *weights,
                       const repair_norms *norms, const td_images *images, double width,
                       double *entropies, td_error *error) TD_MUST_USE;

#endif
