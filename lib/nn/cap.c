/* SPDX-License-Identifier: MIT */
/* y = min(x, bound_c) by channel: bounded activations, which repairs insert into a net. */
#include "nn/pixels.h"
#include <string.h>

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    node->shape = in[0];
    TD_TRY(td_node_param(net, node, "bound", 1, &in[0].channels, 0, error));
    td_node_last_param(net)->fill = 8;
    return TD_OK;
}

/* A partial gradient of the bounds for each chunk. */
static size_t scratch(const td_node *node, const td_shape *in, size_t batch, bool backward) {
    (void)in;
    return backward
               ? td_chunks(td_pixels_of(node, batch), td_pixels_chunk(node)) * node->shape.channels
               : 0;
}

static void forward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float *restrict bound = run->params[0];
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels;
        float *restrict y = run->out + p * channels;
        for (size_t c = 0; c < channels; c++)
            y[c] = x[c] > bound[c] ? bound[c] : x[c];
    }
}

static void input_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float *restrict bound = run->params[0];
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels, *restrict dy =
                                                                 run->dout + p * channels;
        float *restrict dx = run->din[0] + p * channels;
        for (size_t c = 0; c < channels; c++)
            dx[c] = x[c] > bound[c] ? 0 : dy[c];
    }
}

static void bound_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float *restrict bound = run->params[0];
    float *restrict sum = run->scratch + chunk * channels;
    (void)thread;
    memset(sum, 0, channels * sizeof *sum);
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels, *restrict dy =
                                                                 run->dout + p * channels;
        for (size_t c = 0; c < channels; c++)
            sum[c] += x[c] > bound[c] ? dy[c] : 0;
    }
}

static void forward(const td_run *run) {
    td_pixels_for(run, forward_pixels);
}

/* Combines chunks in order. */
static void backward_bounds(const td_run *run) {
    const size_t channels = run->node->shape.channels;
    const size_t chunks =
        td_chunks(td_pixels_of(run->node, run->batch), td_pixels_chunk(run->node));
    td_pixels_for(run, bound_pixels);
    memset(run->dparams[0], 0, channels * sizeof *run->dparams[0]);
    for (size_t i = 0; i < chunks * channels; i++)
        run->dparams[0][i % channels] += run->scratch[i];
}

static void backward(const td_run *run) {
    if (run->dparams[0])
        backward_bounds(run);
    if (run->din[0])
        td_pixels_for(run, input_pixels);
}

const td_op TD_OP(cap) = {
    .name = "cap",
    .doc = "An upper bound for each channel",
    .formula = "y[c] = min(x[c], bound[c])",
    .shapes = "H×W×C → H×W×C",
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .activation = true,
    .needs_in = true,
    .infer = infer,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
