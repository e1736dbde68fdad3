/* SPDX-License-Identifier: MIT */
/* y = x·Wᵀ + b, W out×in as in PyTorch's Linear. */
#include "nn/gemm.h"
#include "nn/op.h"

enum { OUT, HAS_BIAS };
enum { WEIGHT, BIAS };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    if (in[0].height != 1 || in[0].width != 1)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a vector, found %zu×%zu×%zu; flatten it first", in[0].height,
                       in[0].width, in[0].channels);
    size_t out = td_node_count(node, OUT), inputs = in[0].channels;
    node->shape = (td_shape){1, 1, out};
    TD_TRY(td_node_param(net, node, "weight", 2, (size_t[]){out, inputs}, inputs, error));
    return td_node_count(node, HAS_BIAS)
               ? td_node_param(net, node, "bias", 1, (size_t[]){out}, 0, error)
               : TD_OK;
}

static void forward(const td_run *run) {
    size_t in = td_run_in_shape(run, 0).channels, out = run->node->shape.channels;
    td_gemm_run(&(td_gemm){.m = run->batch,
                           .n = out,
                           .k = in,
                           .a = run->in[0],
                           .b = run->params[WEIGHT],
                           .transpose_b = true,
                           .c = run->out,
                           .bias = run->params[BIAS],
                           .bounds = &run->bounds});
}

static void backward(const td_run *run) {
    size_t in = td_run_in_shape(run, 0).channels, out = run->node->shape.channels;
    size_t batch = run->batch;
    if (run->dparams[WEIGHT]) {
        td_gemm_run(&(td_gemm){.m = out,
                               .n = in,
                               .k = batch,
                               .a = run->dout,
                               .transpose_a = true,
                               .b = run->in[0],
                               .c = run->dparams[WEIGHT]});
        float *db = run->dparams[BIAS];
        for (size_t j = 0; db && j < out; j++)
            db[j] = 0;
        for (size_t i = 0; db && i < batch; i++)
            for (size_t j = 0; j < out; j++)
                db[j] += run->dout[i * out + j];
    }
    if (run->din[0])
        td_gemm_run(&(td_gemm){.m = batch,
                               .n = in,
                               .k = out,
                               .a = run->dout,
                               .b = run->params[WEIGHT],
                               .c = run->din[0]});
}

const td_op TD_OP(dense) = {
    .name = "dense",
    .doc = "Fully connected layer (as PyTorch's Linear)",
    .formula = "y = weight·x + bias",
    .shapes = "1×1×C → 1×1×out",
    .keys = {{.name = "out",
              .kind = TD_KEY_COUNT,
              .least = 1,
              .most = 1 << 20,
              .required = true,
              .help = "Neurons; the variable classes is the number of classes"},
             {.name = "bias",
              .kind = TD_KEY_COUNT,
              .most = 1,
              .standard = "1",
              .optional = true,
              .help = "Whether a learnt number is added to each neuron"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_NEW,
    .dense = true,
    .clips = true,
    .takes_fold = true,
    .needs_in = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
