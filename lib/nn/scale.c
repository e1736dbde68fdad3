/* y = by·x + add, elementwise: brings raw pixels to the range a net was trained on. */
#include "nn/elementwise.h"

enum { BY, ADD };

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float by = (float)run->node->values[BY].first, add = (float)run->node->values[ADD].first;
    const float *restrict x = run->in[0];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = by * x[i] + add;
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const float by = (float)run->node->values[BY].first;
    const float *restrict dy = run->dout;
    float *restrict dx = run->din[0];
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        dx[i] = by * dy[i];
}

static void forward(const td_run *run) {
    td_elementwise(run, forward_chunk);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_elementwise(run, backward_chunk);
}

const td_op td_op_scale = {
    .name = "scale",
    .keys = {{"by", TD_KEY_REAL, -1e6, 1e6, 1}, {"add", TD_KEY_REAL, -1e6, 1e6, 0}},
    .least_inputs = 1,
    .most_inputs = 1,
    .infer = td_elementwise_infer,
    .forward = forward,
    .backward = backward,
};
