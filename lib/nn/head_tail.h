/* SPDX-License-Identifier: MIT */
/* The head of a net, up to one of its nodes, and its tail behind that node, each as a net of its
 * own. Where the net splits there, the head's values put into the tail give the whole net's logits.
 */
#ifndef TD_NN_HEAD_TAIL_H
#define TD_NN_HEAD_TAIL_H

#include "nn/net.h"

/* Whether all that comes behind `node` sees the nodes before it through it alone. */
bool td_net_splits(const td_net *net, size_t node);

/* The node that the last dense layer reads, or the one whose values dropout passes on to it, which
 * at inference are the same; NULL where the net does not end in one dense layer. */
const char *td_net_last_hidden(const td_net *net);

/* Both copy *weights, in `arena`, by name from `whole`'s. The caller frees the net; on failure it
 * is zeroed.
 *
 * The head is the nodes that `node` needs and itself, whose values become the outputs: with
 * `average` their mean over positions, a number a channel; else all of them, flattened channel by
 * channel when there is more than one position. TD_ERR_USAGE for a node that is not there. */
td_status td_net_head(const td_net *whole, const float *whole_weights, const char *node,
                      bool average, td_net *head, float **weights, td_arena *arena,
                      td_error *error) TD_MUST_USE;

/* The head of several nodes, `nodes` [count], 0 < count <= TD_NODE_INPUTS: its outputs are the
 * values of each, flattened channel by channel, those of nodes[0] first. */
td_status td_net_taps(const td_net *whole, const float *whole_weights, const size_t *nodes,
                      size_t count, td_net *taps, float **weights, td_arena *arena,
                      td_error *error) TD_MUST_USE;

/* The tail is the nodes behind `node`, where the net splits; the values of `node` [batch, height,
 * width, channels] are its image. */
td_status td_net_tail(const td_net *whole, const float *whole_weights, size_t node, td_net *tail,
                      float **weights, td_arena *arena, td_error *error) TD_MUST_USE;

/* Copies the values of parameters that both nets have, by name; their sizes must be the same. */
void td_net_copy_weights(const td_net *from, const float *from_weights, const td_net *to,
                         float *to_weights);

#endif
