/* SPDX-License-Identifier: MIT */
/* Concatenates its inputs along channels, as PyTorch's cat(dim=1), rows or columns. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/op.h"
#include <string.h>

enum { AXIS };
enum { CHANNELS, HEIGHT, WIDTH };
enum { CHUNK = 1 << 14 }; /* floats */

static const char *const axes[] = {"channels", "height", "width", NULL};

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const size_t axis = node->values[AXIS].word;
    td_shape *out = &node->shape;
    (void)net;
    *out = in[0];
    for (size_t k = 1; k < node->input_count; k++) {
        if ((axis != HEIGHT && in[k].height != in[0].height) ||
            (axis != WIDTH && in[k].width != in[0].width) ||
            (axis != CHANNELS && in[k].channels != in[0].channels))
            return td_fail(error, TD_ERR_FORMAT,
                           "expected inputs of one %s, found %zu×%zu×%zu and %zu×%zu×%zu",
                           axis == CHANNELS ? "height and width"
                           : axis == HEIGHT ? "width and number of channels"
                                            : "height and number of channels",
                           in[0].height, in[0].width, in[0].channels, in[k].height, in[k].width,
                           in[k].channels);
        out->height += axis == HEIGHT ? in[k].height : 0;
        out->width += axis == WIDTH ? in[k].width : 0;
        out->channels += axis == CHANNELS ? in[k].channels : 0;
    }
    return TD_OK;
}

/* Floats of an input that are contiguous in the output: a pixel, an image or a row. */
static size_t piece_of(const td_run *run, td_shape in) {
    const size_t axis = run->node->values[AXIS].word;
    return in.channels * (axis == CHANNELS ? 1 : in.width) * (axis == HEIGHT ? in.height : 1);
}

static void forward_pieces(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t all = piece_of(run, run->node->shape);
    size_t first = 0;
    (void)chunk, (void)thread;
    for (size_t k = 0; k < run->node->input_count; k++) {
        const size_t piece = piece_of(run, td_run_in_shape(run, k));
        for (size_t p = begin; p < end; p++)
            memcpy(run->out + p * all + first, run->in[k] + p * piece, piece * sizeof *run->out);
        first += piece;
    }
}

static void backward_pieces(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t all = piece_of(run, run->node->shape);
    size_t first = 0;
    (void)chunk, (void)thread;
    for (size_t k = 0; k < run->node->input_count; k++) {
        const size_t piece = piece_of(run, td_run_in_shape(run, k));
        for (size_t p = begin; run->din[k] && p < end; p++)
            memcpy(run->din[k] + p * piece, run->dout + p * all + first, piece * sizeof *run->dout);
        first += piece;
    }
}

static void over_pieces(const td_run *run, td_chunk_fn work) {
    const size_t all = piece_of(run, run->node->shape);
    td_parallel_for(run->batch * td_shape_size(run->node->shape) / all, td_size_max(1, CHUNK / all),
                    work, (void *)run);
}

static void forward(const td_run *run) {
    over_pieces(run, forward_pieces);
}

static void backward(const td_run *run) {
    over_pieces(run, backward_pieces);
}

const td_op TD_OP(concat) = {
    .name = "concat",
    .doc = "Concatenates its inputs (as PyTorch's cat)",
    .formula = "y = a, b, ...",
    .shapes = "H×W×A, H×W×B, ... → H×W×(A + B + ...), or the same along another axis",
    .keys = {{.name = "axis",
              .kind = TD_KEY_WORD,
              .words = axes,
              .standard = "channels",
              .optional = true,
              .help = "What they are joined along"}},
    .least_inputs = 2,
    .most_inputs = TD_NODE_INPUTS,
    .channels = TD_CHANNELS_JOINED,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
