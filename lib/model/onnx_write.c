/* SPDX-License-Identifier: MIT */
/* Writes the layers of a graph as a net's text and tensors. */
#include "model/onnx_build.h"

#include "base/text.h"
#include "model/floats.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the end --- */

/* Tools need logits: a softmax at the end of the net is dropped. */
static td_status drop_softmax(td_onnx_build *b, td_onnx_layer **last, td_error *error) {
    while (strcmp((*last)->op, "softmax") == 0 || strcmp((*last)->op, "log-softmax") == 0) {
        TD_TRY(td_source_note(b->onnx->source, error,
                              "the %s that ends the net, \"%s\", is left out: what comes before "
                              "it are the logits",
                              (*last)->op, (*last)->name));
        *last = (*last)->inputs[0];
    }
    return TD_OK;
}

/* Layers come after their inputs, so one backward pass finds all that are used. */
static void mark_used(td_onnx_build *b, td_onnx_layer *last) {
    last->used = true;
    for (size_t i = b->layer_count; i-- > 0;)
        for (size_t k = 0; b->layers[i]->used && k < b->layers[i]->input_count; k++)
            b->layers[i]->inputs[k]->used = true;
}

/* --- scales --- */

static bool is_uniform(const double *values, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (values[i] != values[0])
            return false;
    return true;
}

/* Whether the first layer expects pixels 0–255 rather than 0–1: its mean or deviation is impossible
 * for 0–1. */
static bool expects_bytes(const td_onnx_layer *layer) {
    for (size_t c = 0; c < layer->shape.channels; c++)
        if (fabs(layer->by[c]) < 1.0 / 16 || fabs(layer->add[c] / layer->by[c]) > 4)
            return true;
    return false;
}

static td_status print_normalise(td_onnx_build *b, td_onnx_layer *layer, td_error *error) {
    const size_t channels = layer->shape.channels;
    td_text text;
    if (!td_text_open(&text))
        return td_fail_memory(error, "a net's text");
    fputs(" mean=", text.stream);
    for (size_t c = 0; c < channels; c++)
        fprintf(text.stream, "%s%.7g", c ? "," : "", -layer->add[c] / layer->by[c]);
    fputs(" deviation=", text.stream);
    for (size_t c = 0; c < channels; c++)
        fprintf(text.stream, "%s%.7g", c ? "," : "", 1 / layer->by[c]);
    char *keys = td_text_close(&text);
    if (!keys)
        return td_fail_memory(error, "a net's text");
    td_status status = td_onnx_keys(b, &layer->keys, error, "%s", keys);
    free(keys);
    layer->op = "normalise";
    return status;
}

static td_status print_scale(td_onnx_build *b, td_onnx_layer *layer, td_error *error) {
    layer->op = "scale";
    if (layer->add[0] == 0)
        return td_onnx_keys(b, &layer->keys, error, " by=%.9g", layer->by[0]);
    return td_onnx_keys(b, &layer->keys, error, " by=%.9g add=%.9g", layer->by[0], layer->add[0]);
}

/* The layer after the image converts raw pixels to what the graph expects: 0 to 1, unless its
 * constants show that it expects 0–255. */
static td_status settle_first(td_onnx_build *b, td_onnx_layer *layer, td_error *error) {
    const size_t channels = layer->shape.channels;
    const bool bytes = expects_bytes(layer);
    const bool plain =
        is_uniform(layer->by, channels) && is_uniform(layer->add, channels) && layer->add[0] == 0;
    bool positive = channels <= TD_KEY_LIST_SIZE;
    if (bytes)
        TD_TRY(td_source_note(b->onnx->source, error,
                              "the graph itself brings pixels of 0-255 to its range"));
    else if (!plain)
        TD_TRY(td_source_note(b->onnx->source, error,
                              "the graph itself normalises, pixels of 0-1 as its constants show"));
    if (plain && !bytes && layer->by[0] == 1) {
        layer->op = "scale";
        layer->keys = " by=1/255";
        return TD_OK;
    }
    for (size_t c = 0; c < channels; c++) {
        positive &= layer->by[c] > 0;
        layer->by[c] /= bytes ? 1 : 255;
    }
    if (positive && !plain)
        return print_normalise(b, layer, error);
    if (is_uniform(layer->by, channels) && is_uniform(layer->add, channels))
        return print_scale(b, layer, error);
    return td_fail(
        error, TD_ERR_FORMAT,
        "input: expected a normalisation with deviations above 0, of at most %d channels",
        TD_KEY_LIST_SIZE);
}

static td_status float_tensor(td_onnx_build *b, const double *values, size_t count, td_tensor *out,
                              td_error *error) {
    float *floats;
    TD_TRY(TD_ARENA_NEW(b->arena, count, &floats, "a tensor", error));
    for (size_t i = 0; i < count; i++)
        floats[i] = (float)values[i];
    *out = (td_tensor){.dtype = TD_F32,
                       .rank = 1,
                       .dims = {count},
                       .count = count,
                       .bytes = count * sizeof *floats,
                       .data = floats};
    return TD_OK;
}

/* A scale by channel is a batch norm of mean 0 and variance 1. */
static td_status settle_channels(td_onnx_build *b, td_onnx_layer *layer, td_error *error) {
    const size_t channels = layer->shape.channels;
    td_tensor by, add, mean, variance;
    TD_TRY(float_tensor(b, layer->by, channels, &by, error));
    TD_TRY(float_tensor(b, layer->add, channels, &add, error));
    TD_TRY(td_onnx_equal(b, false, channels, &mean, error));
    TD_TRY(td_onnx_equal(b, true, channels, &variance, error));
    layer->op = "batch-norm";
    layer->keys = " epsilon=1e-12";
    TD_TRY(td_onnx_param_add(layer, "weight", &by, error));
    TD_TRY(td_onnx_param_add(layer, "bias", &add, error));
    TD_TRY(td_onnx_param_add(layer, "running_mean", &mean, error));
    return td_onnx_param_add(layer, "running_var", &variance, error);
}

static td_status settle(td_onnx_build *b, td_onnx_layer *layer, td_error *error) {
    const size_t channels = layer->shape.channels;
    if (strcmp(layer->inputs[0]->op, "image") == 0)
        return settle_first(b, layer, error);
    if (is_uniform(layer->by, channels) && is_uniform(layer->add, channels))
        return print_scale(b, layer, error);
    return settle_channels(b, layer, error);
}

/* The layer's bias, if it has one that is one 0 repeated, and so stands for none. */
static td_onnx_param *empty_bias(td_onnx_layer *layer) {
    static const char *const ops[] = {"conv", "dense", "conv-transpose"};
    bool takes = false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        takes |= strcmp(layer->op, ops[i]) == 0;
    for (size_t i = 0; takes && i < layer->param_count; i++) {
        td_onnx_param *param = &layer->params[i];
        if (strcmp(param->suffix, "bias") == 0)
            return param->tensor.strides && param->tensor.strides[0] == 0 &&
                           td_tensor_number(&param->tensor, 0) == 0
                       ? param
                       : NULL;
    }
    return NULL;
}

td_status td_onnx_factors(td_onnx_build *b, const td_onnx_layer *layer, double **by, double **add,
                          td_error *error) {
    enum { MOST_CHANNELS = 1 << 20 };
    const size_t channels = layer->shape.channels;
    if (channels > MOST_CHANNELS)
        return td_fail(error, TD_ERR_FORMAT, "expected at most %d channels to scale, found %zu",
                       MOST_CHANNELS, channels);
    TD_TRY(TD_ARENA_NEW(b->arena, channels, by, "a layer", error));
    return TD_ARENA_NEW(b->arena, channels, add, "a layer", error);
}

td_status td_onnx_affine(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                         td_onnx_layer *before, double *by, double *add, td_onnx_layer **out,
                         td_error *error) {
    const size_t channels = before->shape.channels;
    td_onnx_param *bias = value->users == 1 ? empty_bias(before) : NULL;
    td_onnx_layer layer = {.op = TD_ONNX_AFFINE, .input_count = 1, .shape = before->shape};
    if (bias && by[0] == 1 && is_uniform(by, channels)) {
        *out = before;
        return float_tensor(b, add, channels, &bias->tensor, error);
    }
    layer.by = by;
    layer.add = add;
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &layer.inputs, "a layer", error));
    layer.inputs[0] = before;
    if (strcmp(before->op, TD_ONNX_AFFINE) == 0) {
        layer.inputs[0] = before->inputs[0];
        for (size_t c = 0; c < channels; c++) {
            add[c] += by[c] * before->add[c];
            by[c] *= before->by[c];
        }
    }
    return td_onnx_add(b, step, layer, NULL, out, error);
}

/* --- the text --- */

static void print_layer(FILE *out, const td_onnx_layer *layer) {
    fprintf(out, "%s = %s(", layer->name, layer->op);
    for (size_t i = 0; i < layer->input_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", layer->inputs[i]->name);
    fprintf(out, ")%s\n", layer->keys);
}

static td_status write_text(td_onnx_build *b, td_error *error) {
    td_text text;
    char *copy;
    if (!td_text_open(&text))
        return td_fail_memory(error, "a net's text");
    for (size_t i = 0; i < b->layer_count; i++)
        if (b->layers[i]->used)
            print_layer(text.stream, b->layers[i]);
    char *made = td_text_close(&text);
    if (!made)
        return td_fail_memory(error, "a net's text");
    td_status status = td_arena_text(b->arena, made, text.size, &copy, error);
    free(made);
    if (status == TD_OK)
        b->onnx->source->net = copy;
    return status;
}

static td_status write_tensors(td_onnx_build *b, td_error *error) {
    td_source *source = b->onnx->source;
    size_t count = 0;
    for (size_t i = 0; i < b->layer_count; i++)
        count += b->layers[i]->used ? b->layers[i]->param_count : 0;
    TD_TRY(TD_ARENA_NEW(b->arena, count, &source->tensors, "tensors", error));
    source->tensor_count = 0;
    for (size_t i = 0; i < b->layer_count; i++) {
        const td_onnx_layer *layer = b->layers[i];
        for (size_t k = 0; layer->used && k < layer->param_count; k++) {
            td_tensor *tensor = &source->tensors[source->tensor_count++];
            *tensor = layer->params[k].tensor;
            TD_TRY(td_arena_print(b->arena, &tensor->name, error, "%s.%s", layer->name,
                                  layer->params[k].suffix));
        }
    }
    return TD_OK;
}

td_status td_onnx_write_net(td_onnx_build *b, td_onnx_layer *last, td_error *error) {
    TD_TRY(drop_softmax(b, &last, error));
    mark_used(b, last);
    for (size_t i = 0; i < b->layer_count; i++)
        if (b->layers[i]->used && strcmp(b->layers[i]->op, TD_ONNX_AFFINE) == 0)
            TD_TRY(settle(b, b->layers[i], error));
    TD_TRY(write_text(b, error));
    return write_tensors(b, error);
}
