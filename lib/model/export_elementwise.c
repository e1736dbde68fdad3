/* SPDX-License-Identifier: MIT */
/* ONNX export of elementwise operators: a function and a row each. */
#include "model/export_put.h"

#include "nn/op.h"
#include <math.h>

static td_status put_batch_norm(const td_put *p, td_error *error) {
    const char *inputs[6] = {td_put_same(p)};
    for (size_t k = 0; k < 4; k++)
        TD_TRY(td_put_param(p, k, &inputs[1 + k], error));
    const td_export_attribute attributes[] = {
        TD_PUT_REAL("epsilon", td_put_number(p, "epsilon")),
        TD_PUT_REAL("momentum", 1 - td_put_number(p, "momentum")),
        {0}};
    return td_put_end(p, "BatchNormalization", inputs, attributes, error);
}

static td_status put_plain(const td_put *p, const char *op, const td_export_attribute *attributes,
                           td_error *error) {
    return td_put_end(p, op, TD_PUT_INPUTS(td_put_same(p)), attributes, error);
}

static td_status put_relu(const td_put *p, td_error *error) {
    return put_plain(p, "Relu", NULL, error);
}

static td_status put_sigmoid(const td_put *p, td_error *error) {
    return put_plain(p, "Sigmoid", NULL, error);
}

static td_status put_tanh(const td_put *p, td_error *error) {
    return put_plain(p, "Tanh", NULL, error);
}

static td_status put_hard_swish(const td_put *p, td_error *error) {
    return put_plain(p, "HardSwish", NULL, error);
}

static td_status put_softmax(const td_put *p, td_error *error) {
    return put_plain(p, "Softmax", (td_export_attribute[]){TD_PUT_INT("axis", 1), {0}}, error);
}

static td_status put_leaky_relu(const td_put *p, td_error *error) {
    return put_plain(p, "LeakyRelu",
                     (td_export_attribute[]){TD_PUT_REAL("alpha", td_put_number(p, "slope")), {0}},
                     error);
}

static td_status put_elu(const td_put *p, td_error *error) {
    return put_plain(p, "Elu",
                     (td_export_attribute[]){TD_PUT_REAL("alpha", td_put_number(p, "alpha")), {0}},
                     error);
}

static td_status put_hard_sigmoid(const td_put *p, td_error *error) {
    return put_plain(p, "HardSigmoid",
                     (td_export_attribute[]){TD_PUT_REAL("alpha", td_put_number(p, "alpha")),
                                             TD_PUT_REAL("beta", td_put_number(p, "beta")),
                                             {0}},
                     error);
}

static td_status put_lrn(const td_put *p, td_error *error) {
    if (td_put_count(p, "size") % 2 == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "size: expected an odd number, for ONNX has other channels around an even "
                       "one, found %zu",
                       td_put_count(p, "size"));
    return put_plain(p, "LRN",
                     (td_export_attribute[]){TD_PUT_INT("size", td_put_count(p, "size")),
                                             TD_PUT_REAL("alpha", td_put_number(p, "alpha")),
                                             TD_PUT_REAL("beta", td_put_number(p, "beta")),
                                             TD_PUT_REAL("bias", td_put_number(p, "k")),
                                             {0}},
                     error);
}

static td_status put_clip(const td_put *p, td_error *error) {
    const char *min, *max, *x = td_put_same(p);
    TD_TRY(td_put_scalar(p, fmax(td_put_number(p, "min"), -(double)3.4028235e38f), &min, error));
    TD_TRY(td_put_scalar(p, fmin(td_put_number(p, "max"), (double)3.4028235e38f), &max, error));
    return td_put_end(p, "Clip", TD_PUT_INPUTS(x, min, max), NULL, error);
}

/* An operator whose second input is a parameter per channel, or one for all. */
static td_status put_channels(const td_put *p, const char *op, td_error *error) {
    const td_param *param = &p->g->net->params[p->node->params[0]];
    const char *x = td_put_same(p), *second;
    td_export_tensor tensor = {.name = param->name,
                               .rank = p->g->vector[p->i] ? 1 : 3,
                               .dims = {param->count, 1, 1},
                               .floats = p->g->weights + param->offset};
    TD_TRY(td_export_add(p->g, p->i, tensor, &second, error));
    return td_put_end(p, op, TD_PUT_INPUTS(x, second), NULL, error);
}

static td_status put_prelu(const td_put *p, td_error *error) {
    return put_channels(p, "PRelu", error);
}

static td_status put_cap(const td_put *p, td_error *error) {
    return put_channels(p, "Min", error);
}

static td_status put_silu(const td_put *p, td_error *error) {
    const char *x = td_put_same(p), *gate;
    TD_TRY(td_put_step(p, "Sigmoid", TD_PUT_INPUTS(x), NULL, &gate, error));
    return td_put_end(p, "Mul", TD_PUT_INPUTS(x, gate), NULL, error);
}

/* x·(1 + f)/2, in the order that PyTorch's exporter uses. */
static td_status put_half(const td_put *p, const char *x, const char *f, td_error *error) {
    const char *one, *half, *sum, *product;
    TD_TRY(td_put_scalar(p, 1, &one, error));
    TD_TRY(td_put_scalar(p, 0.5, &half, error));
    TD_TRY(td_put_step(p, "Add", TD_PUT_INPUTS(f, one), NULL, &sum, error));
    TD_TRY(td_put_step(p, "Mul", TD_PUT_INPUTS(x, sum), NULL, &product, error));
    return td_put_end(p, "Mul", TD_PUT_INPUTS(product, half), NULL, error);
}

static td_status put_gelu(const td_put *p, td_error *error) {
    const char *x = td_put_same(p), *by, *inner, *f;
    if (td_put_value(p, "approximate")->word == 0) {
        TD_TRY(td_put_scalar(p, sqrt(2), &by, error));
        TD_TRY(td_put_step(p, "Div", TD_PUT_INPUTS(x, by), NULL, &inner, error));
        TD_TRY(td_put_step(p, "Erf", TD_PUT_INPUTS(inner), NULL, &f, error));
        return put_half(p, x, f, error);
    }
    const char *square, *cube, *small, *sum;
    TD_TRY(td_put_step(p, "Mul", TD_PUT_INPUTS(x, x), NULL, &square, error));
    TD_TRY(td_put_step(p, "Mul", TD_PUT_INPUTS(square, x), NULL, &cube, error));
    TD_TRY(td_put_scalar(p, 0.044715, &by, error));
    TD_TRY(td_put_step(p, "Mul", TD_PUT_INPUTS(cube, by), NULL, &small, error));
    TD_TRY(td_put_step(p, "Add", TD_PUT_INPUTS(x, small), NULL, &sum, error));
    TD_TRY(td_put_scalar(p, 0.79788456080286536, &by, error));
    TD_TRY(td_put_step(p, "Mul", TD_PUT_INPUTS(sum, by), NULL, &inner, error));
    TD_TRY(td_put_step(p, "Tanh", TD_PUT_INPUTS(inner), NULL, &f, error));
    return put_half(p, x, f, error);
}

static td_status put_scale(const td_put *p, td_error *error) {
    const double by = td_put_number(p, "by"), more = td_put_number(p, "add");
    const char *x = td_put_same(p), *number;
    if (by == 1 && more == 0)
        return td_put_pass(p, error);
    if (by != 1) {
        TD_TRY(td_put_scalar(p, by, &number, error));
        if (more == 0)
            return td_put_end(p, "Mul", TD_PUT_INPUTS(x, number), NULL, error);
        TD_TRY(td_put_step(p, "Mul", TD_PUT_INPUTS(x, number), NULL, &x, error));
    }
    TD_TRY(td_put_scalar(p, more, &number, error));
    return td_put_end(p, "Add", TD_PUT_INPUTS(x, number), NULL, error);
}

static td_status put_normalise(const td_put *p, td_error *error) {
    const char *x = td_put_same(p), *mean, *deviation, *centred;
    TD_TRY(td_put_list(p, td_put_value(p, "mean"), &mean, error));
    TD_TRY(td_put_list(p, td_put_value(p, "deviation"), &deviation, error));
    TD_TRY(td_put_step(p, "Sub", TD_PUT_INPUTS(x, mean), NULL, &centred, error));
    return td_put_end(p, "Div", TD_PUT_INPUTS(centred, deviation), NULL, error);
}

static td_status put_mask(const td_put *p, td_error *error) {
    const td_param *weight = &p->g->net->params[p->node->params[0]];
    const char *x = td_put_same(p), *mask;
    td_export_tensor tensor = {.name = weight->name,
                               .rank = p->g->vector[p->i] ? 2 : 4,
                               .dims = {1, weight->count, 1, 1},
                               .floats = p->g->weights + weight->offset};
    TD_TRY(td_export_add(p->g, p->i, tensor, &mask, error));
    return td_put_end(p, "Mul", TD_PUT_INPUTS(x, mask), NULL, error);
}

/* --- several inputs --- */

static td_status put_chain(const td_put *p, const char *op, td_error *error) {
    const char *inputs[TD_NODE_INPUTS] = {NULL}, *sum;
    const size_t count = p->node->input_count;
    TD_TRY(td_put_inputs(p, inputs, error));
    sum = inputs[0];
    for (size_t k = 1; k + 1 < count; k++)
        TD_TRY(td_put_step(p, op, TD_PUT_INPUTS(sum, inputs[k]), NULL, &sum, error));
    return td_put_end(p, op, TD_PUT_INPUTS(sum, inputs[count - 1]), NULL, error);
}

static td_status put_add(const td_put *p, td_error *error) {
    return put_chain(p, "Add", error);
}

static td_status put_multiply(const td_put *p, td_error *error) {
    return put_chain(p, "Mul", error);
}

/* --- the table --- */

const td_put_row td_put_elementwise[] = {
    {"dropout", td_put_pass},
    {"add", put_add},
    {"batch-norm", put_batch_norm},
    {"clip", put_clip},
    {"elu", put_elu},
    {"gelu", put_gelu},
    {"cap", put_cap},
    {"hard-sigmoid", put_hard_sigmoid},
    {"hard-swish", put_hard_swish},
    {"leaky-relu", put_leaky_relu},
    {"lrn", put_lrn},
    {TD_OP_MASK, put_mask},
    {"multiply", put_multiply},
    {"normalise", put_normalise},
    {"prelu", put_prelu},
    {"relu", put_relu},
    {"scale", put_scale},
    {"sigmoid", put_sigmoid},
    {"silu", put_silu},
    {"softmax", put_softmax},
    {"tanh", put_tanh},
    {0},
};
