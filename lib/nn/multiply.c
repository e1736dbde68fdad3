/* SPDX-License-Identifier: MIT */
/* The elementwise product of two inputs: channel weights computed from the image (Hu, Shen and Sun,
 * "Squeeze-and-excitation networks", CVPR 2018). */
#include "nn/broadcast.h"
#include "nn/elementwise.h"
#include <string.h>

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict a = run->in[0], *restrict b = run->in[1];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = a[i] * b[i];
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    (void)chunk, (void)thread;
    for (size_t k = 0; k < 2; k++) {
        const float *restrict other = run->in[1 - k], *restrict dy = run->dout;
        float *restrict dx = run->din[k];
        for (size_t i = begin; dx && i < end; i++)
            dx[i] = other[i] * dy[i];
    }
}

static void forward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const td_shape out = run->node->shape;
    const td_broadcast left = td_broadcast_of(run, 0), right = td_broadcast_of(run, 1);
    (void)chunk, (void)thread;
    for (size_t p = begin; p < end; p++) {
        const float *restrict a = run->in[0] + td_broadcast_at(left, out, p);
        const float *restrict b = run->in[1] + td_broadcast_at(right, out, p);
        float *restrict y = run->out + p * out.channels;
        if (left.channel && right.channel)
            for (size_t c = 0; c < out.channels; c++)
                y[c] = a[c] * b[c];
        else
            for (size_t c = 0; c < out.channels; c++)
                y[c] = a[c * left.channel] * b[c * right.channel];
    }
}

/* A broadcast input receives the sum of the gradients of its repetitions. */
static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape out = run->node->shape;
    const size_t pixels = out.height * out.width;
    for (size_t k = 0; k < 2; k++) {
        const td_broadcast own = td_broadcast_of(run, k), rest = td_broadcast_of(run, 1 - k);
        if (run->din[k])
            memset(run->din[k] + image * own.image, 0, own.image * sizeof *run->din[k]);
        for (size_t p = image * pixels; run->din[k] && p < (image + 1) * pixels; p++) {
            const float *dy = run->dout + p * out.channels;
            const float *other = run->in[1 - k] + td_broadcast_at(rest, out, p);
            float *dx = run->din[k] + td_broadcast_at(own, out, p);
            for (size_t c = 0; c < out.channels; c++)
                dx[c * own.channel] += other[c * rest.channel] * dy[c];
        }
    }
}

static void forward(const td_run *run) {
    if (td_broadcast_none(run))
        td_elementwise(run, forward_chunk);
    else
        td_broadcast_pixels(run, forward_pixels);
}

static void backward(const td_run *run) {
    if (td_broadcast_none(run))
        td_elementwise(run, backward_chunk);
    else
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(multiply) = {
    .name = "multiply",
    .doc = "The product of two inputs, value by value: squeeze and excitation",
    .formula = "y = a·b",
    .shapes = "H×W×C, H×W×C → H×W×C; a side of 1 is repeated",
    .least_inputs = 2,
    .most_inputs = 2,
    .channels = TD_CHANNELS_ADDED,
    .zero = true,
    .needs_in = true,
    .infer = td_broadcast_infer,
    .forward = forward,
    .backward = backward,
};
