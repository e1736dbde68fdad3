/* SPDX-License-Identifier: MIT */
/* The same values in the same order, height × width × channels, with other sides: the positions of
 * an image as a sequence, channels as heads of attention. */
#include "base/parallel.h"
#include "nn/op.h"
#include <string.h>

enum { HEIGHT, WIDTH, CHANNELS };
enum { CHUNK = 1 << 14 }; /* floats */

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    size_t sides[] = {td_node_count(node, HEIGHT), td_node_count(node, WIDTH),
                      td_node_count(node, CHANNELS)};
    const size_t all = td_shape_size(in[0]);
    size_t open = 3, product = 1;
    (void)net;
    for (size_t i = 0; i < 3; i++)
        if (sides[i] > 0)
            product = td_size_min(product * sides[i], (size_t)1 << 30);
        else
            open = i;
    if (open < 3 && all % product == 0)
        sides[open] = all / product;
    node->shape = (td_shape){sides[0], sides[1], sides[2]};
    if (sides[0] * sides[1] * sides[2] != all)
        return td_fail(error, TD_ERR_FORMAT,
                       "%zu×%zu×%zu is not as many values as its input's %zu×%zu×%zu",
                       td_node_count(node, HEIGHT), td_node_count(node, WIDTH),
                       td_node_count(node, CHANNELS), in[0].height, in[0].width, in[0].channels);
    return TD_OK;
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    (void)chunk, (void)thread;
    memcpy(run->out + begin, run->in[0] + begin, (end - begin) * sizeof *run->out);
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    (void)chunk, (void)thread;
    memcpy(run->din[0] + begin, run->dout + begin, (end - begin) * sizeof *run->dout);
}

static void over_chunks(const td_run *run, td_chunk_fn work) {
    td_parallel_for(run->batch * td_shape_size(run->node->shape), CHUNK, work, (void *)run);
}

static void forward(const td_run *run) {
    over_chunks(run, forward_chunk);
}

static void backward(const td_run *run) {
    if (run->din[0])
        over_chunks(run, backward_chunk);
}

#define SIDE(side, by_default, what)                                                               \
    {                                                                                              \
        .name = side, .kind = TD_KEY_COUNT, .most = 1 << 25, .standard = by_default,               \
        .help = what "; 0: what the others leave"                                                  \
    }

const td_op TD_OP(reshape) = {
    .name = "reshape",
    .doc = "The same values in the same order, channels fastest, under other sides",
    .formula = "y = x",
    .shapes = "H×W×C → height×width×channels",
    .keys = {SIDE("height", "1", "Rows"), SIDE("width", "1", "Columns"),
             SIDE("channels", "0", "Channels")},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_OTHER,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
