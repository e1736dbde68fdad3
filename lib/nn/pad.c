/* SPDX-License-Identifier: MIT */
/* A frame of one value around the image. */
#include "base/parallel.h"
#include "nn/op.h"
#include <string.h>

enum { PAD, VALUE };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const td_setting *pad = &node->values[PAD];
    (void)net, (void)error;
    node->shape = (td_shape){in[0].height + pad->sides.top + pad->sides.bottom,
                             in[0].width + pad->sides.left + pad->sides.right, in[0].channels};
    return TD_OK;
}

/* Offset in the output of input row y of an image. */
static size_t row_at(const td_run *run, size_t image, size_t y) {
    const td_setting *pad = &run->node->values[PAD];
    const td_shape out = run->node->shape;
    return ((image * out.height + pad->sides.top + y) * out.width + pad->sides.left) * out.channels;
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape in = td_run_in_shape(run, 0), out = run->node->shape;
    const size_t row = in.width * in.channels, size = td_shape_size(out);
    const float value = (float)run->node->values[VALUE].number;
    float *restrict y = run->out + image * size;
    for (size_t i = 0; i < size; i++)
        y[i] = value;
    for (size_t r = 0; r < in.height; r++)
        memcpy(run->out + row_at(run, image, r), run->in[0] + (image * in.height + r) * row,
               row * sizeof *run->out);
}

static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape in = td_run_in_shape(run, 0);
    const size_t row = in.width * in.channels;
    for (size_t r = 0; r < in.height; r++)
        memcpy(run->din[0] + (image * in.height + r) * row, run->dout + row_at(run, image, r),
               row * sizeof *run->dout);
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(pad) = {
    .name = "pad",
    .doc = "A frame of one value around the image (as PyTorch's ConstantPad2d)",
    .formula = "y[top + r, left + k] = x[r, k], and value around it",
    .shapes = "H×W×C → (H + top + bottom)×(W + left + right)×C",
    .keys = {{.name = "pad",
              .kind = TD_KEY_SIDES,
              .most = 1024,
              .required = true,
              .help = "Rows and columns added on each side"},
             {.name = "value",
              .kind = TD_KEY_FRACTION,
              .least = -3.5e38,
              .most = 3.5e38,
              .standard = "0",
              .help = "Their value"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
