/* SPDX-License-Identifier: MIT */
/* ONNX export of operators that move values or work across their order: a function and a row each.
 */
#include "model/export_put.h"

#include "nn/op.h"
#include <string.h>

/* --- parts --- */

/* [first, last) along one or two axes. */
static td_status put_slice_of(const td_put *p, const char *x, const int64_t *first,
                              const int64_t *last, const int64_t *axes, size_t count,
                              td_error *error) {
    const char *starts, *ends, *along;
    TD_TRY(td_put_integers(p, first, count, &starts, error));
    TD_TRY(td_put_integers(p, last, count, &ends, error));
    TD_TRY(td_put_integers(p, axes, count, &along, error));
    return td_put_end(p, "Slice", TD_PUT_INPUTS(x, starts, ends, along), NULL, error);
}

static td_status put_crop(const td_put *p, td_error *error) {
    const int64_t top = (int64_t)td_put_count(p, "top"), left = (int64_t)td_put_count(p, "left");
    const int64_t first[] = {top, left};
    const int64_t last[] = {top + (int64_t)p->node->shape.height,
                            left + (int64_t)p->node->shape.width};
    const char *x;
    TD_TRY(td_put_image(p, 0, &x, error));
    return put_slice_of(p, x, first, last, (const int64_t[]){2, 3}, 2, error);
}

static td_status put_slice(const td_put *p, td_error *error) {
    const int64_t first = (int64_t)td_put_count(p, "first");
    const int64_t last = first + (int64_t)td_put_count(p, "count");
    return put_slice_of(p, td_put_same(p), &first, &last, (const int64_t[]){1}, 1, error);
}

static td_status put_pad(const td_put *p, td_error *error) {
    const td_setting *pad = td_put_value(p, "pad");
    const int64_t sides[] = {0, 0, (int64_t)pad->sides.top,    (int64_t)pad->sides.left,
                             0, 0, (int64_t)pad->sides.bottom, (int64_t)pad->sides.right};
    const char *x, *pads, *value;
    TD_TRY(td_put_image(p, 0, &x, error));
    TD_TRY(td_put_integers(p, sides, 8, &pads, error));
    TD_TRY(td_put_scalar(p, td_put_number(p, "value"), &value, error));
    return td_put_end(p, "Pad", TD_PUT_INPUTS(x, pads, value), NULL, error);
}

static td_status put_concat(const td_put *p, td_error *error) {
    const char *inputs[TD_NODE_INPUTS + 1] = {NULL};
    const size_t axis = td_put_value(p, "axis")->word + 1; /* channels, height, width */
    if (axis == 1) {
        TD_TRY(td_put_inputs(p, inputs, error));
    } else {
        for (size_t k = 0; k < p->node->input_count; k++)
            TD_TRY(td_put_image(p, k, &inputs[k], error));
    }
    return td_put_end(p, "Concat", inputs, (td_export_attribute[]){TD_PUT_INT("axis", axis), {0}},
                      error);
}

/* --- other orders --- */

static const int64_t to_nhwc[] = {0, 2, 3, 1}, to_nchw[] = {0, 3, 1, 2};

static td_status put_reshape(const td_put *p, td_error *error) {
    const td_shape out = p->node->shape;
    const int64_t sizes[] = {0, (int64_t)out.height, (int64_t)out.width, (int64_t)out.channels};
    const char *x, *rows, *made;
    TD_TRY(td_put_image(p, 0, &x, error));
    TD_TRY(td_put_transposed(p, x, to_nhwc, 4, &rows, error));
    TD_TRY(td_put_reshaped(p, rows, sizes, 4, &made, error));
    return td_put_end_transposed(p, made, to_nchw, error);
}

static td_status put_transpose(const td_put *p, td_error *error) {
    const char *order = p->node->op->keys[0].words[p->node->values[0].word], *x;
    int64_t axes[3];
    for (size_t k = 0; k < 3; k++)
        axes[k] = order[k] == 'c' ? 1 : order[k] == 'h' ? 2 : 3;
    TD_TRY(td_put_image(p, 0, &x, error));
    return td_put_end_transposed(p, x, (const int64_t[]){0, axes[2], axes[0], axes[1]}, error);
}

static td_status put_shuffle(const td_put *p, td_error *error) {
    const int64_t groups = (int64_t)td_put_count(p, "groups"), channels = (int64_t)p->in.channels;
    const int64_t height = (int64_t)p->in.height, width = (int64_t)p->in.width;
    const int64_t apart[] = {0, groups, channels / groups, height, width};
    const char *x, *groupwise, *turned, *shape;
    TD_TRY(td_put_image(p, 0, &x, error));
    TD_TRY(td_put_reshaped(p, x, apart, 5, &groupwise, error));
    TD_TRY(td_put_transposed(p, groupwise, (const int64_t[]){0, 2, 1, 3, 4}, 5, &turned, error));
    TD_TRY(td_put_integers(p, (const int64_t[]){0, channels, height, width}, 4, &shape, error));
    return td_put_end(p, "Reshape", TD_PUT_INPUTS(turned, shape), NULL, error);
}

static td_status put_layer_norm(const td_put *p, td_error *error) {
    const td_export_attribute attributes[] = {
        TD_PUT_INT("axis", -1), TD_PUT_REAL("epsilon", td_put_number(p, "epsilon")), {0}};
    const char *x = td_put_same(p), *weight, *bias, *made;
    TD_TRY(td_put_param(p, 0, &weight, error));
    TD_TRY(td_put_param(p, 1, &bias, error));
    if (p->g->vector[p->i])
        return td_put_end(p, "LayerNormalization", TD_PUT_INPUTS(x, weight, bias), attributes,
                          error);
    TD_TRY(td_put_transposed(p, x, to_nhwc, 4, &x, error));
    TD_TRY(td_put_step(p, "LayerNormalization", TD_PUT_INPUTS(x, weight, bias), attributes, &made,
                       error));
    return td_put_end_transposed(p, made, to_nchw, error);
}

/* N×C×H×W becomes N×W×H×C or, for a transposed second input, N×W×C×H. */
static td_status put_matmul(const td_put *p, td_error *error) {
    static const int64_t rows[] = {0, 3, 2, 1}, columns[] = {0, 3, 1, 2};
    const bool transpose = td_put_count(p, "transpose") > 0;
    const char *a, *b, *made;
    TD_TRY(td_put_image(p, 0, &a, error));
    TD_TRY(td_put_image(p, 1, &b, error));
    TD_TRY(td_put_transposed(p, a, rows, 4, &a, error));
    TD_TRY(td_put_transposed(p, b, transpose ? columns : rows, 4, &b, error));
    TD_TRY(td_put_step(p, "MatMul", TD_PUT_INPUTS(a, b), NULL, &made, error));
    return td_put_end_transposed(p, made, rows, error);
}

static td_status put_flatten(const td_put *p, td_error *error) {
    p->g->vector[p->i] = true;
    if (p->g->vector[p->node->inputs[0]])
        return td_put_pass(p, error);
    return td_put_end(p, "Flatten", TD_PUT_INPUTS(p->g->values[p->node->inputs[0]]),
                      (td_export_attribute[]){TD_PUT_INT("axis", 1), {0}}, error);
}

/* Whether all readers of the node broadcast it. */
static bool is_repeated(const td_put *p) {
    const td_net *net = p->g->net;
    for (size_t i = p->i + 1; i < net->node_count; i++)
        for (size_t k = 0; k < net->nodes[i].input_count; k++)
            if (net->nodes[i].inputs[k] == p->i && strcmp(net->nodes[i].op->name, "add") != 0 &&
                strcmp(net->nodes[i].op->name, "multiply") != 0)
                return false;
    return p->i + 1 < net->node_count;
}

/* The weights, H×W×C in our nets; repeated for each image if a reader needs that. */
static td_status put_constant(const td_put *p, td_error *error) {
    const td_shape s = p->node->shape;
    const float *from = p->g->weights + p->g->net->params[p->node->params[0]].offset;
    float *values;
    const char *made, *size, *rest, *shape;
    TD_TRY(td_put_floats(p, false, s, &values, &made, error));
    for (size_t i = 0; i < td_shape_size(s); i++)
        values[i % s.channels * s.height * s.width + i / s.channels] = from[i];
    if (is_repeated(p)) {
        p->g->values[p->i] = made;
        return TD_OK;
    }
    TD_TRY(td_put_step(p, "Shape", TD_PUT_INPUTS(p->g->values[0]),
                       (td_export_attribute[]){TD_PUT_INT("start", 0), TD_PUT_INT("end", 1), {0}},
                       &size, error));
    TD_TRY(td_put_integers(
        p, (const int64_t[]){(int64_t)s.channels, (int64_t)s.height, (int64_t)s.width}, 3, &rest,
        error));
    TD_TRY(td_put_step(p, "Concat", TD_PUT_INPUTS(size, rest),
                       (td_export_attribute[]){TD_PUT_INT("axis", 0), {0}}, &shape, error));
    return td_put_end(p, "Expand", TD_PUT_INPUTS(made, shape), NULL, error);
}

/* --- the table --- */

const td_put_row td_put_layouts[] = {
    {"concat", put_concat},   {"constant", put_constant},     {"crop", put_crop},
    {"flatten", put_flatten}, {"layer-norm", put_layer_norm}, {"matmul", put_matmul},
    {"pad", put_pad},         {"reshape", put_reshape},       {"shuffle", put_shuffle},
    {"slice", put_slice},     {"transpose", put_transpose},   {0},
};
