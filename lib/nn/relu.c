/* y = max(x, 0). Where the input's operator can apply it as it stores, the executor fuses the two
 * and this code does not run. */
#include "nn/elementwise.h"

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = x[i] < 0 ? 0 : x[i]; /* a NaN passes, to be noticed */
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float *restrict y = run->out, *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
}

static void forward(const td_run *run) {
    td_elementwise(run, forward_chunk);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_elementwise(run, backward_chunk);
}

const td_op td_op_relu = {
    .name = "relu",
    .least_inputs = 1,
    .most_inputs = 1,
    .needs_out = true,
    .infer = td_elementwise_infer,
    .forward = forward,
    .backward = backward,
};
