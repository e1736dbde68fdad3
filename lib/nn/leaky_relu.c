/* SPDX-License-Identifier: MIT */
/* y = x, or slope·x where x is below 0 (Maas, Hannun and Ng, "Rectifier nonlinearities improve
 * neural network acoustic models", 2013). It is never fused into a store. */
#include "nn/elementwise.h"

enum { SLOPE };

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float slope = (float)run->node->values[SLOPE].number;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = x[i] < 0 ? slope * x[i] : x[i];
}

/* y has the sign of x. */
static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float slope = (float)run->node->values[SLOPE].number;
    const float *restrict y = run->out, *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = y[i] > 0 ? dy[i] : slope * dy[i];
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(leaky_relu) = {
    .name = "leaky-relu",
    .doc = "Leaky rectifier (as PyTorch's LeakyReLU)",
    .formula = "y = max(x, slope·x)",
    TD_ELEMENTWISE_OP,
    .keys = {{.name = "slope",
              .kind = TD_KEY_FRACTION,
              .most = 1,
              .above = true,
              .below = true,
              .standard = "0.01",
              .help = "Slope below 0"}},
    .zero = true,
    .activation = true,
    .needs_out = true,
    .forward = forward,
    .backward = backward,
};
