/* SPDX-License-Identifier: MIT */
/* ONNX export of layers with windows or weights: a function and a row each. */
#include "model/export_put.h"

#include "base/parallel.h"
#include "nn/op.h"
#include "nn/resample.h"

static td_status put_image(const td_put *p, td_error *error) {
    (void)p, (void)error;
    return TD_OK;
}

static td_status put_convolution(const td_put *p, const char *op,
                                 const td_export_attribute *attributes, td_error *error) {
    const char *inputs[4] = {NULL};
    TD_TRY(td_put_image(p, 0, &inputs[0], error));
    for (size_t k = 0; k < p->node->param_count; k++)
        TD_TRY(td_put_param(p, k, &inputs[1 + k], error));
    return td_put_end(p, op, inputs, attributes, error);
}

static td_status put_conv(const td_put *p, td_error *error) {
    const td_setting *kernel = td_put_value(p, "kernel"), *stride = td_put_value(p, "stride");
    const td_export_attribute attributes[] = {
        TD_PUT_PAIR("kernel_shape", kernel->pair.first, kernel->pair.second),
        TD_PUT_PAIR("strides", stride->pair.first, stride->pair.second),
        TD_PUT_SIDES("pads", td_put_value(p, "pad")),
        TD_PUT_INT("group", td_put_count(p, "groups")),
        {0}};
    return put_convolution(p, "Conv", attributes, error);
}

static td_status put_conv_transpose(const td_put *p, td_error *error) {
    const td_setting *kernel = td_put_value(p, "kernel"), *stride = td_put_value(p, "stride");
    const td_setting *more = td_put_value(p, "output_pad"), *pad = td_put_value(p, "pad");
    const td_setting sides = {
        .sides = {pad->pair.first, pad->pair.second, pad->pair.first, pad->pair.second}};
    const td_export_attribute attributes[] = {
        TD_PUT_PAIR("kernel_shape", kernel->pair.first, kernel->pair.second),
        TD_PUT_PAIR("strides", stride->pair.first, stride->pair.second),
        TD_PUT_SIDES("pads", &sides),
        TD_PUT_PAIR("output_padding", more->pair.first, more->pair.second),
        {0}};
    return put_convolution(p, "ConvTranspose", attributes, error);
}

static td_status put_dense(const td_put *p, td_error *error) {
    const char *inputs[4] = {NULL};
    p->g->vector[p->i] = true;
    TD_TRY(td_export_vector(p->g, p->node->inputs[0], &inputs[0], error));
    for (size_t k = 0; k < p->node->param_count; k++)
        TD_TRY(td_put_param(p, k, &inputs[1 + k], error));
    return td_put_end(p, "Gemm", inputs, (td_export_attribute[]){TD_PUT_INT("transB", 1), {0}},
                      error);
}

/* --- operators for images only --- */

static td_status put_pool(const td_put *p, const char *op, const td_export_attribute *more,
                          td_error *error) {
    const td_setting *size = td_put_value(p, "size"), *stride = td_put_value(p, "stride");
    const size_t down = stride->pair.first > 0 ? stride->pair.first : size->pair.first;
    const size_t right = stride->pair.second > 0 ? stride->pair.second : size->pair.second;
    td_export_attribute attributes[] = {
        TD_PUT_PAIR("kernel_shape", size->pair.first, size->pair.second),
        TD_PUT_PAIR("strides", down, right),
        TD_PUT_SIDES("pads", td_put_value(p, "pad")),
        TD_PUT_INT("ceil_mode", td_put_count(p, "ceil")),
        {0},
        {0}};
    const char *x;
    if (more)
        attributes[4] = *more;
    TD_TRY(td_put_image(p, 0, &x, error));
    return td_put_end(p, op, TD_PUT_INPUTS(x), attributes, error);
}

static td_status put_max_pool(const td_put *p, td_error *error) {
    return put_pool(p, "MaxPool", NULL, error);
}

static td_status put_avg_pool(const td_put *p, td_error *error) {
    const td_export_attribute counted =
        TD_PUT_INT("count_include_pad", td_put_count(p, "count_include_pad"));
    return put_pool(p, "AveragePool", &counted, error);
}

static td_status put_global_avg_pool(const td_put *p, td_error *error) {
    const char *x;
    TD_TRY(td_put_image(p, 0, &x, error));
    return td_put_end(p, "GlobalAveragePool", TD_PUT_INPUTS(x), NULL, error);
}

/* Resampling of one axis: the weight of value k of `in` in result o of `out`. */
typedef float weight_of(const td_put *p, size_t in, size_t out, size_t o, size_t k);

static float mean_weight(const td_put *p, size_t in, size_t out, size_t o, size_t k) {
    const size_t first = o * in / out, last = td_chunks((o + 1) * in, out);
    (void)p;
    return k >= first && k < last ? 1 / (float)(last - first) : 0;
}

static float resize_weight(const td_put *p, size_t in, size_t out, size_t o, size_t k) {
    const td_taps taps = td_taps_of((td_resample)td_put_value(p, "filter")->word, in, out, o);
    return k >= taps.first && k < taps.first + taps.count ? td_tap(&taps, k - taps.first) : 0;
}

/* Those weights as a matrix [out, in], or its transpose. */
static td_status put_weights(const td_put *p, weight_of *weight, size_t in, size_t out,
                             bool transpose, const char **name, td_error *error) {
    float *matrix;
    TD_TRY(TD_ARENA_NEW(&p->g->arena, in * out, &matrix, "an ONNX graph", error));
    for (size_t o = 0; o < out; o++)
        for (size_t k = 0; k < in; k++)
            matrix[transpose ? k * out + o : o * in + k] = weight(p, in, out, o, k);
    const td_export_tensor tensor = {
        .rank = 2, .dims = {transpose ? in : out, transpose ? out : in}, .floats = matrix};
    return td_export_add(p->g, p->i, tensor, name, error);
}

static td_status put_matrices(const td_put *p, weight_of *weight, td_error *error) {
    const td_shape in = p->in, out = p->node->shape;
    const char *x, *down, *right, *rows;
    TD_TRY(td_put_image(p, 0, &x, error));
    TD_TRY(put_weights(p, weight, in.height, out.height, false, &down, error));
    TD_TRY(put_weights(p, weight, in.width, out.width, true, &right, error));
    TD_TRY(td_put_step(p, "MatMul", TD_PUT_INPUTS(down, x), NULL, &rows, error));
    return td_put_end(p, "MatMul", TD_PUT_INPUTS(rows, right), NULL, error);
}

/* A pool if all windows are equal, otherwise matrices: ONNX has no operator for it. */
static td_status put_adaptive_avg_pool(const td_put *p, td_error *error) {
    const td_shape in = p->in, out = p->node->shape;
    const char *x;
    if (in.height % out.height != 0 || in.width % out.width != 0)
        return put_matrices(p, mean_weight, error);
    const size_t high = in.height / out.height, wide = in.width / out.width;
    TD_TRY(td_put_image(p, 0, &x, error));
    return td_put_end(p, "AveragePool", TD_PUT_INPUTS(x),
                      (td_export_attribute[]){TD_PUT_PAIR("kernel_shape", high, wide),
                                              TD_PUT_PAIR("strides", high, wide),
                                              {0}},
                      error);
}

/* By matrices: until opset 18 a Resize of a batch of any size has scales, not sizes, and runtimes
 * round them differently. */
static td_status put_resize(const td_put *p, td_error *error) {
    return put_matrices(p, resize_weight, error);
}

/* --- the table --- */

const td_put_row td_put_layers[] = {
    {"adaptive-avg-pool", put_adaptive_avg_pool},
    {"avg-pool", put_avg_pool},
    {"conv", put_conv},
    {"conv-transpose", put_conv_transpose},
    {"dense", put_dense},
    {"global-avg-pool", put_global_avg_pool},
    {TD_OP_IMAGE, put_image},
    {"max-pool", put_max_pool},
    {"resize", put_resize},
    {0},
};
