/* SPDX-License-Identifier: MIT */
/* Writes an ONNX file: the graph from export_ops.c, followed by the weights. */
#include "model/export.h"

#include "data/classes.h"
#include "model/export_graph.h"
#include "model/proto_write.h"
#include "model/source.h"
#include "nn/op.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { IR_VERSION = 8, OPSET = 17 };

/* Fields and types of onnx.proto. */
enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_VERSION = 3, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { MODEL_METADATA = 14, ENTRY_KEY = 1, ENTRY_VALUE = 2, OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_TENSOR = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_F = 2, ATTRIBUTE_I = 3, ATTRIBUTE_INTS = 8 };
enum { ATTRIBUTE_TYPE = 20, TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_INTS = 7 };
enum { TENSOR_DIM = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2, ELEMENT_FLOAT = 1, ELEMENT_INT64 = 7 };

/* A message is first written to memory, because its size precedes it. */
static td_status close_message(td_text *message, FILE *out, unsigned field, td_error *error) {
    char *bytes = td_text_close(message);
    if (!bytes)
        return td_fail_memory(error, "an ONNX graph");
    td_proto_bytes(out, field, bytes, message->size);
    free(bytes);
    return TD_OK;
}

static td_status open_message(td_text *message, td_error *error) {
    return td_text_open(message) ? TD_OK : td_fail_memory(error, "an ONNX graph");
}

/* --- nodes --- */

static td_status write_attribute(FILE *node, const td_export_attribute *a, td_error *error) {
    static const unsigned types[] = {
        [TD_EXPORT_INT] = TYPE_INT, [TD_EXPORT_REAL] = TYPE_FLOAT, [TD_EXPORT_INTS] = TYPE_INTS};
    td_text message;
    TD_TRY(open_message(&message, error));
    td_proto_text(message.stream, ATTRIBUTE_NAME, a->name);
    if (a->kind == TD_EXPORT_REAL)
        td_proto_float(message.stream, ATTRIBUTE_F, (float)a->real);
    else if (a->kind == TD_EXPORT_INT)
        td_proto_number(message.stream, ATTRIBUTE_I, (uint64_t)a->integers[0]);
    for (size_t k = 0; a->kind == TD_EXPORT_INTS && k < a->count; k++)
        td_proto_number(message.stream, ATTRIBUTE_INTS, (uint64_t)a->integers[k]);
    td_proto_number(message.stream, ATTRIBUTE_TYPE, types[a->kind]);
    return close_message(&message, node, NODE_ATTRIBUTE, error);
}

td_status td_export_node(td_export_graph *g, const char *op, const char *const *inputs,
                         const char *output, const td_export_attribute *attributes,
                         td_error *error) {
    td_text message;
    td_status status = TD_OK;
    TD_TRY(open_message(&message, error));
    for (size_t k = 0; inputs[k]; k++)
        td_proto_text(message.stream, NODE_INPUT, inputs[k]);
    td_proto_text(message.stream, NODE_OUTPUT, output);
    td_proto_text(message.stream, NODE_NAME, output);
    td_proto_text(message.stream, NODE_OP, op);
    for (; status == TD_OK && attributes && attributes->name; attributes++)
        status = write_attribute(message.stream, attributes, error);
    if (status == TD_OK)
        return close_message(&message, g->nodes.stream, GRAPH_NODE, error);
    free(td_text_close(&message));
    return status;
}

/* Our names do not contain ":". */
td_status td_export_name(td_export_graph *g, size_t i, const char **out, td_error *error) {
    return td_arena_print(&g->arena, out, error, "%s:%zu", g->net->nodes[i].name, ++g->names);
}

/* --- numbers --- */

td_status td_export_add(td_export_graph *g, size_t i, td_export_tensor tensor, const char **name,
                        td_error *error) {
    if (!tensor.name)
        TD_TRY(td_export_name(g, i, &tensor.name, error));
    *name = tensor.name;
    tensor.count = 1;
    for (size_t k = 0; k < tensor.rank; k++)
        tensor.count *= tensor.dims[k];
    if (g->tensor_count == g->tensor_room) {
        td_export_tensor *more;
        const size_t room = 2 * g->tensor_room + 64;
        TD_TRY(TD_ARENA_NEW(&g->arena, room, &more, "an ONNX graph", error));
        if (g->tensor_count > 0)
            memcpy(more, g->tensors, g->tensor_count * sizeof *more);
        g->tensors = more;
        g->tensor_room = room;
    }
    g->tensors[g->tensor_count++] = tensor;
    return TD_OK;
}

static size_t data_size(const td_export_tensor *tensor) {
    return tensor->count * (tensor->floats ? sizeof *tensor->floats : sizeof *tensor->integers);
}

/* The part of a tensor before its numbers. */
static void write_tensor_head(FILE *out, const td_export_tensor *tensor) {
    for (size_t k = 0; k < tensor->rank; k++)
        td_proto_number(out, TENSOR_DIM, tensor->dims[k]);
    td_proto_number(out, TENSOR_TYPE, tensor->floats ? ELEMENT_FLOAT : ELEMENT_INT64);
    td_proto_text(out, TENSOR_NAME, tensor->name);
    td_proto_head(out, TENSOR_RAW, data_size(tensor));
}

static td_status tensor_size(const td_export_tensor *tensor, size_t *out, td_error *error) {
    td_text head;
    TD_TRY(open_message(&head, error));
    write_tensor_head(head.stream, tensor);
    char *bytes = td_text_close(&head);
    *out = head.size + data_size(tensor);
    free(bytes);
    return bytes ? TD_OK : td_fail_memory(error, "an ONNX graph");
}

static void write_tensor(FILE *out, const td_export_tensor *tensor, size_t size) {
    td_proto_head(out, GRAPH_TENSOR, size);
    write_tensor_head(out, tensor);
    fwrite(tensor->floats ? (const void *)tensor->floats : tensor->integers, 1, data_size(tensor),
           out);
}

/* --- inputs and outputs --- */

static td_status write_dimension(FILE *shape, size_t value, td_error *error) {
    td_text dimension;
    TD_TRY(open_message(&dimension, error));
    if (value > 0)
        td_proto_number(dimension.stream, DIM_VALUE, value);
    else
        td_proto_text(dimension.stream, DIM_NAME, "N");
    return close_message(&dimension, shape, SHAPE_DIM, error);
}

static td_status write_shape(FILE *tensor, const size_t *dims, size_t rank, td_error *error) {
    td_text shape;
    td_status status = TD_OK;
    TD_TRY(open_message(&shape, error));
    for (size_t k = 0; status == TD_OK && k < rank; k++)
        status = write_dimension(shape.stream, dims[k], error);
    if (status == TD_OK)
        return close_message(&shape, tensor, TENSOR_SHAPE, error);
    free(td_text_close(&shape));
    return status;
}

/* Writes a message that contains one message with `dims`: 0 stands for any number. */
static td_status write_type(FILE *value, const size_t *dims, size_t rank, td_error *error) {
    td_text type, tensor;
    TD_TRY(open_message(&tensor, error));
    td_proto_number(tensor.stream, TENSOR_ELEMENT, ELEMENT_FLOAT);
    td_status status = write_shape(tensor.stream, dims, rank, error);
    if (status == TD_OK)
        status = open_message(&type, error);
    if (status != TD_OK) {
        free(td_text_close(&tensor));
        return status;
    }
    status = close_message(&tensor, type.stream, TYPE_TENSOR, error);
    if (status == TD_OK)
        return close_message(&type, value, VALUE_TYPE, error);
    free(td_text_close(&type));
    return status;
}

static td_status write_value(FILE *out, unsigned field, const char *name, const size_t *dims,
                             size_t rank, td_error *error) {
    td_text value;
    TD_TRY(open_message(&value, error));
    td_proto_text(value.stream, VALUE_NAME, name);
    td_status status = write_type(value.stream, dims, rank, error);
    if (status == TD_OK)
        return close_message(&value, out, field, error);
    free(td_text_close(&value));
    return status;
}

/* --- the file --- */

static td_status build_nodes(td_export_graph *g, const char **logits, td_error *error) {
    const size_t last = g->net->node_count - 1;
    TD_TRY(TD_ARENA_NEW(&g->arena, last + 1, &g->values, "an ONNX graph", error));
    TD_TRY(TD_ARENA_NEW(&g->arena, last + 1, &g->vector, "an ONNX graph", error));
    for (size_t i = 0; i <= last; i++) {
        g->values[i] = g->net->nodes[i].name;
        const td_status status = td_export_op(g, i, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "node \"%s\" (%s)", g->net->nodes[i].name,
                                  g->net->nodes[i].op->name);
    }
    return td_export_vector(g, last, logits, error);
}

/* The graph except the tensors. */
static td_status build_rest(td_export_graph *g, const char *logits, FILE *out, td_error *error) {
    const td_shape input = td_net_input(g->net);
    td_proto_text(out, GRAPH_NAME, "net");
    TD_TRY(write_value(out, GRAPH_INPUT, g->values[0],
                       (size_t[]){0, input.channels, input.height, input.width}, 4, error));
    return write_value(out, GRAPH_OUTPUT, logits, (size_t[]){0, td_net_classes(g->net)}, 2, error);
}

static td_status write_model(const td_export_graph *g, const td_text *nodes, const td_text *rest,
                             const char *classes, FILE *out, td_error *error) {
    size_t size = nodes->size + rest->size, *sizes;
    td_arena arena = {0};
    TD_TRY(TD_ARENA_NEW(&arena, g->tensor_count + 1, &sizes, "an ONNX graph", error));
    td_status status = TD_OK;
    for (size_t i = 0; status == TD_OK && i < g->tensor_count; i++) {
        status = tensor_size(&g->tensors[i], &sizes[i], error);
        size += td_proto_whole(GRAPH_TENSOR, sizes[i]);
    }
    if (status == TD_OK && size > INT32_MAX - ((size_t)1 << 20))
        status =
            td_fail(error, TD_ERR_USAGE, "expected at most 2 GiB in an ONNX file, found %zu", size);
    if (status == TD_OK) {
        td_proto_number(out, MODEL_IR, IR_VERSION);
        td_proto_text(out, MODEL_PRODUCER, "trapdoor");
        td_proto_text(out, MODEL_VERSION, TD_VERSION);
        td_proto_head(out, MODEL_GRAPH, size);
        fwrite(nodes->bytes, 1, nodes->size, out);
        fwrite(rest->bytes, 1, rest->size, out);
        for (size_t i = 0; i < g->tensor_count; i++)
            write_tensor(out, &g->tensors[i], sizes[i]);
        const size_t entry = td_proto_whole(ENTRY_KEY, strlen(TD_MODEL_CLASSES_KEY)) +
                             td_proto_whole(ENTRY_VALUE, classes ? strlen(classes) : 0);
        td_proto_head(out, MODEL_OPSET, 4);
        td_proto_text(out, OPSET_DOMAIN, "");
        td_proto_number(out, OPSET_VERSION, OPSET);
        if (classes) {
            td_proto_head(out, MODEL_METADATA, entry);
            td_proto_text(out, ENTRY_KEY, TD_MODEL_CLASSES_KEY);
            td_proto_text(out, ENTRY_VALUE, classes);
        }
        if (ferror(out))
            status = td_fail(error, TD_ERR_IO, "cannot write the model");
    }
    td_arena_free(&arena);
    return status;
}

td_status td_export_onnx(FILE *out, const td_net *net, const float *weights,
                         const char *const *class_names, td_error *error) {
    td_export_graph g = {.net = net, .weights = weights};
    td_text rest = {0};
    const char *logits;
    char *nodes = NULL, *more = NULL, *classes = NULL;
    TD_TRY(open_message(&g.nodes, error));
    td_status status = open_message(&rest, error);
    const bool opened = status == TD_OK;
    if (status == TD_OK)
        status = build_nodes(&g, &logits, error);
    if (status == TD_OK)
        status = build_rest(&g, logits, rest.stream, error);
    nodes = td_text_close(&g.nodes);
    if (opened)
        more = td_text_close(&rest);
    if (status == TD_OK && (!nodes || !more))
        status = td_fail_memory(error, "an ONNX graph");
    if (status == TD_OK)
        status = td_class_names_write(class_names, td_net_classes(net), &classes, error);
    if (status == TD_OK)
        status = write_model(&g, &g.nodes, &rest, classes, out, error);
    free(classes);
    free(nodes);
    free(more);
    td_arena_free(&g.arena);
    return status;
}
