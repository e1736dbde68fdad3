/* SPDX-License-Identifier: MIT */
/* CLP's score of a channel. */
#ifndef TOOLS_DEFEND_REPAIR_CLP_H
#define TOOLS_DEFEND_REPAIR_CLP_H

#include "defend/repair/norms.h"
#include "defend/repair/repair.h"

/* bounds[norms->channels]: an upper bound of the Lipschitz constant of each channel of a batch norm
 * fed by convolutions (Zheng et al. 2022, section 4.1):
 *     sigma_max(W) · |weight| / sqrt(running variance + epsilon),
 * W being the channel's filter as a matrix, input channels × positions of the kernel. For a norm
 * fed by a sum of convolutions, as in a pre-activation residual net, W has the rows of all their
 * filters, aligned at their centres, and a row with 1 at the centre for a summand that is not a
 * convolution: the sum is one convolution of the channels of all inputs. NaN for norms without a
 * convolution before them; *skipped is their number. TD_ERR_INTERRUPTED. */
td_status clp_bounds(tool_run *run, const td_net *net, const float *weights,
                     const repair_norms *norms, double *bounds, size_t *skipped,
                     td_error *error) TD_MUST_USE;

#endif
