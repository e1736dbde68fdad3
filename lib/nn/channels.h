/* SPDX-License-Identifier: MIT */
/* Channels of a node, for pruning: which node, how active each channel is, masking them by a mask
 * node (the net stays an ordinary one), and taking masked ones out for real. Liu, Dolan-Gavitt and
 * Garg, "Fine-pruning", RAID 2018, prune the last convolution's channels that are least active on
 * clean images.
 *
 * A channel is masked behind its batch norm and its activation: before them, the norm's shift would
 * revive it. */
#ifndef TD_NN_CHANNELS_H
#define TD_NN_CHANNELS_H

#include "data/images.h"
#include "nn/net.h"
#include "nn/predict.h"

/* The node behind which to mask: from `name`, or, where it is NULL, from the last convolution of
 * more than one channel, on through what may revive a channel of zeros (a norm, a sum), activations
 * and an earlier mask, as long as each is the only reader of the one before. Of a residual net that
 * is the block's output. TD_ERR_USAGE, saying why, for a node that is not there, whose channels are
 * not those of a layer (an image, a flattened vector ...) or that leads to the logits, and for a
 * net without such a convolution. */
td_status td_channels_find(const td_net *net, const char *name, size_t *node,
                           td_error *error) TD_MUST_USE;

/* The one node that reads `node`; 0, which reads nothing, if there are several or none. */
size_t td_channels_reader(const td_net *net, size_t node);

/* The net with a node NODE_mask behind `node`, read by all that read `node`, and the weights with
 * it, all of the mask 1. Where `node` is a mask itself, a plain copy. *mask is the mask's node;
 * td_channels_mask gives its values. The caller frees *out; *out_weights are in `arena`. On failure
 * *out is zeroed. */
td_status td_channels_insert(const td_net *net, const float *weights, size_t node, td_arena *arena,
                             td_net *out, float **out_weights, size_t *mask,
                             td_error *error) TD_MUST_USE;

/* The values of a mask node, [channels]: 1, or 0 for a channel that is pruned. */
static inline float *td_channels_mask(const td_net *net, float *weights, size_t mask) {
    return weights + net->params[net->nodes[mask].params[0]].offset;
}

/* The mean activation of each channel of `node` over images and positions: mean[channels]. */
td_status td_channels_mean(const td_net *net, const float *weights, size_t node,
                           const td_images *images, td_predict_watch watch, double *mean,
                           td_error *error) TD_MUST_USE;

/* order[count]: the least active channel first, of two alike that of the lower number. */
void td_channels_rank(const double *mean, size_t count, size_t *order);

/* The net without the channels that are 0 in the node `mask` and without the node: the convolution
 * (or dense layer) and batch norm before it and the weights behind it are smaller, the logits the
 * same but for rounding. The caller frees *out; *out_weights are in `arena`. TD_ERR_USAGE, naming
 * the node, where these channels are joined with others (add, concat) or something else reads them,
 * where the mask has other values than 0 and 1, or only 0. On failure *out is zeroed. */
td_status td_channels_remove(const td_net *net, const float *weights, size_t mask, td_arena *arena,
                             td_net *out, float **out_weights, td_error *error) TD_MUST_USE;

#endif
