/* SPDX-License-Identifier: MIT */
/* y = x between two bounds: ReLU6 (Howard et al., "MobileNets", 2017). At a bound the gradient is
 * 0, as in PyTorch's ReLU6. Fused to the previous node, like a ReLU. */
#include "nn/elementwise.h"

enum { MIN, MAX };

static td_bounds bounds(const td_node *node) {
    return (td_bounds){(float)node->values[MIN].number, (float)node->values[MAX].number};
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const td_bounds range = bounds(run->node);
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = td_clip(range, x[i]);
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const td_bounds range = bounds(run->node);
    const float *restrict y = run->out, *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = y[i] > range.least && y[i] < range.most ? dy[i] : 0;
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(clip) = {
    .name = "clip",
    .doc = "Bounds on each value; by default ReLU6",
    .formula = "y = min(max(x, min), max)",
    TD_ELEMENTWISE_OP,
    .keys = {{.name = "min",
              .kind = TD_KEY_FRACTION,
              .least = -3.5e38,
              .most = 3.5e38,
              .standard = "0",
              .help = "Lower bound"},
             {.name = "max",
              .kind = TD_KEY_FRACTION,
              .least = -3.5e38,
              .most = 3.5e38,
              .standard = "6",
              .help = "Upper bound"}},
    .activation = true,
    .bounds = bounds,
    .needs_out = true,
    .forward = forward,
    .backward = backward,
};
