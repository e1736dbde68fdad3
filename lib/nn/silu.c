/* SPDX-License-Identifier: MIT */
/* x times its logistic function, also called swish (Elfwing, Uchibe and Doya, "Sigmoid-weighted
 * linear units", 2018). */
#include "nn/elementwise.h"
#include <math.h>

static float sigmoid(float x) {
    return 1 / (1 + expf(-x));
}

static float slope(float x) {
    const float s = sigmoid(x);
    return s * (1 + x * (1 - s));
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = x[i] * sigmoid(x[i]);
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict x = run->in[0], *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = slope(x[i]) * dy[i];
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(silu) = {
    .name = "silu",
    .doc = "x times its logistic function, also called swish (as PyTorch's SiLU)",
    .formula = "y = x / (1 + e⁻ˣ)",
    TD_ELEMENTWISE_OP,
    .zero = true,
    .activation = true,
    .needs_in = true,
    .forward = forward,
    .backward = backward,
};
