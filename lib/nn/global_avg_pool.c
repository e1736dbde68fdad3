/* SPDX-License-Identifier: MIT */
/* The mean of each channel over the whole image (Lin et al., "Network in network", ICLR 2014). */
#include "base/parallel.h"
#include "nn/op.h"
#include <string.h>

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net, (void)error;
    node->shape = (td_shape){1, 1, in[0].channels};
    return TD_OK;
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape in = td_run_in_shape(run, 0);
    const size_t channels = in.channels, pixels = in.height * in.width;
    const float share = 1.0f / (float)pixels;
    const float *restrict x = run->in[0] + image * td_shape_size(in);
    float *restrict y = run->out + image * channels;
    memset(y, 0, channels * sizeof *y);
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++)
            y[c] += x[p * channels + c];
    for (size_t c = 0; c < channels; c++)
        y[c] *= share;
}

static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape in = td_run_in_shape(run, 0);
    const size_t channels = in.channels, pixels = in.height * in.width;
    const float share = 1.0f / (float)pixels;
    const float *restrict dy = run->dout + image * channels;
    float *restrict dx = run->din[0] + image * td_shape_size(in);
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++)
            dx[p * channels + c] = share * dy[c];
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(global_avg_pool) = {
    .name = "global-avg-pool",
    .doc = "The mean of each channel over all positions",
    .formula = "y[c] = mean of x[c]",
    .shapes = "H×W×C → 1×1×C",
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
