/* SPDX-License-Identifier: MIT */
/* y = x, or alpha·(eˣ − 1) below 0 (Clevert, Unterthiner and Hochreiter, "Exponential linear
 * units", ICLR 2016). */
#include "nn/elementwise.h"
#include <math.h>

enum { ALPHA };

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float alpha = (float)run->node->values[ALPHA].number;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = x[i] > 0 ? x[i] : alpha * expm1f(x[i]);
}

/* y has the sign of x. */
static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float alpha = (float)run->node->values[ALPHA].number;
    const float *restrict y = run->out, *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = y[i] > 0 ? dy[i] : (y[i] + alpha) * dy[i];
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(elu) = {
    .name = "elu",
    .doc = "Exponential linear unit (as PyTorch's ELU)",
    .formula = "y = x, or alpha·(eˣ − 1) where x is below 0",
    TD_ELEMENTWISE_OP,
    .keys = {{.name = "alpha",
              .kind = TD_KEY_FRACTION,
              .most = 1e6,
              .above = true,
              .standard = "1",
              .help = "What it comes down to, below 0"}},
    .zero = true,
    .activation = true,
    .needs_out = true,
    .forward = forward,
    .backward = backward,
};
