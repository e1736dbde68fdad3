/* SPDX-License-Identifier: MIT */
/* Dense layers, and batch norms. */
#include "model/onnx_maps.h"

#include <stdio.h>
#include <string.h>

/* The bias of Gemm: one number per output, or one for all. */
static td_status read_bias(td_onnx_build *b, const td_onnx_value *bias, size_t out,
                           td_tensor *tensor, td_error *error) {
    td_onnx_value row;
    if (!bias)
        return td_onnx_equal(b, false, out, tensor, error);
    row = *bias;
    while (row.view.rank > 1 && row.view.dims[0] == 1)
        row.view = td_view_squeeze(&row.view, 0);
    if (row.view.rank == 0)
        row.view = td_view_unsqueeze(&row.view, 0);
    if (row.view.rank == 1 && row.view.dims[0] == 1 && out > 1) {
        row.view.dims[0] = out;
        row.view.strides[0] = 0;
    }
    if (row.view.rank != 1 || row.view.dims[0] != out)
        return td_onnx_wrong_shape(bias, "one number for each output", error);
    return td_onnx_constant(b, &row, tensor, error);
}

/* Adds a layer of out×in weights on the channels of a layer: dense for a vector, otherwise a 1×1
 * convolution. */
static td_status add_dense(td_onnx_build *b, td_onnx_step *step, td_onnx_layer *before,
                           const td_onnx_value *weights, const td_onnx_value *bias,
                           td_onnx_layer **out, td_error *error) {
    td_onnx_value turned = *weights;
    const size_t width = turned.view.dims[0];
    const bool vector = before->shape.height == 1 && before->shape.width == 1;
    td_onnx_layer layer = {.op = vector ? "dense" : "conv",
                           .input_count = 1,
                           .shape = {before->shape.height, before->shape.width, width}};
    td_tensor tensor;
    if (!vector) {
        turned.view = td_view_unsqueeze(&turned.view, 2);
        turned.view = td_view_unsqueeze(&turned.view, 3);
    }
    TD_TRY(td_onnx_keys(b, &layer.keys, error, vector ? " out=%zu" : " out=%zu kernel=1", width));
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &layer.inputs, "a layer", error));
    layer.inputs[0] = before;
    TD_TRY(td_onnx_constant(b, &turned, &tensor, error));
    TD_TRY(td_onnx_param_add(&layer, "weight", &tensor, error));
    TD_TRY(read_bias(b, bias, width, &tensor, error));
    TD_TRY(td_onnx_param_add(&layer, "bias", &tensor, error));
    return td_onnx_add(b, step, layer, weights, out, error);
}

static td_status check_inner(const td_onnx_value *weights, size_t inputs, td_error *error) {
    char expected[96];
    if (weights->view.rank == 2 && weights->view.dims[1] == inputs && weights->view.dims[0] > 0)
        return TD_OK;
    snprintf(expected, sizeof expected, "weights for the %zu numbers of its input", inputs);
    return td_onnx_wrong_shape(weights, expected, error);
}

/* Multiplies channels in the last dimension by weights of out×in. */
static td_status multiply_weights(td_onnx_build *b, td_onnx_step *step,
                                  const td_onnx_value *weights, const td_onnx_value *bias,
                                  td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0);
    const size_t last = x->view.rank - 1;
    td_onnx_layer *before, *made;
    td_view view;
    TD_TRY(td_onnx_channels(b, step, x, last, &before, &view, error));
    TD_TRY(check_inner(weights, before->shape.channels, error));
    TD_TRY(add_dense(b, step, before, weights, bias, &made, error));
    view = td_onnx_restride(&view, before->shape, made->shape);
    view.dims[last] = made->shape.channels;
    view.strides[last] = 1;
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

td_status td_onnx_map_gemm(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    td_onnx_value weights = *td_onnx_in(step, 1);
    if (td_onnx_integer(step, "transA", 0) || td_onnx_real(step, "alpha", 1) != 1 ||
        td_onnx_real(step, "beta", 1) != 1)
        return td_fail(error, TD_ERR_FORMAT, "expected transA=0, alpha=1 and beta=1, found others");
    if (td_onnx_in(step, 0)->state != TD_ONNX_LIVE || td_onnx_in(step, 0)->view.rank != 2)
        return td_onnx_wrong_shape(td_onnx_in(step, 0), "vectors", error);
    if (weights.view.rank == 2 && !td_onnx_integer(step, "transB", 0))
        weights.view = td_view_permute(&weights.view, (size_t[]){1, 0});
    return multiply_weights(b, step, &weights, td_onnx_in(step, 2), error);
}

/* A value as matrices for the product of two layers: `rows`, the dimensions before, the last one.
 * Earlier dimensions that only one of the two has are not broadcast. */
static td_status to_matrices(td_onnx_build *b, td_onnx_step *step, const td_onnx_value *value,
                             bool transposed, td_onnx_layer **out, td_error *error) {
    td_view view;
    size_t perm[TD_TENSOR_RANK];
    TD_TRY(td_onnx_whole(b, step, value, out, &view, error));
    const size_t last = view.rank - 1;
    for (size_t d = 0; d < view.rank; d++)
        perm[d] = d == 0 ? last - 1 : d < last ? d - 1 : last;
    if (transposed) {
        perm[0] = last;
        perm[last] = last - 1;
    }
    view = td_view_permute(&view, perm);
    return td_onnx_arrange(b, step, *out, &view, 1, last, out, error);
}

/* Attention: products of matrices that both depend on the image. */
static td_status multiply_layers(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0), *y = td_onnx_in(step, 1);
    const size_t rank = x->view.rank, last = rank - 1;
    td_onnx_layer *made, layer = {.op = "matmul", .input_count = 2};
    td_view view = x->view;
    bool same = rank == y->view.rank && rank >= 2 && x->view.dims[last] == y->view.dims[last - 1];
    for (size_t d = 0; same && d + 2 < rank; d++)
        same = x->view.dims[d] == y->view.dims[d];
    if (!same)
        return td_onnx_wrong_shape(y, "matrices that go with those of the first input", error);
    const bool transposed = y->view.strides[last - 1] < y->view.strides[last] &&
                            y->view.dims[last - 1] > 1 && y->view.dims[last] > 1;
    TD_TRY(TD_ARENA_NEW(b->arena, 2, &layer.inputs, "a layer", error));
    TD_TRY(to_matrices(b, step, x, false, &layer.inputs[0], error));
    TD_TRY(to_matrices(b, step, y, transposed, &layer.inputs[1], error));
    layer.keys = transposed ? " transpose=1" : "";
    layer.shape = layer.inputs[0]->shape;
    layer.shape.channels = y->view.dims[last];
    TD_TRY(td_onnx_add(b, step, layer, NULL, &made, error));
    view.dims[last] = y->view.dims[last];
    view.offset = 0;
    view.strides[last] = 1;
    for (size_t stride = view.dims[last], d = last - 1; d-- > 0;)
        if (view.strides[d] != TD_VIEW_BATCH) {
            view.strides[d] = stride;
            stride *= view.dims[d];
        }
    view.strides[last - 1] = made->shape.width * made->shape.channels;
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

td_status td_onnx_map_matmul(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0);
    td_onnx_value weights = *td_onnx_in(step, 1);
    if (weights.state == TD_ONNX_LIVE && x->state == TD_ONNX_LIVE)
        return multiply_layers(b, step, error);
    if (weights.state != TD_ONNX_CONSTANT || x->view.rank < 2)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected constant weights on the right, found others");
    while (weights.view.rank > 2 && weights.view.dims[0] == 1)
        weights.view = td_view_squeeze(&weights.view, 0);
    if (weights.view.rank == 2)
        weights.view = td_view_permute(&weights.view, (size_t[]){1, 0});
    return multiply_weights(b, step, &weights, NULL, error);
}

td_status td_onnx_map_batch_norm(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    static const char *const suffixes[] = {"weight", "bias", "running_mean", "running_var"};
    td_onnx_layer *before, *made, layer = {.op = "batch-norm", .input_count = 1};
    const td_onnx_value *x = td_onnx_in(step, 0);
    td_view view;
    TD_TRY(td_onnx_whole(b, step, x, &before, &view, error));
    if (view.rank < 2 || view.dims[1] != before->shape.channels ||
        (view.dims[1] > 1 && view.strides[1] != 1))
        return td_onnx_wrong_shape(x, "channels in its second dimension", error);
    layer.shape = before->shape;
    TD_TRY(
        td_onnx_keys(b, &layer.keys, error, " epsilon=%.9g", td_onnx_real(step, "epsilon", 1e-5)));
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &layer.inputs, "a layer", error));
    layer.inputs[0] = before;
    for (size_t i = 0; i < 4; i++)
        TD_TRY(td_onnx_param_by_channel(b, &layer, suffixes[i], td_onnx_in(step, i + 1), error));
    TD_TRY(td_onnx_add(b, step, layer, td_onnx_in(step, 1), &made, error));
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}
