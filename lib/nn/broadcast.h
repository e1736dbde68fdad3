/* SPDX-License-Identifier: MIT */
/* Combines inputs of different shapes elementwise: a height, width or channel count of 1 is
 * repeated, as in NumPy and PyTorch. */
#ifndef TD_NN_BROADCAST_H
#define TD_NN_BROADCAST_H

#include "base/parallel.h"
#include "nn/op.h"

enum { TD_BROADCAST_CHUNK = 1 << 13 }; /* floats of a chunk of pixels */

/* Strides in floats of an input; 0 for a repeated dimension. */
typedef struct td_broadcast {
    size_t image, row, pixel, channel;
} td_broadcast;

static inline td_broadcast td_broadcast_of(const td_run *run, size_t input) {
    const td_shape in = td_run_in_shape(run, input), out = run->node->shape;
    return (td_broadcast){.image = td_shape_size(in),
                          .row = in.height == out.height ? in.width * in.channels : 0,
                          .pixel = in.width == out.width ? in.channels : 0,
                          .channel = in.channels == out.channels};
}

/* The offset in the input of output pixel p of a batch. */
static inline size_t td_broadcast_at(td_broadcast b, td_shape out, size_t p) {
    const size_t x = p % out.width, y = p / out.width % out.height;
    return p / out.width / out.height * b.image + y * b.row + x * b.pixel;
}

static inline bool td_broadcast_is_same(td_shape a, td_shape b) {
    return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

/* Whether no input is repeated. */
static inline bool td_broadcast_none(const td_run *run) {
    bool none = true;
    for (size_t k = 0; k < run->node->input_count; k++)
        none &= td_broadcast_is_same(td_run_in_shape(run, k), run->node->shape);
    return none;
}

static inline bool td_broadcast_side(size_t side, size_t *common) {
    if (*common == 1)
        *common = side;
    return side == 1 || side == *common;
}

static inline td_status td_broadcast_infer(td_net *net, td_node *node, const td_shape *in,
                                           td_error *error) {
    td_shape *out = &node->shape;
    (void)net;
    *out = in[0];
    for (size_t k = 1; k < node->input_count; k++) {
        const td_shape before = *out;
        if (!td_broadcast_side(in[k].height, &out->height) ||
            !td_broadcast_side(in[k].width, &out->width) ||
            !td_broadcast_side(in[k].channels, &out->channels))
            return td_fail(
                error, TD_ERR_FORMAT,
                "expected inputs of one shape, or sides of 1 to repeat, found %zu×%zu×%zu "
                "and %zu×%zu×%zu",
                before.height, before.width, before.channels, in[k].height, in[k].width,
                in[k].channels);
    }
    return TD_OK;
}

/* Runs `work` over all output pixels. */
static inline void td_broadcast_pixels(const td_run *run, td_chunk_fn work) {
    const td_shape out = run->node->shape;
    td_parallel_for(run->batch * out.height * out.width,
                    td_size_max(1, TD_BROADCAST_CHUNK / out.channels), work, (void *)run);
}

#endif
