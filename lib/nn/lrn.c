/* SPDX-License-Identifier: MIT */
/* Each value divided by a norm of its neighbours in the channels, as PyTorch's LocalResponseNorm
 * (Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
 * networks", 2012):
 *     y_c = x_c / d_c^beta,  d_c = k + alpha / size · Σ x²,
 * over the channels c − size/2 to c + (size − 1)/2. */
#include "base/parallel.h"
#include "nn/op.h"
#include <math.h>

enum { SIZE, ALPHA, BETA, K };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net, (void)error;
    node->shape = in[0];
    return TD_OK;
}

static float divisor(const td_node *node, const float *x, size_t c) {
    const size_t channels = node->shape.channels, size = td_node_count(node, SIZE);
    const size_t first = c < size / 2 ? 0 : c - size / 2;
    const size_t last = td_size_min(c + (size - 1) / 2, channels - 1);
    float sum = 0;
    for (size_t i = first; i <= last; i++)
        sum += x[i] * x[i];
    return (float)node->values[K].number + (float)(node->values[ALPHA].number / (double)size) * sum;
}

static void forward_pixel(void *context, size_t p) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float beta = (float)run->node->values[BETA].number;
    const float *restrict x = run->in[0] + p * channels;
    float *restrict y = run->out + p * channels;
    for (size_t c = 0; c < channels; c++)
        y[c] = x[c] * powf(divisor(run->node, x, c), -beta);
}

/* dx_j = dy_j · d_j^−beta − 2·alpha·beta / size · x_j · Σ dy_c · x_c · d_c^(−beta − 1), over the c
 * whose windows contain j. */
static void backward_pixel(void *context, size_t p) {
    const td_run *run = context;
    const td_node *node = run->node;
    const size_t channels = node->shape.channels, size = td_node_count(node, SIZE);
    const float beta = (float)node->values[BETA].number;
    const float by = (float)(2 * node->values[ALPHA].number / (double)size) * beta;
    const float *restrict x = run->in[0] + p * channels, *restrict dy = run->dout + p * channels;
    float *restrict dx = run->din[0] + p * channels;
    for (size_t c = 0; c < channels; c++)
        dx[c] = dy[c] * powf(divisor(node, x, c), -beta);
    for (size_t c = 0; c < channels; c++) {
        const float share = by * dy[c] * x[c] * powf(divisor(node, x, c), -beta - 1);
        const size_t first = c < size / 2 ? 0 : c - size / 2;
        const size_t last = td_size_min(c + (size - 1) / 2, channels - 1);
        for (size_t i = first; i <= last; i++)
            dx[i] -= share * x[i];
    }
}

static void over_pixels(const td_run *run, td_each_fn work) {
    const td_shape shape = run->node->shape;
    td_parallel_each(run->batch * shape.height * shape.width, work, (void *)run);
}

static void forward(const td_run *run) {
    over_pixels(run, forward_pixel);
}

static void backward(const td_run *run) {
    if (run->din[0])
        over_pixels(run, backward_pixel);
}

const td_op TD_OP(lrn) = {
    .name = "lrn",
    .doc = "Each value over those of the channels around it (as PyTorch's LocalResponseNorm)",
    .formula = "y[c] = x[c] / (k + alpha/size·Σ x²)^beta, over channels c − size/2 to c + "
               "(size − 1)/2",
    .shapes = "H×W×C → H×W×C",
    .keys = {{.name = "size",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 1024,
              .standard = "5",
              .help = "Channels of the window"},
             {.name = "alpha",
              .kind = TD_KEY_FRACTION,
              .most = 1e6,
              .standard = "1e-4",
              .help = "Weight of their squares"},
             {.name = "beta",
              .kind = TD_KEY_FRACTION,
              .most = 100,
              .standard = "0.75",
              .help = "Exponent"},
             {.name = "k",
              .kind = TD_KEY_FRACTION,
              .most = 1e6,
              .above = true,
              .standard = "1",
              .help = "Added to the squares"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_MIXED,
    .zero = true,
    .needs_in = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
