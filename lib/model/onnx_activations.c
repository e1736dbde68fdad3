/* SPDX-License-Identifier: MIT */
/* Activations and norms. */
#include "model/onnx_maps.h"

#include <math.h>
#include <string.h>

/* Attributes of a node as keys of an operator. */
typedef struct activation {
    const char *type, *op;
    struct {
        const char *attribute, *key;
        double otherwise;
    } keys[2];
} activation;

static const activation activations[] = {
    {"Relu", "relu", {{0}}},
    {"Sigmoid", "sigmoid", {{0}}},
    {"Tanh", "tanh", {{0}}},
    {"LeakyRelu", "leaky-relu", {{"alpha", "slope", 0.01}}},
    {"Elu", "elu", {{"alpha", "alpha", 1}}},
    {"HardSigmoid", "hard-sigmoid", {{"alpha", "alpha", 0.2}, {"beta", "beta", 0.5}}},
    {"HardSwish", "hard-swish", {{0}}},
    {"Erf", "erf", {{0}}},
};

/* Adds a layer with the shape and view of a value. */
static td_status add_same(td_onnx_build *b, td_onnx_step *step, const td_onnx_value *value,
                          const char *op, const char *keys, td_error *error) {
    td_onnx_layer *before, *made;
    td_view view;
    TD_TRY(td_onnx_whole(b, step, value, &before, &view, error));
    TD_TRY(td_onnx_add_after(b, step, before, op, keys, before->shape, &made, error));
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

td_status td_onnx_map_activation(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const activation *a = activations;
    const char *keys = "";
    while (strcmp(a->type, step->node->op) != 0)
        a++;
    for (size_t i = 0; i < 2 && a->keys[i].key; i++)
        TD_TRY(td_onnx_keys(b, &keys, error, "%s %s=%.9g", keys, a->keys[i].key,
                            td_onnx_real(step, a->keys[i].attribute, a->keys[i].otherwise)));
    return add_same(b, step, td_onnx_in(step, 0), a->op, keys, error);
}

td_status td_onnx_map_gelu(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const bool tanh = strcmp(td_onnx_word(step, "approximate", "none"), "tanh") == 0;
    return add_same(b, step, td_onnx_in(step, 0), "gelu", tanh ? " approximate=tanh" : "", error);
}

td_status td_onnx_map_clip(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    double least, most;
    const char *keys;
    TD_TRY(td_onnx_first(step, 1, "min", -INFINITY, &least, error));
    TD_TRY(td_onnx_first(step, 2, "max", INFINITY, &most, error));
    if (least == 0 && !(most < 3e38))
        return add_same(b, step, td_onnx_in(step, 0), "relu", "", error);
    if (!(least <= most))
        return td_fail(error, TD_ERR_FORMAT, "expected a min of at most the max, found %g and %g",
                       least, most);
    TD_TRY(td_onnx_keys(b, &keys, error, " min=%.9g max=%.9g", fmax(least, -3.4e38),
                        fmin(most, 3.4e38)));
    return add_same(b, step, td_onnx_in(step, 0), "clip", keys, error);
}

/* Over the channels. Until opset 13 the axis was the first of those that are combined. */
td_status td_onnx_map_softmax(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const bool logarithm = strcmp(step->node->op, "LogSoftmax") == 0;
    const td_onnx_value *x = td_onnx_in(step, 0);
    td_onnx_layer *before, *made;
    td_view view;
    size_t axis;
    TD_TRY(td_onnx_axis(td_onnx_integer(step, "axis", b->onnx->opset < 13 ? 1 : -1), x->view.rank,
                        &axis, error));
    for (size_t d = axis + 1; b->onnx->opset < 13 && d < x->view.rank; d++)
        if (x->view.dims[d] > 1)
            return td_onnx_wrong_shape(x, "sizes of 1 behind the axis of the softmax", error);
    TD_TRY(td_onnx_channels(b, step, x, axis, &before, &view, error));
    TD_TRY(td_onnx_add_after(b, step, before, logarithm ? "log-softmax" : "softmax", NULL,
                             before->shape, &made, error));
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

td_status td_onnx_map_layer_norm(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    static const char *const suffixes[] = {"weight", "bias"};
    const td_onnx_value *x = td_onnx_in(step, 0);
    td_onnx_layer *before, *made, layer = {.op = "layer-norm", .input_count = 1};
    td_tensor tensor;
    td_view view;
    size_t axis;
    TD_TRY(td_onnx_axis(td_onnx_integer(step, "axis", -1), x->view.rank, &axis, error));
    if (axis + 1 != x->view.rank)
        return td_fail(error, TD_ERR_FORMAT, "axis: expected the last dimension, found %zu of %zu",
                       axis, x->view.rank);
    TD_TRY(td_onnx_channels(b, step, x, axis, &before, &view, error));
    layer.shape = before->shape;
    TD_TRY(
        td_onnx_keys(b, &layer.keys, error, " epsilon=%.9g", td_onnx_real(step, "epsilon", 1e-5)));
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &layer.inputs, "a layer", error));
    layer.inputs[0] = before;
    for (size_t i = 0; i < 2; i++) {
        const td_onnx_value *value = td_onnx_in(step, i + 1);
        if (value) {
            TD_TRY(td_onnx_param_by_channel(b, &layer, suffixes[i], value, error));
            continue;
        }
        TD_TRY(td_onnx_equal(b, i == 0, before->shape.channels, &tensor, error));
        TD_TRY(td_onnx_param_add(&layer, suffixes[i], &tensor, error));
    }
    TD_TRY(td_onnx_add(b, step, layer, td_onnx_in(step, 1), &made, error));
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

/* For one channel: over all elements, as in group normalisation with one group; a layer norm over
 * all elements as channels, with a single weight and bias. */
td_status td_onnx_map_instance_norm(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    static const char *const suffixes[] = {"weight", "bias"};
    const td_onnx_value *x = td_onnx_in(step, 0);
    td_onnx_layer *before, *made, layer = {.op = "layer-norm", .input_count = 1};
    td_view view, repeated;
    td_tensor tensor;
    if (x->state != TD_ONNX_LIVE || x->view.rank < 3 || x->view.dims[1] != 1 ||
        x->view.dims[0] != b->batch)
        return td_onnx_wrong_shape(x,
                                   "one channel: instances of several are not read; layer or "
                                   "batch normalisation is",
                                   error);
    TD_TRY(td_onnx_whole(b, step, x, &before, &view, error));
    const size_t all = td_shape_size(before->shape);
    TD_TRY(td_onnx_flat(b, step, &before, error));
    layer.shape = before->shape;
    TD_TRY(
        td_onnx_keys(b, &layer.keys, error, " epsilon=%.9g", td_onnx_real(step, "epsilon", 1e-5)));
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &layer.inputs, "a layer", error));
    layer.inputs[0] = before;
    for (size_t i = 0; i < 2; i++) {
        td_onnx_value value = *td_onnx_in(step, i + 1);
        if (value.state != TD_ONNX_CONSTANT || td_view_count(&value.view) != 1)
            return td_onnx_wrong_shape(&value, "one number", error);
        repeated = (td_view){.rank = 1, .dims = {all}, .offset = value.view.offset};
        value.view = repeated;
        TD_TRY(td_onnx_constant(b, &value, &tensor, error));
        TD_TRY(td_onnx_param_add(&layer, suffixes[i], &tensor, error));
    }
    TD_TRY(td_onnx_add(b, step, layer, NULL, &made, error));
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

/* A layer with the shape of `value` whose parameter is a constant: one number, or one per channel.
 */
static td_status add_with_numbers(td_onnx_build *b, td_onnx_step *step, td_onnx_layer layer,
                                  const td_onnx_value *value, const td_onnx_value *numbers,
                                  const char *suffix, td_error *error) {
    td_onnx_layer *before, *made;
    td_tensor *tensor;
    td_view view;
    void *values;
    double *given, *none;
    TD_TRY(td_onnx_whole(b, step, value, &before, &view, error));
    TD_TRY(td_onnx_factors(b, before, &given, &none, error));
    const bool single = td_view_count(&numbers->view) == 1;
    const size_t count = single ? 1 : before->shape.channels;
    if (single)
        given[0] = td_onnx_at(numbers, 0);
    else if (!td_onnx_by_channel(numbers, &view, count, given))
        return td_onnx_wrong_shape(numbers, "one number for all or for each channel", error);
    TD_TRY(td_onnx_new(b, TD_F32, 1, &count, &tensor, &values, error));
    for (size_t i = 0; i < count; i++)
        ((float *)values)[i] = (float)given[i];
    layer.shape = before->shape;
    layer.input_count = 1;
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &layer.inputs, "a layer", error));
    layer.inputs[0] = before;
    TD_TRY(td_onnx_param_add(&layer, suffix, tensor, error));
    TD_TRY(td_onnx_add(b, step, layer, numbers, &made, error));
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

td_status td_onnx_map_prelu(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *slope = td_onnx_in(step, 1);
    if (slope->state != TD_ONNX_CONSTANT)
        return td_fail(error, TD_ERR_FORMAT, "expected a constant slope, found another");
    const td_onnx_layer layer = {.op = "prelu",
                                 .keys = td_view_count(&slope->view) == 1 ? " shared=1" : ""};
    return add_with_numbers(b, step, layer, td_onnx_in(step, 0), slope, "weight", error);
}

/* Min or Max of a layer and a constant. */
static td_status map_bound(td_onnx_build *b, td_onnx_step *step, bool upper, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0), *bound = td_onnx_in(step, 1);
    const td_onnx_value *const swap = x;
    const char *keys;
    if (x->state == TD_ONNX_CONSTANT) {
        x = bound;
        bound = swap;
    }
    if (bound->state != TD_ONNX_CONSTANT)
        return td_fail(error, TD_ERR_FORMAT, "expected a constant bound, found another layer");
    if (td_view_count(&bound->view) != 1)
        return upper ? add_with_numbers(b, step, (td_onnx_layer){.op = "cap", .keys = ""}, x, bound,
                                        "bound", error)
                     : td_onnx_wrong_shape(bound, "one number", error);
    const double most = td_onnx_at(bound, 0);
    TD_TRY(td_onnx_keys(b, &keys, error, upper ? " min=-3.4e38 max=%.9g" : " min=%.9g max=3.4e38",
                        most));
    return add_same(b, step, x, "clip", keys, error);
}

td_status td_onnx_map_min(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    return map_bound(b, step, true, error);
}

td_status td_onnx_map_max(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    return map_bound(b, step, false, error);
}

td_status td_onnx_map_lrn(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    td_onnx_layer *before, *made;
    const char *keys;
    TD_TRY(td_onnx_image(b, step, td_onnx_in(step, 0), &before, error));
    TD_TRY(td_onnx_keys(b, &keys, error, " size=%lld alpha=%.9g beta=%.9g k=%.9g",
                        (long long)td_onnx_integer(step, "size", 0),
                        td_onnx_real(step, "alpha", 1e-4), td_onnx_real(step, "beta", 0.75),
                        td_onnx_real(step, "bias", 1)));
    TD_TRY(td_onnx_add_after(b, step, before, "lrn", keys, before->shape, &made, error));
    td_onnx_give(step->out[0], made, td_onnx_image_view(b, made->shape));
    return TD_OK;
}
