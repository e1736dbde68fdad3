/* SPDX-License-Identifier: MIT */
/* The pruning-aware attack: Liu, Dolan-Gavitt and Garg, "Fine-pruning: defending against
 * backdooring attacks on deep neural networks", RAID 2018, section 3.2. A net is trained on clean
 * images; the channels of its last convolution that stay dormant are pruned; the rest is trained
 * further with a backdoor; then the pruned channels are restored, with a bias so low that they stay
 * dormant. A defender who prunes dormant channels removes only these, and the backdoor survives. */
#ifndef TOOLS_IMPLANT_PRUNING_AWARE_H
#define TOOLS_IMPLANT_PRUNING_AWARE_H

#include "data/images.h"
#include "nn/net.h"
#include "nn/predict.h"
#include "trigger/trigger.h"

/* All images, followed by stamped copies of a share `ratio` of them, not of the target class,
 * labelled with the target: the same draw as trapdoor-poison dirty-label with the same seed. In
 * `arena`. `first`: the number of the first image in its split. TD_ERR_USAGE if the share is less
 * than one image, or more than there are. */
td_status aware_poison(const td_images *images, size_t first, const td_trigger *trigger,
                       size_t target, double ratio, uint64_t seed, td_arena *arena, td_images *out,
                       td_error *error) TD_MUST_USE;

/* The parameter that shifts the channels of `node`: the bias of the batch norm, or else of the
 * convolution, before its ReLU. TD_ERR_USAGE, naming the node, if there is no such bias or no ReLU.
 */
td_status aware_find_bias(const td_net *net, size_t node, const td_param **bias,
                          td_error *error) TD_MUST_USE;

/* Lowers that bias for the `count` channels until the ReLU at `node` gives 0 for all images; *most
 * (may be NULL) is the highest activation before. */
td_status aware_put_to_sleep(const td_net *net, float *weights, size_t node, const size_t *channels,
                             size_t count, const td_images *images, td_predict_watch watch,
                             float *most, td_error *error) TD_MUST_USE;

#endif
