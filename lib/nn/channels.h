/* SPDX-License-Identifier: MIT */
/* Channels of a node, for pruning: choose the node, measure how active each channel is, mask
 * channels with a mask node (the net stays an ordinary one), and remove masked channels. Liu,
 * Dolan-Gavitt and Garg, "Fine-pruning", RAID 2018, prune the channels of the last convolution that
 * are least active on clean images.
 *
 * The mask comes after the batch norm and the activation: before them, the norm's shift would
 * revive a masked channel. */
#ifndef TD_NN_CHANNELS_H
#define TD_NN_CHANNELS_H

#include "data/images.h"
#include "nn/net.h"
#include "nn/predict.h"

/* The node to mask. It starts from `name` or, if that is NULL, from the last convolution with more
 * than one channel, and moves forward past nodes that can revive a zeroed channel (a norm, a sum),
 * activations and an earlier mask, as long as each is the only reader of the one before. In a
 * residual net that is the block's output. TD_ERR_USAGE with the reason if the node does not exist,
 * if its channels are not those of a layer (an image, a flattened vector ...) or lead to the
 * logits, and if the net has no such convolution. */
td_status td_channels_find(const td_net *net, const char *name, size_t *node,
                           td_error *error) TD_MUST_USE;

/* The only node that reads `node`; 0, which reads nothing, if there are several or none. */
size_t td_channels_reader(const td_net *net, size_t node);

/* A copy of the net with a node NODE_mask after `node`, read by all readers of `node`, and its
 * weights, with the mask all 1. If `node` is itself a mask, a plain copy. *mask is the mask's node;
 * td_channels_mask gives its values. The caller frees *out; *out_weights are in `arena`. On failure
 * *out is zeroed. */
td_status td_channels_insert(const td_net *net, const float *weights, size_t node, td_arena *arena,
                             td_net *out, float **out_weights, size_t *mask,
                             td_error *error) TD_MUST_USE;

/* The values of a mask node, [channels]: 1, or 0 for a pruned channel. */
static inline float *td_channels_mask(const td_net *net, float *weights, size_t mask) {
    return weights + net->params[net->nodes[mask].params[0]].offset;
}

/* The mean activation of each channel of `node` over images and positions: mean[channels]. */
td_status td_channels_mean(const td_net *net, const float *weights, size_t node,
                           const td_images *images, td_predict_watch watch, double *mean,
                           td_error *error) TD_MUST_USE;

/* order[count]: channels by rising activity, ties by number. */
void td_channels_rank(const double *mean, size_t count, size_t *order);

/* The net without the mask node and without the channels that are 0 in it: the convolution (or
 * dense layer) and batch norm before it and the weights after it shrink; the logits are the same up
 * to rounding. The caller frees *out; *out_weights are in `arena`. TD_ERR_USAGE, naming the node,
 * if these channels are joined with others (add, concat) or something else reads them, or if the
 * mask has values other than 0 and 1, or only 0. On failure *out is zeroed. */
td_status td_channels_remove(const td_net *net, const float *weights, size_t mask, td_arena *arena,
                             td_net *out, float **out_weights, td_error *error) TD_MUST_USE;

#endif
