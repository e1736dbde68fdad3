/* SPDX-License-Identifier: MIT */
/* y = by·x + add, elementwise: scales raw pixels to the range a net was trained on. */
#include "nn/elementwise.h"

enum { BY, ADD };

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float by = (float)run->node->values[BY].number,
                add = (float)run->node->values[ADD].number;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = by * x[i] + add;
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float by = (float)run->node->values[BY].number;
    const float *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = by * dy[i];
}

TD_ELEMENTWISE_PASSES(forward_chunk, backward_chunk)

const td_op TD_OP(scale) = {
    .name = "scale",
    .doc = "Brings raw pixels to the range that a net was trained on",
    .formula = "y = by·x + add",
    TD_ELEMENTWISE_OP,
    .keys = {{.name = "by",
              .kind = TD_KEY_FRACTION,
              .least = -1e6,
              .most = 1e6,
              .standard = "1",
              .help = "Factor, for example 1/255"},
             {.name = "add",
              .kind = TD_KEY_FRACTION,
              .least = -1e6,
              .most = 1e6,
              .standard = "0",
              .help = "Added then"}},
    .forward = forward,
    .backward = backward,
};
