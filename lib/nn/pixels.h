/* SPDX-License-Identifier: MIT */
/* Common code of operators that work pixel by pixel: chunks of pixels, about 8,192 floats each,
 * whose partial sums are added in order. */
#ifndef TD_NN_PIXELS_H
#define TD_NN_PIXELS_H

#include "base/parallel.h"
#include "nn/op.h"

static inline size_t td_pixels_of(const td_node *node, size_t batch) {
    return batch * node->shape.height * node->shape.width;
}

/* Pixels in a chunk. */
static inline size_t td_pixels_chunk(const td_node *node) {
    enum { CHUNK_FLOATS = 1 << 13 };
    return td_size_max(1, CHUNK_FLOATS / node->shape.channels);
}

/* Runs `work` with the run as context over all pixels of the output. */
static inline void td_pixels_for(const td_run *run, td_chunk_fn work) {
    td_parallel_for(td_pixels_of(run->node, run->batch), td_pixels_chunk(run->node), work,
                    (void *)run);
}

#endif
