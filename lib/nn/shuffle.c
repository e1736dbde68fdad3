/* SPDX-License-Identifier: MIT */
/* Interleaves the channels of groups, so that grouped convolutions exchange information (Zhang et
 * al., "ShuffleNet", CVPR 2018). */
#include "base/parallel.h"
#include "nn/op.h"

enum { GROUPS };
enum { CHUNK = 256 }; /* pixels */

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const size_t groups = td_node_count(node, GROUPS);
    (void)net;
    if (in[0].channels % groups != 0)
        return td_fail(error, TD_ERR_FORMAT,
                       "groups: expected a divisor of the %zu channels of its input, found %zu",
                       in[0].channels, groups);
    node->shape = in[0];
    return TD_OK;
}

static void forward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels, groups = td_node_count(run->node, GROUPS);
    const size_t size = channels / groups;
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels;
        float *restrict y = run->out + p * channels;
        for (size_t g = 0; g < groups; g++)
            for (size_t i = 0; i < size; i++)
                y[i * groups + g] = x[g * size + i];
    }
}

static void backward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels, groups = td_node_count(run->node, GROUPS);
    const size_t size = channels / groups;
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *restrict dy = run->dout + p * channels;
        float *restrict dx = run->din[0] + p * channels;
        for (size_t g = 0; g < groups; g++)
            for (size_t i = 0; i < size; i++)
                dx[g * size + i] = dy[i * groups + g];
    }
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

const td_op TD_OP(shuffle) = {
    .name = "shuffle",
    .doc = "Channels of groups in turn (as PyTorch's ChannelShuffle)",
    .formula = "y[i·groups + g] = x[g·C/groups + i]",
    .shapes = "H×W×C → H×W×C",
    .keys = {{.name = "groups",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 1 << 20,
              .required = true,
              .help = "Groups of channels; a divisor of their number"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_JOINED,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
