/* A part of a net: what computes one node's values. */
#ifndef TD_NN_CUT_H
#define TD_NN_CUT_H

#include "nn/net.h"

/* The net of the nodes up to `node`, whose values become the outputs: with `average` their mean
 * over positions, a number a channel; else all of them, flattened channel by channel when there is
 * more than one position. *weights, in `arena`, are copied by name from `whole`'s. The caller frees
 * *part. TD_ERR_USAGE for a node that is not there. On failure *part is zeroed. */
td_status td_net_cut(const td_net *whole, const float *whole_weights, const char *node,
                     bool average, td_net *part, float **weights, td_arena *arena,
                     td_error *error) TD_MUST_USE;

/* Copies the values of parameters that both nets have, by name; their sizes must be the same. */
void td_net_copy_weights(const td_net *from, const float *from_weights, const td_net *to,
                         float *to_weights);

#endif
