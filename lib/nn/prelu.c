/* SPDX-License-Identifier: MIT */
/* y = x, or weight·x where x is below 0, with a weight for each channel or one for all (He et al.,
 * "Delving deep into rectifiers", ICCV 2015). */
#include "base/parallel.h"
#include "nn/op.h"
#include <string.h>

enum { SHARED };
enum { CHUNK = 1 << 14 }; /* floats */

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const size_t count = td_node_count(node, SHARED) ? 1 : in[0].channels;
    node->shape = in[0];
    TD_TRY(td_node_param(net, node, "weight", 1, &count, 0, error));
    td_node_last_param(net)->fill = 0.25f;
    return TD_OK;
}

/* The weight of each channel is in the prepared memory. */
static size_t prepared(const td_node *node, const td_shape *in) {
    (void)node;
    return in[0].channels;
}

static void prepare(const td_run *run) {
    const bool shared = td_node_count(run->node, SHARED);
    for (size_t c = 0; c < run->node->shape.channels; c++)
        run->prepared[c] = run->params[0][shared ? 0 : c];
}

static size_t pixels_of(const td_node *node, size_t batch) {
    return batch * node->shape.height * node->shape.width;
}

static size_t chunk_of(const td_node *node) {
    return td_size_max(1, CHUNK / node->shape.channels);
}

/* A partial gradient of the weights for each chunk. */
static size_t scratch(const td_node *node, const td_shape *in, size_t batch, bool backward) {
    (void)in;
    return backward ? td_chunks(pixels_of(node, batch), chunk_of(node)) * node->shape.channels : 0;
}

static void forward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float *restrict weight = run->prepared;
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels;
        float *restrict y = run->out + p * channels;
        for (size_t c = 0; c < channels; c++)
            y[c] = x[c] < 0 ? weight[c] * x[c] : x[c];
    }
}

static void input_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float *restrict weight = run->prepared;
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels, *restrict dy =
                                                                 run->dout + p * channels;
        float *restrict dx = run->din[0] + p * channels;
        for (size_t c = 0; c < channels; c++)
            dx[c] = x[c] > 0 ? dy[c] : weight[c] * dy[c];
    }
}

static void weight_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    float *restrict sum = run->scratch + chunk * channels;
    (void)thread;
    memset(sum, 0, channels * sizeof *sum);
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels, *restrict dy =
                                                                 run->dout + p * channels;
        for (size_t c = 0; c < channels; c++)
            sum[c] += x[c] < 0 ? x[c] * dy[c] : 0;
    }
}

static void over_pixels(const td_run *run, td_chunk_fn work) {
    td_parallel_for(pixels_of(run->node, run->batch), chunk_of(run->node), work, (void *)run);
}

static void forward(const td_run *run) {
    over_pixels(run, forward_pixels);
}

/* Combines chunks in order, and channels, if they share a weight, in theirs. */
static void backward_weights(const td_run *run) {
    const size_t channels = run->node->shape.channels;
    const size_t chunks = td_chunks(pixels_of(run->node, run->batch), chunk_of(run->node));
    const size_t count = run->net->params[run->node->params[0]].count;
    float *dw = run->dparams[0];
    over_pixels(run, weight_pixels);
    memset(dw, 0, count * sizeof *dw);
    for (size_t i = 0; i < chunks * channels; i++)
        dw[i % channels % count] += run->scratch[i];
}

static void backward(const td_run *run) {
    if (run->dparams[0])
        backward_weights(run);
    if (run->din[0])
        over_pixels(run, input_pixels);
}

const td_op TD_OP(prelu) = {
    .name = "prelu",
    .doc = "Rectifier with a learnt slope below 0 (as PyTorch's PReLU)",
    .formula = "y = x, or weight·x where x is below 0",
    .shapes = "H×W×C → H×W×C",
    .keys = {{.name = "shared",
              .kind = TD_KEY_COUNT,
              .most = 1,
              .standard = "0",
              .help = "Whether all channels have one weight"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .zero = true,
    .activation = true,
    .needs_in = true,
    .infer = infer,
    .prepared = prepared,
    .scratch = scratch,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
