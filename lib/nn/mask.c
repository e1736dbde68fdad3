/* SPDX-License-Identifier: MIT */
/* y = mask_c · x by channel: a 0 prunes a channel. The mask is set by the caller; its gradient is
 * not computed (its slot is set to 0). */
#include "nn/channel_rows.h"
#include "nn/elementwise.h"

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    node->shape = in[0];
    TD_TRY(td_node_param(net, node, "mask", 1, &in[0].channels, 0, error));
    td_node_last_param(net)->fill = 1;
    td_node_last_param(net)->role = TD_CONSTANT;
    return TD_OK;
}

static size_t prepared(const td_node *node, const td_shape *in) {
    (void)node;
    return td_channel_row(in[0].channels);
}

static void prepare(const td_run *run) {
    const size_t channels = run->node->shape.channels;
    memcpy(run->prepared, run->params[0], channels * sizeof *run->prepared);
    td_channel_row_repeat(run->prepared, channels);
}

/* Both directions are the same map. */
typedef struct pass {
    const td_run *run;
    const float *from;
    float *to;
} pass;

static void multiply_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    const size_t row_floats = td_channel_row(p->run->node->shape.channels);
    const float *restrict mask = p->run->prepared;
    (void)chunk, (void)thread;
    for (size_t at = begin; at < end; at += row_floats) {
        const float *restrict from = p->from + at;
        float *restrict to = p->to + at;
        const size_t length = td_size_min(row_floats, end - at);
        for (size_t i = 0; i < length; i++)
            to[i] = mask[i] * from[i];
    }
}

static void multiply(const td_run *run, const float *from, float *to) {
    pass p = {run, from, to};
    td_parallel_for(run->batch * td_shape_size(run->node->shape),
                    td_channel_row_chunk(run->node->shape.channels), multiply_chunk, &p);
}

static void forward(const td_run *run) {
    multiply(run, run->in[0], run->out);
}

static void backward(const td_run *run) {
    if (run->dparams[0])
        memset(run->dparams[0], 0, run->node->shape.channels * sizeof *run->dparams[0]);
    if (run->din[0])
        multiply(run, run->dout, run->din[0]);
}

const td_op TD_OP(mask) = {
    .name = "mask",
    .doc = "Prunes channels; the mask is set from outside",
    .formula = "y[c] = mask[c]·x[c]",
    .shapes = "H×W×C → H×W×C",
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .masks = true,
    .zero = true,
    .infer = infer,
    .prepared = prepared,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
