/* The sum of its inputs, which have one shape: the shortcut of a residual block (He et al., "Deep
 * residual learning for image recognition", CVPR 2016). */
#include "nn/elementwise.h"
#include <string.h>

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net;
    for (size_t k = 1; k < node->input_count; k++)
        if (in[k].height != in[0].height || in[k].width != in[0].width ||
            in[k].channels != in[0].channels)
            return td_fail(error, TD_ERR_FORMAT,
                           "expected inputs of one shape, found %zu×%zu×%zu and %zu×%zu×%zu",
                           in[0].height, in[0].width, in[0].channels, in[k].height, in[k].width,
                           in[k].channels);
    node->shape = in[0];
    return TD_OK;
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t inputs = run->node->input_count;
    const float *restrict a = run->in[0], *restrict b = run->in[1];
    float *restrict y = run->out;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        y[i] = a[i] + b[i];
    for (size_t k = 2; k < inputs; k++) {
        const float *restrict x = run->in[k];
        for (size_t i = begin; i < end; i++)
            y[i] += x[i];
    }
    for (size_t i = begin; run->relu && i < end; i++)
        y[i] = y[i] < 0 ? 0 : y[i];
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    (void)chunk, (void)thread;
    for (size_t k = 0; k < run->node->input_count; k++)
        if (run->din[k])
            memcpy(run->din[k] + begin, run->dout + begin, (end - begin) * sizeof *run->dout);
}

static void forward(const td_run *run) {
    td_elementwise(run, forward_chunk);
}

static void backward(const td_run *run) {
    td_elementwise(run, backward_chunk);
}

const td_op TD_OP(add) = {
    .name = "add",
    .doc = "The sum of its inputs: the shortcut of a residual block",
    .formula = "y = a + b + ...",
    .shapes = "H×W×C, H×W×C, ... → H×W×C",
    .least_inputs = 2,
    .most_inputs = TD_NODE_INPUTS,
    .channels = TD_CHANNELS_ADDED,
    .zero = true,
    .fuses_relu = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
