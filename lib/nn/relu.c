/* SPDX-License-Identifier: MIT */
/* y = max(x, 0). If the input's operator can apply it as it stores, the executor fuses the two and
 * this code does not run. */
#include "nn/elementwise.h"

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = x[i] < 0 ? 0 : x[i]; /* keeps a NaN, so that it is noticed */
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict y = run->out, *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

static td_bounds bounds(const td_node *node) {
    (void)node;
    return (td_bounds){0, INFINITY};
}

const td_op TD_OP(relu) = {
    .name = "relu",
    .doc = "Rectifier",
    .formula = "y = max(x, 0)",
    TD_ELEMENTWISE_OP,
    .zero = true,
    .activation = true,
    .bounds = bounds,
    .needs_out = true,
    .forward = forward,
    .backward = backward,
};
