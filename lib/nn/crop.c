/* SPDX-License-Identifier: MIT */
/* A rectangle of the image: rows [top, top + height), columns [left, left + width). */
#include "base/parallel.h"
#include "nn/op.h"
#include <string.h>

enum { TOP, LEFT, HEIGHT, WIDTH };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net;
    const size_t top = td_node_count(node, TOP), left = td_node_count(node, LEFT);
    const size_t height = td_node_count(node, HEIGHT), width = td_node_count(node, WIDTH);
    if (top + height > in[0].height || left + width > in[0].width)
        return td_fail(error, TD_ERR_FORMAT,
                       "rows %zu to %zu and columns %zu to %zu are not all in its input of "
                       "%zu×%zu×%zu",
                       top, top + height, left, left + width, in[0].height, in[0].width,
                       in[0].channels);
    node->shape = (td_shape){height, width, in[0].channels};
    return TD_OK;
}

/* Offset in the input of output row y of an image. */
static size_t row_at(const td_run *run, size_t image, size_t y) {
    const td_shape in = td_run_in_shape(run, 0);
    const size_t top = td_node_count(run->node, TOP), left = td_node_count(run->node, LEFT);
    return ((image * in.height + top + y) * in.width + left) * in.channels;
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape out = run->node->shape;
    const size_t row = out.width * out.channels;
    for (size_t y = 0; y < out.height; y++)
        memcpy(run->out + (image * out.height + y) * row, run->in[0] + row_at(run, image, y),
               row * sizeof *run->out);
}

static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape out = run->node->shape;
    const size_t row = out.width * out.channels, size = td_shape_size(td_run_in_shape(run, 0));
    memset(run->din[0] + image * size, 0, size * sizeof *run->din[0]);
    for (size_t y = 0; y < out.height; y++)
        memcpy(run->din[0] + row_at(run, image, y), run->dout + (image * out.height + y) * row,
               row * sizeof *run->dout);
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(crop) = {
    .name = "crop",
    .doc = "A rectangle of the image",
    .formula = "y[r, k] = x[top + r, left + k]",
    .shapes = "H×W×C → height×width×C",
    .keys = {{.name = "top",
              .kind = TD_KEY_COUNT,
              .least = 0,
              .most = 65535,
              .standard = "0",
              .help = "First row"},
             {.name = "left",
              .kind = TD_KEY_COUNT,
              .least = 0,
              .most = 65535,
              .standard = "0",
              .help = "First column"},
             {.name = "height",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 65536,
              .required = true,
              .help = "Rows"},
             {.name = "width",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 65536,
              .required = true,
              .help = "Columns"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
