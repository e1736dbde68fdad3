/* SPDX-License-Identifier: MIT */
#include "model/onnx_build.h"

#include "base/size.h"
#include "base/text.h"
#include "nn/limits.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NAME = 64, LAYERS_A_NODE = 4, SPARE_LAYERS = 64, MOST_LAYERS = 1 << 14, FEW = 16 };
enum { NEW, OPEN, DONE }; /* td_onnx_step.state */

/* --- values --- */

static int compare_values(const void *left, const void *right) {
    return strcmp(((const td_onnx_value *)left)->name, ((const td_onnx_value *)right)->name);
}

static td_onnx_value *find_value(const td_onnx_build *b, const char *name) {
    const td_onnx_value key = {.name = name};
    return bsearch(&key, b->values, b->value_count, sizeof key, compare_values);
}

/* Every value of the graph, with its source. A value that is both initialiser and input, as before
 * IR version 4, is the initialiser. */
static td_status list_values(td_onnx_build *b, td_error *error) {
    const td_onnx *onnx = b->onnx;
    size_t room = onnx->tensor_count + onnx->input_count, count = 0, kept = 0;
    for (size_t i = 0; i < onnx->node_count; i++)
        room += onnx->nodes[i].output_count;
    TD_TRY(TD_ARENA_NEW(b->arena, room, &b->values, "the values of a graph", error));
    for (size_t i = 0; i < onnx->tensor_count; i++)
        b->values[count++] =
            (td_onnx_value){.name = onnx->tensors[i].name,
                            .state = TD_ONNX_CONSTANT,
                            .tensor = &onnx->tensors[i],
                            .view = td_view_rows(onnx->tensors[i].rank, onnx->tensors[i].dims)};
    for (size_t i = 0; i < onnx->node_count; i++)
        for (size_t k = 0; k < onnx->nodes[i].output_count; k++)
            if (*onnx->nodes[i].outputs[k])
                b->values[count++] =
                    (td_onnx_value){.name = onnx->nodes[i].outputs[k], .from = &b->steps[i]};
    for (size_t i = 0; i < onnx->input_count; i++)
        b->values[count++] = (td_onnx_value){.name = onnx->inputs[i].name, .view = {.rank = 1}};
    qsort(b->values, count, sizeof *b->values, compare_values);
    for (size_t i = 0; i < count; i++) {
        td_onnx_value *last = kept ? &b->values[kept - 1] : NULL;
        if (!last || strcmp(last->name, b->values[i].name) != 0) {
            b->values[kept++] = b->values[i];
            continue;
        }
        const bool inputs = !last->from && !b->values[i].from;
        if (!inputs || (last->tensor && b->values[i].tensor))
            return td_fail(error, TD_ERR_FORMAT,
                           "value \"%s\": expected it from one place, found it from two",
                           last->name);
        if (b->values[i].tensor)
            *last = b->values[i];
    }
    b->value_count = kept;
    return TD_OK;
}

static const char *label(const td_onnx_step *step) {
    const td_onnx_node *node = step->node;
    return *node->name ? node->name : node->output_count ? node->outputs[0] : "";
}

static td_status within(const td_onnx_step *step, td_status status, td_error *error) {
    return td_fail_within(error, status, "node \"%s\" (%s)", label(step), step->node->op);
}

static td_status link_step(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_node *node = step->node;
    TD_TRY(TD_ARENA_NEW(b->arena, node->input_count, &step->in, "a node", error));
    TD_TRY(TD_ARENA_NEW(b->arena, node->output_count, &step->out, "a node", error));
    for (size_t i = 0; i < node->input_count; i++) {
        if (!*node->inputs[i])
            continue;
        step->in[i] = find_value(b, node->inputs[i]);
        if (!step->in[i]) {
            td_fail(error, TD_ERR_FORMAT,
                    "input \"%s\": expected an initialiser, an input of the graph, or what another "
                    "node gives, found none of that name",
                    node->inputs[i]);
            return within(step, TD_ERR_FORMAT, error);
        }
        step->in[i]->users++;
    }
    for (size_t i = 0; i < node->output_count; i++)
        step->out[i] = *node->outputs[i] ? find_value(b, node->outputs[i]) : NULL;
    return TD_OK;
}

static td_status link_steps(td_onnx_build *b, td_error *error) {
    const size_t count = b->onnx->node_count;
    TD_TRY(TD_ARENA_NEW(b->arena, count, &b->steps, "the nodes of a graph", error));
    for (size_t i = 0; i < count; i++)
        b->steps[i].node = &b->onnx->nodes[i];
    TD_TRY(list_values(b, error));
    for (size_t i = 0; i < count; i++)
        TD_TRY(link_step(b, &b->steps[i], error));
    return TD_OK;
}

/* --- names --- */

static bool is_taken(const td_onnx_build *b, const char *name) {
    for (size_t i = 0; i < b->layer_count; i++)
        if (strcmp(b->layers[i]->name, name) == 0)
            return true;
    return false;
}

/* Whether the file has a parameter named after that layer. */
static bool is_stem(const td_onnx_build *b, const char *name) {
    char weight[LONGEST_NAME + 8];
    snprintf(weight, sizeof weight, "%s.weight", name);
    const td_onnx_value *value = find_value(b, weight);
    return value && value->state == TD_ONNX_CONSTANT;
}

/* PyTorch writes "/layer1/layer1.0/conv1/Conv" for layer1.0.conv1: a component that begins with the
 * previous one replaces it. */
static void path_name(const char *path, char *out, size_t size) {
    size_t used = 0, begin = 0;
    while (*path) {
        path += *path == '/';
        const size_t length = strcspn(path, "/");
        const char *rest = path + length;
        if (!*rest && used > 0) /* the operator */
            break;
        if (used > begin && length > used - begin && path[used - begin] == '.' &&
            strncmp(out + begin, path, used - begin) == 0)
            used = begin;
        begin = used + (used > 0);
        used +=
            (size_t)snprintf(out + used, size - used, "%s%.*s", used ? "." : "", (int)length, path);
        used = td_size_min(used, size - 1);
        path = rest;
    }
    out[used] = '\0';
}

/* A valid name for a net text that is not in use. */
static td_status choose_name(td_onnx_build *b, const char *wanted, bool weights, const char **out,
                             td_error *error) {
    char name[LONGEST_NAME + 1], stem[LONGEST_NAME - 7];
    const size_t length = strlen(wanted);
    snprintf(stem, sizeof stem, "%s",
             length >= sizeof stem ? wanted + length + 1 - sizeof stem : wanted);
    for (char *c = stem; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
            *c = '_';
    if (!*stem)
        snprintf(stem, sizeof stem, "node");
    snprintf(name, sizeof name, "%s", stem);
    for (size_t i = 1; is_taken(b, name) || (!weights && is_stem(b, name));
         i = i < FEW ? i + 1 : i + b->layer_count)
        snprintf(name, sizeof name, "%s_%zu", stem, i);
    return td_arena_print(b->arena, out, error, "%s", name);
}

/* The name of a layer's weights without the last component, if that is one of PyTorch's. */
static bool stem_of(const td_onnx_value *weights, char *out, size_t size) {
    static const char *const suffixes[] = {".weight", ".bias", "_w", "_weight", ".gamma"};
    const size_t length = weights ? strlen(weights->name) : 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        const size_t end = strlen(suffixes[i]);
        if (length > end && length - end < size &&
            strcmp(weights->name + length - end, suffixes[i]) == 0) {
            snprintf(out, size, "%.*s", (int)(length - end), weights->name);
            return true;
        }
    }
    return false;
}

static td_status name_layer(td_onnx_build *b, const td_onnx_step *step,
                            const td_onnx_value *weights, td_onnx_layer *layer, td_error *error) {
    char name[256];
    if (layer->name)
        return choose_name(b, layer->name, false, &layer->name, error);
    layer->named = stem_of(weights, name, sizeof name);
    if (!layer->named) {
        const char *given = label(step);
        if (strchr(given, '/'))
            path_name(given, name, sizeof name);
        else
            snprintf(name, sizeof name, "%s",
                     step->node->output_count ? step->node->outputs[0] : given);
    }
    return choose_name(b, name, layer->named, &layer->name, error);
}

/* --- layers --- */

td_status td_onnx_keys(td_onnx_build *b, const char **out, td_error *error, const char *format,
                       ...) {
    va_list arguments;
    va_start(arguments, format);
    td_status status = td_arena_vprint(b->arena, out, error, format, arguments);
    va_end(arguments);
    return status;
}

td_status td_onnx_add(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer layer,
                      const td_onnx_value *weights, td_onnx_layer **out, td_error *error) {
    size_t size;
    const size_t dims[] = {layer.shape.height, layer.shape.width, layer.shape.channels};
    if (b->layer_count == b->layer_room)
        return td_fail(error, TD_ERR_FORMAT, "expected at most %zu layers", b->layer_room);
    if (!td_size_product(dims, 3, &size) || size == 0 || size > TD_NET_ACTIVATION)
        return td_fail(error, TD_ERR_FORMAT, "its output of %zux%zux%zu is out of bounds", dims[0],
                       dims[1], dims[2]);
    TD_TRY(name_layer(b, step, weights, &layer, error));
    TD_TRY(TD_ARENA_NEW(b->arena, 1, out, "a layer", error));
    if (!layer.keys)
        layer.keys = "";
    **out = layer;
    b->layers[b->layer_count++] = *out;
    return TD_OK;
}

td_status td_onnx_add_after(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer *before,
                            const char *op, const char *keys, td_shape shape, td_onnx_layer **out,
                            td_error *error) {
    td_onnx_layer layer = {.op = op, .keys = keys, .input_count = 1, .shape = shape};
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &layer.inputs, "a layer", error));
    layer.inputs[0] = before;
    return td_onnx_add(b, step, layer, NULL, out, error);
}

td_status td_onnx_param_add(td_onnx_layer *layer, const char *suffix, const td_tensor *tensor,
                            td_error *error) {
    if (layer->param_count == TD_NODE_PARAMS)
        return td_fail(error, TD_ERR_FORMAT, "expected at most %d parameters", TD_NODE_PARAMS);
    layer->params[layer->param_count++] = (td_onnx_param){suffix, *tensor};
    return TD_OK;
}

void td_onnx_give_constant(td_onnx_value *out, const td_tensor *tensor, td_view view) {
    if (!out)
        return;
    out->state = TD_ONNX_CONSTANT;
    out->tensor = tensor;
    out->view = view;
}

void td_onnx_give(td_onnx_value *out, td_onnx_layer *layer, td_view view) {
    if (!out)
        return;
    out->state = TD_ONNX_LIVE;
    out->layer = layer;
    out->view = view;
}

/* --- nodes, in order --- */

/* Quantised operators, of which there are many. */
static bool is_quantised(const char *op) {
    return strstr(op, "uantize") || strncmp(op, "QLinear", 7) == 0 || strstr(op, "Integer");
}

static td_status unknown_op(const td_onnx_step *step, td_error *error) {
    const char *op = step->node->op, *instead = td_onnx_op_instead(op);
    if (*step->node->domain)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected an operator of ONNX itself, found one of the domain \"%s\"; "
                       "export the model without custom operators",
                       step->node->domain);
    if (is_quantised(op))
        return td_fail(error, TD_ERR_FORMAT,
                       "quantised models are not read: export the one it was made of, in floats");
    return td_fail(error, TD_ERR_FORMAT, "this operator is not read%s%s", instead ? ": " : "",
                   instead ? instead : "");
}

static bool all_constant(const td_onnx_step *step) {
    for (size_t i = 0; i < step->node->input_count; i++)
        if (step->in[i] && step->in[i]->state != TD_ONNX_CONSTANT)
            return false;
    return true;
}

static td_status map_step(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_op *op = td_onnx_op_find(step->node->op);
    size_t given = step->node->input_count;
    if (*step->node->domain)
        return unknown_op(step, error);
    if (!(op && op->views) && (all_constant(step) || strcmp(step->node->op, "Shape") == 0))
        return td_onnx_fold(b, step, error);
    if (!op)
        return unknown_op(step, error);
    for (size_t i = 0; i < op->least_inputs; i++)
        if (!td_onnx_in(step, i))
            given = i;
    if (given < op->least_inputs || given > op->most_inputs)
        return td_fail(error, TD_ERR_FORMAT, "expected %zu to %zu inputs, found %zu",
                       op->least_inputs, op->most_inputs, given);
    if (step->node->output_count == 0 || !step->out[0])
        return td_fail(error, TD_ERR_FORMAT, "expected an output, found none");
    TD_TRY(op->map(b, step, error));
    return TD_OK;
}

static td_status run_step(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    td_status status = map_step(b, step, error);
    return status == TD_OK ? TD_OK : within(step, status, error);
}

static td_status check_value(const td_onnx_value *value, td_error *error) {
    return value->state != TD_ONNX_NONE
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT,
                         "value \"%s\": expected what its node gives, found nothing", value->name);
}

/* Runs a node after those whose outputs it uses: a walk with an explicit stack, because a malicious
 * graph may be arbitrarily deep. */
static td_status run_from(td_onnx_build *b, td_onnx_step *last, td_error *error) {
    td_onnx_step **stack;
    size_t depth = 0, *next;
    TD_TRY(TD_ARENA_NEW(b->arena, b->onnx->node_count, &stack, "the nodes of a graph", error));
    TD_TRY(TD_ARENA_NEW(b->arena, b->onnx->node_count, &next, "the nodes of a graph", error));
    stack[depth++] = last;
    last->state = OPEN;
    while (depth > 0) {
        td_onnx_step *step = stack[depth - 1], *before = NULL;
        size_t *i = &next[depth - 1];
        while (*i < step->node->input_count && !before) {
            const td_onnx_value *value = step->in[(*i)++];
            before = value && value->from && value->from->state != DONE ? value->from : NULL;
        }
        if (before && before->state == OPEN) {
            td_fail(error, TD_ERR_FORMAT, "expected a graph without cycles, found one through it");
            return within(before, TD_ERR_FORMAT, error);
        }
        if (before) {
            before->state = OPEN;
            next[depth] = 0;
            stack[depth++] = before;
            continue;
        }
        for (size_t k = 0; k < step->node->input_count; k++)
            if (step->in[k])
                TD_TRY(check_value(step->in[k], error));
        TD_TRY(run_step(b, step, error));
        step->state = DONE;
        depth--;
    }
    return TD_OK;
}

/* --- the image --- */

/* The graph's input that is not an initialiser. */
static td_status find_image(const td_onnx_build *b, const td_onnx_port **out, td_error *error) {
    *out = NULL;
    for (size_t i = 0; i < b->onnx->input_count; i++) {
        const td_onnx_port *port = &b->onnx->inputs[i];
        const td_onnx_value *value = find_value(b, port->name);
        if (value->state == TD_ONNX_CONSTANT)
            continue;
        if (*out)
            return td_fail(error, TD_ERR_FORMAT,
                           "expected one input, the image, found \"%s\" and \"%s\"", (*out)->name,
                           port->name);
        *out = port;
    }
    if (!*out)
        return td_fail(error, TD_ERR_FORMAT, "expected an input, the image, found none");
    if (!(*out)->known || (*out)->rank < 2 || (*out)->rank > 4)
        return td_fail(error, TD_ERR_FORMAT,
                       "input \"%s\": expected images, such as 1x3x224x224, found %zu dimensions",
                       (*out)->name, (*out)->rank);
    return TD_OK;
}

static bool is_channels(size_t size) {
    return size == 1 || size == 3 || size == 4;
}

/* The images for a vector input: square ones, grey or with three channels. */
static td_shape square_of(size_t count) {
    static const size_t channels[] = {1, 3};
    for (size_t i = 0; i < 2; i++)
        for (size_t side = 1; side <= 4096 && side * side * channels[i] <= count; side++)
            if (side * side * channels[i] == count)
                return (td_shape){side, side, channels[i]};
    return (td_shape){1, 1, count};
}

/* Shape and view of the images in an input. */
static td_status image_shape(td_onnx_build *b, const td_onnx_port *port, td_shape *shape,
                             td_view *view, bool *last, td_error *error) {
    const size_t *d = port->dims;
    const td_net_variables *v = b->images;
    b->batch = d[0] ? d[0] : 1;
    *last = false;
    if (port->rank == 2) {
        if (d[1] == 0)
            return td_fail(error, TD_ERR_FORMAT, "input \"%s\": expected vectors of a known size",
                           port->name);
        *shape = square_of(d[1]);
        return TD_OK;
    }
    *last = port->rank == 4 && is_channels(d[3]) && !is_channels(d[1]);
    const size_t channels = port->rank == 3 ? 1 : d[*last ? 3 : 1];
    const size_t height = d[port->rank == 3 || *last ? 1 : 2],
                 width = d[port->rank == 3 || *last ? 2 : 3];
    *shape = (td_shape){height      ? height
                        : v->height ? v->height
                                    : 224,
                        width      ? width
                        : v->width ? v->width
                                   : 224,
                        channels      ? channels
                        : v->channels ? v->channels
                                      : 3};
    (void)view;
    return TD_OK;
}

static td_status add_image(td_onnx_build *b, td_error *error) {
    const td_onnx_port *port;
    td_onnx_layer *image, *scale;
    td_shape shape;
    td_view view;
    bool last;
    TD_TRY(find_image(b, &port, error));
    TD_TRY(image_shape(b, port, &shape, &view, &last, error));
    const td_onnx_node none = {.op = "", .name = ""};
    const td_onnx_step step = {.node = &none};
    td_onnx_layer made = {.name = port->name, .op = "image", .shape = shape};
    TD_TRY(td_onnx_keys(b, &made.keys, error, " height=%zu width=%zu channels=%zu", shape.height,
                        shape.width, shape.channels));
    TD_TRY(td_onnx_add(b, &step, made, NULL, &image, error));
    td_onnx_layer scaled = {
        .name = "scale", .op = TD_ONNX_AFFINE, .input_count = 1, .shape = shape};
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &scaled.inputs, "a layer", error));
    TD_TRY(td_onnx_factors(b, image, &scaled.by, &scaled.add, error));
    scaled.inputs[0] = image;
    for (size_t c = 0; c < shape.channels; c++)
        scaled.by[c] = 1;
    TD_TRY(td_onnx_add(b, &step, scaled, NULL, &scale, error));
    view = td_onnx_image_view(b, shape);
    if (last)
        view = td_view_permute(&view, (size_t[]){0, 2, 3, 1});
    if (port->rank == 3)
        view = td_view_squeeze(&view, 1);
    td_onnx_value *value = find_value(b, port->name);
    td_onnx_give(value, scale, view);
    if (port->rank > 2)
        return TD_OK;
    const td_onnx_value pixels = {
        .name = port->name, .state = TD_ONNX_LIVE, .layer = scale, .view = view};
    return td_onnx_reshape(b, &step, &pixels, 2, (size_t[]){b->batch, td_shape_size(shape)}, value,
                           error);
}

/* --- the net --- */

static td_status find_output(td_onnx_build *b, td_onnx_value **out, td_error *error) {
    const td_onnx *onnx = b->onnx;
    if (onnx->output_count != 1)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected one output, the logits, found %zu%s: export the model with that "
                       "one alone",
                       onnx->output_count, onnx->output_count ? "" : ": it gives nothing");
    *out = find_value(b, onnx->outputs[0].name);
    if (!*out)
        return td_fail(error, TD_ERR_FORMAT,
                       "output \"%s\": expected what a node gives, found nothing of that name",
                       onnx->outputs[0].name);
    (*out)->users++;
    return TD_OK;
}

static td_status check_opset(const td_onnx *onnx, td_error *error) {
    if (onnx->opset >= 7)
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT, "expected operator set 7 or newer, found %lld",
                   (long long)onnx->opset);
}

td_status td_onnx_build_net(const td_onnx *onnx, const td_net_variables *images, td_error *error) {
    static const td_net_variables unknown;
    td_onnx_build b = {
        .onnx = onnx,
        .arena = &onnx->source->arena,
        .images = images ? images : &unknown,
        .layer_room = td_size_min(onnx->node_count * LAYERS_A_NODE + SPARE_LAYERS, MOST_LAYERS)};
    td_onnx_value *output;
    td_onnx_layer *last;
    const td_onnx_node none = {.op = "", .name = ""};
    const td_onnx_step end = {.node = &none};
    TD_TRY(check_opset(onnx, error));
    TD_TRY(TD_ARENA_NEW(b.arena, b.layer_room, &b.layers, "layers", error));
    TD_TRY(link_steps(&b, error));
    TD_TRY(find_output(&b, &output, error));
    TD_TRY(add_image(&b, error));
    if (output->from)
        TD_TRY(run_from(&b, output->from, error));
    if (output->state != TD_ONNX_LIVE)
        return td_fail(error, TD_ERR_FORMAT,
                       "output \"%s\": expected what depends on the image, found a constant",
                       output->name);
    TD_TRY(td_onnx_vector(&b, &end, output, &last, error));
    return td_onnx_write_net(&b, last, error);
}
