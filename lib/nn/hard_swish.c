/* SPDX-License-Identifier: MIT */
/* x times its hard sigmoid (Howard et al., "Searching for MobileNetV3", ICCV 2019). */
#include "nn/elementwise.h"

static float apply(float x) {
    return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
}

static float slope(float x) {
    return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5f;
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = apply(x[i]);
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

const td_op TD_OP(hard_swish) = {
    .name = "hard-swish",
    .doc = "x times its hard sigmoid (as PyTorch's Hardswish)",
    .formula = "y = x·min(max(x + 3, 0), 6) / 6",
    TD_ELEMENTWISE_OP,
    .zero = true,
    .activation = true,
    .needs_in = true,
    .forward = forward,
    .backward = backward,
};
