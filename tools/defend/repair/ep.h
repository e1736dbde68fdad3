/* SPDX-License-Identifier: MIT */
/* EP's score of a channel. */
#ifndef TOOLS_DEFEND_REPAIR_EP_H
#define TOOLS_DEFEND_REPAIR_EP_H

#include "defend/repair/norms.h"
#include "defend/repair/repair.h"

/* The entropy, in nats, of a histogram of values[count] with bins of `width` from `low` on, which
 * is at most the least value; the last bin includes its upper edge. Reorders the values. count > 0,
 * width > 0. */
double ep_entropy(double *values, size_t count, double low, double width);

/* Standardises values[count] by their mean and unbiased deviation. Returns false, and changes
 * nothing, if all are equal. */
bool ep_standardise(double *values, size_t count);

/* entropies[norms->channels]: of the largest value over positions at each channel of a norm's input
 * per image, standardised by channel, with one grid of bins for all channels of a norm, from their
 * least value on (Zheng et al. 2022 b, section 3). NaN for a channel that is equal for all images.
 * TD_ERR_INTERRUPTED. */
td_status ep_entropies(tool_run *run, const td_net *net, const float *weights,
                       const repair_norms *norms, const td_images *images, double width,
                       double *entropies, td_error *error) TD_MUST_USE;

#endif
