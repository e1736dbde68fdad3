/* SPDX-License-Identifier: MIT */
/* Common code of elementwise operators: the output has the input's shape, and each pass is one
 * function over chunks of elements. */
#ifndef TD_NN_ELEMENTWISE_H
#define TD_NN_ELEMENTWISE_H

#include "base/parallel.h"
#include "nn/op.h"

/* A multiple of 48, so chunks hold whole pixels of 1 to 4 channels and whole vectors of up to 16.
 */
enum { TD_ELEMENT_CHUNK = 48 * 341 };

static inline td_status td_elementwise_infer(td_net *net, td_node *node, const td_shape *in,
                                             td_error *error) {
    (void)net, (void)error;
    node->shape = in[0];
    return TD_OK;
}

/* Runs `work` over all elements of the output, with the run as context. */
static inline void td_elementwise(const td_run *run, td_chunk_fn work) {
    td_parallel_for(run->batch * td_shape_size(run->node->shape), TD_ELEMENT_CHUNK, work,
                    (void *)run);
}

/* Defines an operator's forward() and backward() from functions for one chunk. */
#define TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)                                       \
    static void forward(const td_run *run) {                                                       \
        td_elementwise(run, forward_chunk);                                                        \
    }                                                                                              \
                                                                                                   \
    static void backward(const td_run *run) {                                                      \
        if (run->din[0])                                                                           \
            td_elementwise(run, backward_chunk);                                                   \
    }

/* Fields of td_op for a function of each value, or of each value and its channel. */
#define TD_ELEMENTWISE_OP                                                                          \
    .shapes = "H×W×C → H×W×C", .least_inputs = 1, .most_inputs = 1, .channels = TD_CHANNELS_KEPT,  \
    .infer = td_elementwise_infer

#endif
