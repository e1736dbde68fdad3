/* SPDX-License-Identifier: MIT */
/* y = 1 / (1 + e⁻ˣ), elementwise. */
#include "nn/elementwise.h"
#include <math.h>

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = 1.0f / (1.0f + expf(-x[i]));
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict y = run->out, *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = y[i] * (1.0f - y[i]) * dy[i];
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(sigmoid) = {
    .name = "sigmoid",
    .doc = "Logistic function",
    .formula = "y = 1 / (1 + e⁻ˣ)",
    TD_ELEMENTWISE_OP,
    .activation = true,
    .needs_out = true,
    .forward = forward,
    .backward = backward,
};
