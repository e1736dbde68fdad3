/* Its inputs' channels one behind the other, as PyTorch's cat(dim=1). */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/op.h"
#include <string.h>

enum { CHUNK = 1 << 14 }; /* floats */

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net;
    node->shape = in[0];
    for (size_t k = 1; k < node->input_count; k++) {
        if (in[k].height != in[0].height || in[k].width != in[0].width)
            return td_fail(
                error, TD_ERR_FORMAT,
                "expected inputs of one height and width, found %zu×%zu×%zu and %zu×%zu×%zu",
                in[0].height, in[0].width, in[0].channels, in[k].height, in[k].width,
                in[k].channels);
        node->shape.channels += in[k].channels;
    }
    return TD_OK;
}

static void forward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t all = run->node->shape.channels;
    size_t first = 0;
    (void)chunk, (void)thread;
    for (size_t k = 0; k < run->node->input_count; k++) {
        const size_t channels = td_run_in_shape(run, k).channels;
        for (size_t p = begin; p < end; p++)
            memcpy(run->out + p * all + first, run->in[k] + p * channels,
                   channels * sizeof *run->out);
        first += channels;
    }
}

static void backward_pixels(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t all = run->node->shape.channels;
    size_t first = 0;
    (void)chunk, (void)thread;
    for (size_t k = 0; k < run->node->input_count; k++) {
        const size_t channels = td_run_in_shape(run, k).channels;
        for (size_t p = begin; run->din[k] && p < end; p++)
            memcpy(run->din[k] + p * channels, run->dout + p * all + first,
                   channels * sizeof *run->dout);
        first += channels;
    }
}

static void over_pixels(const td_run *run, td_chunk_fn work) {
    const td_shape out = run->node->shape;
    td_parallel_for(run->batch * out.height * out.width, td_size_max(1, CHUNK / out.channels), work,
                    (void *)run);
}

static void forward(const td_run *run) {
    over_pixels(run, forward_pixels);
}

static void backward(const td_run *run) {
    over_pixels(run, backward_pixels);
}

const td_op TD_OP(concat) = {
    .name = "concat",
    .doc = "Its inputs' channels one behind the other (as PyTorch's cat)",
    .formula = "y = a, b, ...",
    .shapes = "H×W×A, H×W×B, ... → H×W×(A + B + ...)",
    .least_inputs = 2,
    .most_inputs = TD_NODE_INPUTS,
    .channels = TD_CHANNELS_JOINED,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
