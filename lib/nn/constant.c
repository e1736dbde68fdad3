/* SPDX-License-Identifier: MIT */
/* A learnt image, independent of the input: positions and class tokens of transformers, scales of
 * layers. */
#include "base/parallel.h"
#include "nn/op.h"
#include <string.h>

enum { HEIGHT, WIDTH, CHANNELS };
enum { CHUNK = 1 << 12 }; /* floats */

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const size_t dims[] = {td_node_count(node, HEIGHT), td_node_count(node, WIDTH),
                           td_node_count(node, CHANNELS)};
    (void)in;
    node->shape = (td_shape){dims[0], dims[1], dims[2]};
    return td_node_param(net, node, "weight", 3, dims, 0, error);
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const size_t size = td_shape_size(run->node->shape);
    memcpy(run->out + image * size, run->params[0], size * sizeof *run->out);
}

static void weights_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t size = td_shape_size(run->node->shape);
    float *restrict dw = run->dparams[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dw[i] = 0;
    for (size_t image = 0; image < run->batch; image++)
        for (size_t i = begin; i < end; i++)
            dw[i] += run->dout[image * size + i];
}

static void clear_image(void *context, size_t image) {
    const td_run *run = context;
    const size_t size = td_shape_size(td_run_in_shape(run, 0));
    memset(run->din[0] + image * size, 0, size * sizeof *run->din[0]);
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->dparams[0])
        td_parallel_for(td_shape_size(run->node->shape), CHUNK, weights_chunk, (void *)run);
    if (run->din[0])
        td_parallel_each(run->batch, clear_image, (void *)run);
}

const td_op TD_OP(constant) = {
    .name = "constant",
    .doc = "Learnt values, whatever the input: to be added, multiplied or joined with others",
    .formula = "y = weight",
    .shapes = "H×W×C → height×width×channels",
    .keys = {{.name = "height",
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
              .help = "Columns"},
             {.name = "channels",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 1 << 25,
              .required = true,
              .help = "Channels"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_OTHER,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
