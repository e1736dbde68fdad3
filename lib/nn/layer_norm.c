/* SPDX-License-Identifier: MIT */
/* Normalisation over the channels of each pixel, as PyTorch's LayerNorm on the last axis (Ba, Kiros
 * and Hinton, "Layer normalization", 2016):
 *     y = weight · (x − mean) / √(variance + epsilon) + bias. */
#include "nn/pixels.h"
#include <math.h>
#include <string.h>

enum { EPSILON };
enum { WEIGHT, BIAS };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const size_t channels = in[0].channels;
    node->shape = in[0];
    TD_TRY(td_node_param(net, node, "weight", 1, &channels, 0, error));
    td_node_last_param(net)->fill = 1;
    return td_node_param(net, node, "bias", 1, &channels, 0, error);
}

/* Partial gradients of weights and biases per chunk. */
static size_t scratch(const td_node *node, const td_shape *in, size_t batch, bool backward) {
    (void)in;
    return backward ? td_chunks(td_pixels_of(node, batch), td_pixels_chunk(node)) * 2 *
                          node->shape.channels
                    : 0;
}

typedef struct moments {
    float mean, inverse; /* 1 / √(variance + epsilon) */
} moments;

static moments moments_of(const float *x, size_t channels, double epsilon) {
    double mean = 0, variance = 0;
    for (size_t c = 0; c < channels; c++)
        mean += x[c];
    mean /= (double)channels;
    for (size_t c = 0; c < channels; c++)
        variance += (x[c] - mean) * (x[c] - mean);
    return (moments){(float)mean, (float)(1 / sqrt(variance / (double)channels + epsilon))};
}

static void forward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float *restrict weight = run->params[WEIGHT], *restrict bias = run->params[BIAS];
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels;
        float *restrict y = run->out + p * channels;
        const moments m = moments_of(x, channels, run->node->values[EPSILON].number);
        for (size_t c = 0; c < channels; c++)
            y[c] = (x[c] - m.mean) * m.inverse * weight[c] + bias[c];
    }
}

/* With n = (x − mean) · inverse and g = weight · dy: dx = inverse · (g − mean g − n · mean g·n). */
static void input_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float *restrict weight = run->params[WEIGHT];
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels, *restrict dy =
                                                                 run->dout + p * channels;
        float *restrict dx = run->din[0] + p * channels;
        const moments m = moments_of(x, channels, run->node->values[EPSILON].number);
        double sum = 0, product = 0;
        for (size_t c = 0; c < channels; c++) {
            const double g = (double)weight[c] * dy[c];
            sum += g;
            product += g * (x[c] - m.mean) * m.inverse;
        }
        const float mean = (float)(sum / (double)channels);
        const float slope = (float)(product / (double)channels);
        for (size_t c = 0; c < channels; c++)
            dx[c] = m.inverse * (weight[c] * dy[c] - mean - (x[c] - m.mean) * m.inverse * slope);
    }
}

static void weight_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    float *restrict dw = run->scratch + chunk * 2 * channels, *restrict db = dw + channels;
    (void)thread;
    memset(dw, 0, 2 * channels * sizeof *dw);
    for (size_t p = begin; p < end; p++) {
        const float *restrict x = run->in[0] + p * channels, *restrict dy =
                                                                 run->dout + p * channels;
        const moments m = moments_of(x, channels, run->node->values[EPSILON].number);
        for (size_t c = 0; c < channels; c++) {
            dw[c] += dy[c] * (x[c] - m.mean) * m.inverse;
            db[c] += dy[c];
        }
    }
}

static void forward(const td_run *run) {
    td_pixels_for(run, forward_pixels);
}

static void backward_weights(const td_run *run) {
    const size_t channels = run->node->shape.channels;
    const size_t chunks =
        td_chunks(td_pixels_of(run->node, run->batch), td_pixels_chunk(run->node));
    td_pixels_for(run, weight_pixels);
    for (size_t k = 0; k < 2; k++) {
        float *sum = run->dparams[k];
        memset(sum, 0, channels * sizeof *sum);
        for (size_t chunk = 0; chunk < chunks; chunk++)
            for (size_t c = 0; c < channels; c++)
                sum[c] += run->scratch[(chunk * 2 + k) * channels + c];
    }
}

static void backward(const td_run *run) {
    if (run->dparams[WEIGHT])
        backward_weights(run);
    if (run->din[0])
        td_pixels_for(run, input_pixels);
}

const td_op TD_OP(layer_norm) = {
    .name = "layer-norm",
    .doc = "Normalisation over the channels of each pixel (as PyTorch's LayerNorm)",
    .formula = "y = weight·(x − mean) / √(variance + epsilon) + bias",
    .shapes = "H×W×C → H×W×C",
    .keys = {{.name = "epsilon",
              .kind = TD_KEY_FRACTION,
              .least = 1e-12,
              .most = 1,
              .standard = "1e-5",
              .help = "Added to the variance"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_MIXED,
    .needs_in = true,
    .infer = infer,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
