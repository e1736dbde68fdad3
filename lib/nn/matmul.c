/* SPDX-License-Identifier: MIT */
/* Products of two inputs' matrices height × channels, one for each column: attention, whose heads
 * are the columns (Vaswani et al., "Attention is all you need", 2017). Scores of queries and keys
 * are matmul(q, k) transpose=1, the output is matmul(softmax, v). */
#include "base/parallel.h"
#include "nn/gemm.h"
#include "nn/op.h"

enum { TRANSPOSE };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const bool transpose = td_node_count(node, TRANSPOSE);
    const size_t inner = transpose ? in[1].channels : in[1].height;
    (void)net;
    if (in[0].width != in[1].width || in[0].channels != inner)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected inputs of one width, the second's %s being the first's channels, "
                       "found %zu×%zu×%zu and %zu×%zu×%zu",
                       transpose ? "channels" : "height", in[0].height, in[0].width, in[0].channels,
                       in[1].height, in[1].width, in[1].channels);
    node->shape = (td_shape){in[0].height, in[0].width, transpose ? in[1].height : in[1].channels};
    return TD_OK;
}

/* The matrix of one column of one image: height rows of `channels`, with a row stride of `row`
 * floats. */
typedef struct matrix {
    size_t at, row;
} matrix;

static matrix matrix_of(td_shape shape, size_t number) {
    const size_t image = number / shape.width, column = number % shape.width;
    return (matrix){image * td_shape_size(shape) + column * shape.channels,
                    shape.width * shape.channels};
}

static void forward_one(void *context, size_t number) {
    const td_run *run = context;
    const td_shape a = td_run_in_shape(run, 0), b = td_run_in_shape(run, 1), y = run->node->shape;
    const matrix ma = matrix_of(a, number), mb = matrix_of(b, number), my = matrix_of(y, number);
    td_multiply(&(td_product){.m = y.height,
                              .n = y.channels,
                              .k = a.channels,
                              .a = run->in[0] + ma.at,
                              .a_row = ma.row,
                              .b = run->in[1] + mb.at,
                              .b_row = mb.row,
                              .transpose_b = td_node_count(run->node, TRANSPOSE),
                              .c = run->out + my.at,
                              .c_row = my.row});
}

/* da = dy·b, or dy·bᵀ if b was not transposed. */
static void left_one(void *context, size_t number) {
    const td_run *run = context;
    const td_shape a = td_run_in_shape(run, 0), b = td_run_in_shape(run, 1), y = run->node->shape;
    const matrix ma = matrix_of(a, number), mb = matrix_of(b, number), my = matrix_of(y, number);
    td_multiply(&(td_product){.m = a.height,
                              .n = a.channels,
                              .k = y.channels,
                              .a = run->dout + my.at,
                              .a_row = my.row,
                              .b = run->in[1] + mb.at,
                              .b_row = mb.row,
                              .transpose_b = !td_node_count(run->node, TRANSPOSE),
                              .c = run->din[0] + ma.at,
                              .c_row = ma.row});
}

/* db = dyᵀ·a, or aᵀ·dy. */
static void right_one(void *context, size_t number) {
    const td_run *run = context;
    const td_shape a = td_run_in_shape(run, 0), b = td_run_in_shape(run, 1), y = run->node->shape;
    const matrix ma = matrix_of(a, number), mb = matrix_of(b, number), my = matrix_of(y, number);
    const float *from_a = run->in[0] + ma.at, *from_y = run->dout + my.at;
    const bool transpose = td_node_count(run->node, TRANSPOSE);
    td_multiply(&(td_product){.m = b.height,
                              .n = b.channels,
                              .k = a.height,
                              .a = transpose ? from_y : from_a,
                              .a_row = transpose ? my.row : ma.row,
                              .transpose_a = true,
                              .b = transpose ? from_a : from_y,
                              .b_row = transpose ? ma.row : my.row,
                              .c = run->din[1] + mb.at,
                              .c_row = mb.row});
}

static void over_matrices(const td_run *run, td_each_fn work) {
    td_parallel_each(run->batch * run->node->shape.width, work, (void *)run);
}

static void forward(const td_run *run) {
    over_matrices(run, forward_one);
}

static void backward(const td_run *run) {
    if (run->din[0])
        over_matrices(run, left_one);
    if (run->din[1])
        over_matrices(run, right_one);
}

const td_op TD_OP(matmul) = {
    .name = "matmul",
    .doc = "Products of two inputs' matrices, height × channels, for each column: attention",
    .formula = "y[r, k, s] = Σ a[r, k, i]·b[i, k, s], or Σ a[r, k, i]·b[s, k, i]",
    .shapes = "H×W×C, C×W×D → H×W×D; transposed H×W×C, D×W×C → H×W×D",
    .keys = {{.name = "transpose",
              .kind = TD_KEY_COUNT,
              .most = 1,
              .standard = "0",
              .help = "Whether the second is transposed"}},
    .least_inputs = 2,
    .most_inputs = 2,
    .channels = TD_CHANNELS_OTHER,
    .zero = true,
    .needs_in = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
