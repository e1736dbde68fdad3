/* SPDX-License-Identifier: MIT */
/* Transposed convolution, the adjoint of conv (as PyTorch's ConvTranspose2d): each input pixel adds
 * its multiple of the kernel to the output,
 *     y[s·i − pad + k] += x[i] · weight[k],
 * weights in × out × height × width, optional bias (Dumoulin & Visin, "A guide to convolution
 * arithmetic for deep learning", 2016, chapter 4). output_pad adds rows and columns at the far
 * ends, to distinguish shapes that conv maps to the same one. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/columns.h"
#include "nn/gemm.h"
#include <cblas.h>
#include <string.h>

enum { OUT, KERNEL, STRIDE, PAD, OUTPUT_PAD, HAS_BIAS };
enum { WEIGHT, BIAS };

/* The convolution whose adjoint this is: its input is our output, and its weights OIHW are ours
 * unchanged. */
static td_conv adjoint_of(const td_node *node, td_shape in) {
    td_conv c = {.in = node->shape,
                 .groups = 1,
                 .pixel = node->shape.channels,
                 .out = in,
                 .window = td_window_of(&node->values[KERNEL], &node->values[STRIDE])};
    c.window.pad_h = node->values[PAD].pair.first;
    c.window.pad_w = node->values[PAD].pair.second;
    return c;
}

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const td_conv c = adjoint_of(node, in[0]);
    const td_window *w = &c.window;
    const size_t out = td_node_count(node, OUT);
    const size_t more_h = node->values[OUTPUT_PAD].pair.first;
    const size_t more_w = node->values[OUTPUT_PAD].pair.second;
    if (more_h >= w->stride_h || more_w >= w->stride_w)
        return td_fail(error, TD_ERR_FORMAT,
                       "output_pad: expected less than the stride of %zu×%zu, found %zu×%zu",
                       w->stride_h, w->stride_w, more_h, more_w);
    const size_t height = (in[0].height - 1) * w->stride_h + w->kernel_h + more_h;
    const size_t width = (in[0].width - 1) * w->stride_w + w->kernel_w + more_w;
    if (height <= 2 * w->pad_h || width <= 2 * w->pad_w)
        return td_fail(error, TD_ERR_FORMAT,
                       "a pad of %zu×%zu leaves nothing of the %zu×%zu that its input of "
                       "%zu×%zu×%zu gives",
                       w->pad_h, w->pad_w, height, width, in[0].height, in[0].width,
                       in[0].channels);
    node->shape = (td_shape){height - 2 * w->pad_h, width - 2 * w->pad_w, out};
    const size_t taps = in[0].channels * w->kernel_h * w->kernel_w;
    const size_t dims[] = {in[0].channels, out, w->kernel_h, w->kernel_w};
    TD_TRY(td_node_param(net, node, "weight", 4, dims,
                         td_size_max(1, taps / (w->stride_h * w->stride_w)), error));
    return td_node_count(node, HAS_BIAS) ? td_node_param(net, node, "bias", 1, &out, 0, error)
                                         : TD_OK;
}

static size_t prepared(const td_node *node, const td_shape *in) {
    const td_conv c = adjoint_of(node, in[0]);
    return td_columns_weights(&c);
}

static size_t scratch(const td_node *node, const td_shape *in, size_t batch, bool backward) {
    const td_conv c = adjoint_of(node, in[0]);
    return td_columns_scratch(&c, batch, node->shape.channels, backward);
}

static void prepare(const td_run *run) {
    const td_conv c = adjoint_of(run->node, td_run_in_shape(run, 0));
    td_columns_prepare(&c, run->params[WEIGHT], run->prepared);
}

/* columns [pixels, taps] = x [pixels, in] · weightsᵀ, added to y. */
static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const td_conv c = adjoint_of(run->node, td_run_in_shape(run, 0));
    const size_t taps = td_conv_taps(&c), n = c.out.channels, width = c.out.width;
    const size_t all_rows = (end - begin) * c.out.height, step = td_columns_rows(&c);
    const size_t pixels_out = (end - begin) * c.in.height * c.in.width;
    const float *x = run->in[0] + begin * td_shape_size(c.out);
    float *y = run->out + begin * td_shape_size(c.in);
    float *columns = run->scratch + thread * td_columns_floats(&c);
    (void)chunk;
    memset(y, 0, pixels_out * c.in.channels * sizeof *y);
    for (size_t row = 0; row < all_rows; row += step) {
        size_t rows = td_size_min(step, all_rows - row), pixels = rows * width;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)pixels, (int)taps, (int)n, 1.0f,
                    x + row * width * n, (int)n, run->prepared, (int)n, 0.0f, columns, (int)taps);
        td_columns_scatter(&c, columns, y, row, rows);
    }
    td_bias_clip(y, pixels_out, c.in.channels, c.in.channels, run->params[BIAS], run->bounds);
}

static void forward(const td_run *run) {
    const td_conv c = adjoint_of(run->node, td_run_in_shape(run, 0));
    td_parallel_for(run->batch, td_columns_forward_images(&c), forward_chunk, (void *)run);
}

/* With the columns [pixels, taps] of dy: dw = columnsᵀ · x, dx = columns · weights. */
static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const td_conv c = adjoint_of(run->node, td_run_in_shape(run, 0));
    const size_t taps = td_conv_taps(&c), n = c.out.channels, width = c.out.width;
    const size_t all_rows = (end - begin) * c.out.height, step = td_columns_rows(&c);
    const float *x = run->in[0] + begin * td_shape_size(c.out);
    const float *dy = run->dout + begin * td_shape_size(c.in);
    float *dx = run->din[0] ? run->din[0] + begin * td_shape_size(c.out) : NULL;
    float *columns = run->scratch + thread * td_columns_floats(&c);
    float *dw = td_columns_partial(&c, run->scratch, c.in.channels, chunk);
    float *db = dw + td_columns_weights(&c);
    memset(db, 0, c.in.channels * sizeof *db);
    if (run->dparams[WEIGHT])
        td_columns_add_rows(db, dy, (end - begin) * c.in.height * c.in.width, c.in.channels);
    for (size_t row = 0; row < all_rows; row += step) {
        size_t rows = td_size_min(step, all_rows - row), pixels = rows * width;
        td_columns_gather(&c, dy, columns, row, rows);
        if (run->dparams[WEIGHT])
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)taps, (int)n, (int)pixels,
                        1.0f, columns, (int)taps, x + row * width * n, (int)n,
                        row > 0 ? 1.0f : 0.0f, dw, (int)n);
        if (dx)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)pixels, (int)n, (int)taps,
                        1.0f, columns, (int)taps, run->prepared, (int)n, 0.0f, dx + row * width * n,
                        (int)n);
    }
}

static void backward(const td_run *run) {
    const td_conv c = adjoint_of(run->node, td_run_in_shape(run, 0));
    td_parallel_for(run->batch, td_columns_backward_images(&c, run->batch), backward_chunk,
                    (void *)run);
    if (run->dparams[WEIGHT])
        td_columns_reduce(&c, run->scratch, run->batch, c.in.channels, run->dparams[WEIGHT],
                          run->dparams[BIAS]);
}

const td_op TD_OP(conv_transpose) = {
    .name = "conv-transpose",
    .doc = "Transposed convolution, the adjoint of conv (as PyTorch's ConvTranspose2d)",
    .formula = "y[o, stride·p + k − pad] += weight[i,o,k]·x[i, p], from bias[o] on",
    .shapes = "H×W×C → H'×W'×out, H' = (H − 1)·stride − 2·pad + kernel + output_pad, W' alike",
    .keys = {TD_KEYS_CONVOLUTION(TD_KEY_PAIR),
             {.name = "output_pad",
              .kind = TD_KEY_PAIR,
              .most = 1023,
              .standard = "0",
              .help = "Rows and columns added at the far ends, less than stride"},
             TD_KEY_BIAS},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_NEW,
    .clips = true,
    .needs_in = true,
    .infer = infer,
    .prepared = prepared,
    .scratch = scratch,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
