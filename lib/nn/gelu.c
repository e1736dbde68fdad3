/* SPDX-License-Identifier: MIT */
/* x times the standard normal distribution function at x (Hendrycks and Gimpel, "Gaussian error
 * linear units", 2016), or its approximation by tanh. */
#include "nn/elementwise.h"
#include <math.h>

enum { APPROXIMATE };
static const char *const approximations[] = {"none", "tanh", NULL};

static const float root_half = 0.70710678f; /* √½ */
static const float peak = 0.39894228f;      /* 1 / √(2π) */
static const float root = 0.79788456f;      /* √(2/π) */
static const float cube = 0.044715f;

static float apply(float x, bool by_tanh) {
    return by_tanh ? 0.5f * x * (1 + tanhf(root * (x + cube * x * x * x)))
                   : 0.5f * x * (1 + erff(root_half * x));
}

static float slope(float x, bool by_tanh) {
    if (!by_tanh)
        return 0.5f * (1 + erff(root_half * x)) + x * peak * expf(-0.5f * x * x);
    const float t = tanhf(root * (x + cube * x * x * x));
    return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * root * (1 + 3 * cube * x * x);
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const bool by_tanh = run->node->values[APPROXIMATE].word > 0;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = apply(x[i], by_tanh);
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const bool by_tanh = run->node->values[APPROXIMATE].word > 0;
    const float *restrict x = run->in[0], *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = slope(x[i], by_tanh) * dy[i];
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(gelu) = {
    .name = "gelu",
    .doc = "x times the normal distribution's share below x (as PyTorch's GELU)",
    .formula = "y = x·(1 + erf(x/√2)) / 2, or x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2",
    TD_ELEMENTWISE_OP,
    .keys = {{.name = "approximate",
              .kind = TD_KEY_WORD,
              .words = approximations,
              .standard = "none",
              .help = "Whether tanh takes the place of erf"}},
    .zero = true,
    .activation = true,
    .needs_in = true,
    .forward = forward,
    .backward = backward,
};
