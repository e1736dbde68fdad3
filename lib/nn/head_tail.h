/* SPDX-License-Identifier: MIT */
/* The head of a net, up to one of its nodes, and its tail after that node, each as a net of its
 * own. If the net splits there, feeding the head's output to the tail gives the whole net's logits.
 */
#ifndef TD_NN_HEAD_TAIL_H
#define TD_NN_HEAD_TAIL_H

#include "nn/net.h"

/* Whether all nodes after `node` depend on earlier nodes only through it. */
bool td_net_splits(const td_net *net, size_t node);

/* The node that the last dense layer reads, skipping dropout, which does nothing at inference; NULL
 * if the net does not end in a single dense layer. */
const char *td_net_last_hidden(const td_net *net);

/* Both copy *weights, in `arena`, by name from `whole`'s. The caller frees the net; on failure it
 * is zeroed.
 *
 * The head consists of `node` and the nodes that it needs. Its outputs are the values of `node`:
 * with `average` their mean over positions, one per channel; otherwise all of them, flattened
 * channel by channel if there is more than one position. TD_ERR_USAGE if there is no such node. */
td_status td_net_head(const td_net *whole, const float *whole_weights, const char *node,
                      bool average, td_net *head, float **weights, td_arena *arena,
                      td_error *error) TD_MUST_USE;

/* The head for several nodes, `nodes` [count], 0 < count <= TD_NODE_INPUTS: its outputs are the
 * values of each, flattened channel by channel, those of nodes[0] first. */
td_status td_net_taps(const td_net *whole, const float *whole_weights, const size_t *nodes,
                      size_t count, td_net *taps, float **weights, td_arena *arena,
                      td_error *error) TD_MUST_USE;

/* The tail consists of the nodes after `node`, where the net must split; its input image is the
 * value of `node` [batch, height, width, channels]. */
td_status td_net_tail(const td_net *whole, const float *whole_weights, size_t node, td_net *tail,
                      float **weights, td_arena *arena, td_error *error) TD_MUST_USE;

/* Copies the values of parameters that both nets have, by name; their sizes must match. */
void td_net_copy_weights(const td_net *from, const float *from_weights, const td_net *to,
                         float *to_weights);

#endif
