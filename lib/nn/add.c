/* SPDX-License-Identifier: MIT */
/* The sum of its inputs: the shortcut of a residual block (He et al., "Deep residual learning for
 * image recognition", CVPR 2016). */
#include "nn/broadcast.h"
#include "nn/elementwise.h"
#include <string.h>

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t inputs = run->node->input_count;
    const float *restrict a = run->in[0], *restrict b = run->in[1];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = a[i] + b[i];
    for (size_t k = 2; k < inputs; k++) {
        const float *restrict x = run->in[k];
        for (size_t i = begin; i < end; i++)
            y[i] += x[i];
    }
    const bool clips = td_bounds_clip(run->bounds);
    for (size_t i = begin; clips && i < end; i++)
        y[i] = td_clip(run->bounds, y[i]);
}

static void forward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const td_shape out = run->node->shape;
    float *restrict y = run->out + begin * out.channels;
    (void)chunk, (void)thread;
    memset(y, 0, (end - begin) * out.channels * sizeof *y);
    for (size_t k = 0; k < run->node->input_count; k++) {
        const td_broadcast b = td_broadcast_of(run, k);
        for (size_t p = begin; p < end; p++) {
            const float *restrict x = run->in[k] + td_broadcast_at(b, out, p);
            float *restrict to = y + (p - begin) * out.channels;
            for (size_t c = 0; c < out.channels; c++)
                to[c] += x[c * b.channel];
        }
    }
    const bool clips = td_bounds_clip(run->bounds);
    for (size_t i = 0; clips && i < (end - begin) * out.channels; i++)
        y[i] = td_clip(run->bounds, y[i]);
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    (void)chunk, (void)thread;
    for (size_t k = 0; k < run->node->input_count; k++)
        if (run->din[k])
            memcpy(run->din[k] + begin, run->dout + begin, (end - begin) * sizeof *run->dout);
}

/* A broadcast input receives the sum of the gradients of its repetitions. */
static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_shape out = run->node->shape;
    const size_t pixels = out.height * out.width;
    for (size_t k = 0; k < run->node->input_count; k++) {
        const td_broadcast b = td_broadcast_of(run, k);
        if (run->din[k])
            memset(run->din[k] + image * b.image, 0, b.image * sizeof *run->din[k]);
        for (size_t p = image * pixels; run->din[k] && p < (image + 1) * pixels; p++) {
            const float *dy = run->dout + p * out.channels;
            float *dx = run->din[k] + td_broadcast_at(b, out, p);
            for (size_t c = 0; c < out.channels; c++)
                dx[c * b.channel] += dy[c];
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

const td_op TD_OP(add) = {
    .name = "add",
    .doc = "The sum of its inputs: the shortcut of a residual block",
    .formula = "y = a + b + ...",
    .shapes = "H×W×C, H×W×C, ... → H×W×C; a side of 1 is repeated",
    .least_inputs = 2,
    .most_inputs = TD_NODE_INPUTS,
    .channels = TD_CHANNELS_ADDED,
    .zero = true,
    .clips = true,
    .infer = td_broadcast_infer,
    .forward = forward,
    .backward = backward,
};
