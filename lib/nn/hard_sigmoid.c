/* SPDX-License-Identifier: MIT */
/* The logistic function in three straight pieces (Howard et al., "Searching for MobileNetV3", ICCV
 * 2019). */
#include "nn/elementwise.h"

enum { ALPHA, BETA };

static float bounded(float y) {
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float alpha = (float)run->node->values[ALPHA].number;
    const float beta = (float)run->node->values[BETA].number;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = bounded(alpha * x[i] + beta);
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float alpha = (float)run->node->values[ALPHA].number;
    const float *restrict y = run->out, *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = y[i] > 0 && y[i] < 1 ? alpha * dy[i] : 0;
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(hard_sigmoid) = {
    .name = "hard-sigmoid",
    .doc = "Logistic function in three straight pieces (as PyTorch's Hardsigmoid)",
    .formula = "y = min(max(alpha·x + beta, 0), 1)",
    TD_ELEMENTWISE_OP,
    .keys = {{.name = "alpha",
              .kind = TD_KEY_FRACTION,
              .least = -1e6,
              .most = 1e6,
              .standard = "1/6",
              .help = "Slope in the middle"},
             {.name = "beta",
              .kind = TD_KEY_FRACTION,
              .least = -1e6,
              .most = 1e6,
              .standard = "1/2",
              .help = "Value at 0"}},
    .activation = true,
    .needs_out = true,
    .forward = forward,
    .backward = backward,
};
