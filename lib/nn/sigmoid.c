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

static void forward(const td_run *run) {
    td_elementwise(run, forward_chunk);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_elementwise(run, backward_chunk);
}

const td_op td_op_sigmoid = {
    .name = "sigmoid",
    .least_inputs = 1,
    .most_inputs = 1,
    .needs_out = true,
    .infer = td_elementwise_infer,
    .forward = forward,
    .backward = backward,
};
