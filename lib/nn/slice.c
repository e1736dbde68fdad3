/* SPDX-License-Identifier: MIT */
/* Some channels of its input: [first, first + count), as PyTorch's split and chunk give them. */
#include "base/parallel.h"
#include "nn/op.h"
#include <string.h>

enum { FIRST, COUNT };
enum { CHUNK = 256 }; /* pixels */

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const size_t first = td_node_count(node, FIRST), count = td_node_count(node, COUNT);
    (void)net;
    if (first + count > in[0].channels)
        return td_fail(error, TD_ERR_FORMAT,
                       "channels %zu to %zu are not all in its input of %zu×%zu×%zu", first,
                       first + count, in[0].height, in[0].width, in[0].channels);
    node->shape = (td_shape){in[0].height, in[0].width, count};
    return TD_OK;
}

static void forward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t all = td_run_in_shape(run, 0).channels, count = run->node->shape.channels;
    const float *x = run->in[0] + td_node_count(run->node, FIRST);
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++)
        memcpy(run->out + p * count, x + p * all, count * sizeof *x);
}

static void backward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t all = td_run_in_shape(run, 0).channels, count = run->node->shape.channels;
    const size_t first = td_node_count(run->node, FIRST);
    (void)chunk, (void)thread;
    memset(run->din[0] + begin * all, 0, (end - begin) * all * sizeof *run->din[0]);
    for (size_t p = begin; p < end; p++)
        memcpy(run->din[0] + p * all + first, run->dout + p * count, count * sizeof *run->dout);
}

static void over_pixels(const td_run *run, td_chunk_fn work) {
    const td_shape out = run->node->shape;
    td_parallel_for(run->batch * out.height * out.width, CHUNK, work, (void *)run);
}

static void forward(const td_run *run) {
    over_pixels(run, forward_pixels);
}

static void backward(const td_run *run) {
    if (run->din[0])
        over_pixels(run, backward_pixels);
}

const td_op TD_OP(slice) = {
    .name = "slice",
    .doc = "A range of consecutive channels",
    .formula = "y[c] = x[first + c]",
    .shapes = "H×W×C → H×W×count",
    .keys = {{.name = "first",
              .kind = TD_KEY_COUNT,
              .most = 1 << 25,
              .standard = "0",
              .help = "First channel"},
             {.name = "count",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 1 << 25,
              .required = true,
              .help = "Channels"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_JOINED,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
