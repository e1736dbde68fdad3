/* SPDX-License-Identifier: MIT */
/* What CLP knows of a channel. */
#ifndef TOOLS_DEFEND_REPAIR_CLP_H
#define TOOLS_DEFEND_REPAIR_CLP_H

#include "defend/repair/norms.h"
#include "defend/repair/repair.h"

/* bounds[norms->channels]: an upper bound of the Lipschitz constant of each channel of a batch norm
 * that convolutions feed (Zheng et al. 2022, section 4.1):
 *     sigma_max(W) · |weight| / sqrt(running variance + epsilon),
 * W being the channel's filter as a matrix, input channels × positions of the kernel. Of a norm
 * that a sum of convolutions feeds, as in a pre-activation residual net, W has the rows of all
 * their filters, laid over each other by their centres, and, for a summand that is no convolution,
 * a row with 1 at the centre: the sum is one convolution of the channels of all inputs. NaN for
 * norms that no convolution feeds, *skipped of them. TD_ERR_INTERRUPTED. */
td_status clp_bounds(tool_run *run, const td_net *net, const float *weights,
                     const repair_norms *norms, double *bounds, size_t *skipped,
                     td_error *error) TD_MUST_USE;

#endif
