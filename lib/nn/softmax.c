/* SPDX-License-Identifier: MIT */
/* y_c = e^x_c / Σ e^x over the channels of each pixel. */
#include "base/parallel.h"
#include "nn/elementwise.h"
#include <math.h>

static void forward_pixel(void *context, size_t p) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float *restrict x = run->in[0] + p * channels;
    float *restrict y = run->out + p * channels;
    float largest = x[0], sum = 0;
    for (size_t c = 1; c < channels; c++)
        largest = x[c] > largest ? x[c] : largest;
    for (size_t c = 0; c < channels; c++)
        sum += y[c] = expf(x[c] - largest); /* a NaN reaches the sum, and so all results */
    for (size_t c = 0; c < channels; c++)
        y[c] /= sum;
}

/* dx = y · (dy − Σ dy·y). */
static void backward_pixel(void *context, size_t p) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels;
    const float *restrict y = run->out + p * channels, *restrict dy = run->dout + p * channels;
    float *restrict dx = run->din[0] + p * channels;
    float sum = 0;
    for (size_t c = 0; c < channels; c++)
        sum += y[c] * dy[c];
    for (size_t c = 0; c < channels; c++)
        dx[c] = y[c] * (dy[c] - sum);
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

const td_op TD_OP(softmax) = {
    .name = "softmax",
    .doc = "Softmax over the channels of each pixel",
    .formula = "y[c] = e^x[c] / Σ e^x",
    .shapes = "H×W×C → H×W×C",
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_MIXED,
    .needs_out = true,
    .infer = td_elementwise_infer,
    .forward = forward,
    .backward = backward,
};
