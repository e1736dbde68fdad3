/* SPDX-License-Identifier: MIT */
/* Means over windows chosen for a given output size, as PyTorch's AdaptiveAvgPool2d: output row r
 * of R covers rows [⌊r·H/R⌋, ⌈(r + 1)·H/R⌉), and columns likewise. */
#include "base/parallel.h"
#include "nn/op.h"
#include <string.h>

enum { OUT };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net, (void)error;
    node->shape =
        (td_shape){node->values[OUT].pair.first, node->values[OUT].pair.second, in[0].channels};
    return TD_OK;
}

typedef struct part {
    size_t top, bottom, left, right;
    float share; /* of each pixel in the mean */
} part;

static part part_of(td_shape in, td_shape out, size_t oy, size_t ox) {
    part p = {.top = oy * in.height / out.height,
              .bottom = td_chunks((oy + 1) * in.height, out.height),
              .left = ox * in.width / out.width,
              .right = td_chunks((ox + 1) * in.width, out.width)};
    p.share = 1.0f / (float)((p.bottom - p.top) * (p.right - p.left));
    return p;
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape in = td_run_in_shape(run, 0), out = run->node->shape;
    const float *x = run->in[0] + image * td_shape_size(in);
    float *restrict y = run->out + image * td_shape_size(out);
    for (size_t i = 0; i < out.height * out.width; i++, y += out.channels) {
        const part p = part_of(in, out, i / out.width, i % out.width);
        memset(y, 0, out.channels * sizeof *y);
        for (size_t iy = p.top; iy < p.bottom; iy++)
            for (size_t ix = p.left; ix < p.right; ix++) {
                const float *restrict from = x + (iy * in.width + ix) * in.channels;
                for (size_t c = 0; c < out.channels; c++)
                    y[c] += from[c];
            }
        for (size_t c = 0; c < out.channels; c++)
            y[c] *= p.share;
    }
}

static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape in = td_run_in_shape(run, 0), out = run->node->shape;
    const float *restrict dy = run->dout + image * td_shape_size(out);
    float *dx = run->din[0] + image * td_shape_size(in);
    memset(dx, 0, td_shape_size(in) * sizeof *dx);
    for (size_t i = 0; i < out.height * out.width; i++, dy += out.channels) {
        const part p = part_of(in, out, i / out.width, i % out.width);
        for (size_t iy = p.top; iy < p.bottom; iy++)
            for (size_t ix = p.left; ix < p.right; ix++) {
                float *restrict to = dx + (iy * in.width + ix) * in.channels;
                for (size_t c = 0; c < out.channels; c++)
                    to[c] += p.share * dy[c];
            }
    }
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(adaptive_avg_pool) = {
    .name = "adaptive-avg-pool",
    .doc = "Means over windows that give an output of this size (as PyTorch's AdaptiveAvgPool2d)",
    .formula = "y[r] = mean of x[⌊r·H/H'⌋ … ⌈(r + 1)·H/H'⌉ − 1], columns alike",
    .shapes = "H×W×C → out×C",
    .keys = {{.name = "out",
              .kind = TD_KEY_PAIR,
              .least = 1,
              .most = 1024,
              .required = true,
              .help = "Height and width of the output"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
