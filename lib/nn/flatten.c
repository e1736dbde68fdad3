/* SPDX-License-Identifier: MIT */
/* Height × width × channels to a vector, channel by channel like PyTorch's flatten on NCHW, so that
 * the weights of the following dense layer mean the same. */
#include "base/parallel.h"
#include "nn/op.h"

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net, (void)error;
    node->shape = (td_shape){1, 1, td_shape_size(in[0])};
    return TD_OK;
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape in = td_run_in_shape(run, 0);
    const size_t pixels = in.height * in.width, size = td_shape_size(in);
    const float *restrict x = run->in[0] + image * size;
    float *restrict y = run->out + image * size;
    for (size_t c = 0; c < in.channels; c++)
        for (size_t p = 0; p < pixels; p++)
            y[c * pixels + p] = x[p * in.channels + c];
}

static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape in = td_run_in_shape(run, 0);
    const size_t pixels = in.height * in.width, size = td_shape_size(in);
    const float *restrict dy = run->dout + image * size;
    float *restrict dx = run->din[0] + image * size;
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < in.channels; c++)
            dx[p * in.channels + c] = dy[c * pixels + p];
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(flatten) = {
    .name = "flatten",
    .doc = "A vector of all values, channel by channel (as PyTorch's flatten)",
    .formula = "y[c·H·W + r·W + k] = x[r, k, c]",
    .shapes = "H×W×C → 1×1×(C·H·W)",
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_SPREAD,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
