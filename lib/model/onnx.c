/* SPDX-License-Identifier: MIT */
#include "model/onnx.h"

#include "base/size.h"
#include "data/text.h"
#include <string.h>

/* Field numbers in use, by message. */
enum { MODEL_IR = 1, MODEL_PRODUCER, MODEL_VERSION, MODEL_GRAPH = 7, MODEL_OPSET };
enum { OPSET_DOMAIN = 1, OPSET_VERSION };
enum { GRAPH_NODE = 1, GRAPH_TENSOR = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT, GRAPH_SPARSE = 15 };
enum { NODE_INPUT = 1, NODE_OUTPUT, NODE_NAME, NODE_OP, NODE_ATTRIBUTE, NODE_DOMAIN = 7 };
enum {
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_F,
    ATTRIBUTE_I,
    ATTRIBUTE_S,
    ATTRIBUTE_T,
    ATTRIBUTE_FLOATS = 7,
    ATTRIBUTE_INTS,
    ATTRIBUTE_TYPE = 20
};
enum { PORT_NAME = 1, PORT_TYPE };
enum { TYPE_TENSOR = 1, TENSOR_SHAPE = 2, SHAPE_DIM = 1, DIM_VALUE = 1 };

/* Loops over the fields of a message are written out, because a `for (EACH(message, field))` with
 * TD_TRY inside is not possible in C: */
#define NEXT(message, field, more)                                                                 \
    TD_TRY(td_wire_next(&(message), &(field), &(more), error));                                    \
    if (!(more))                                                                                   \
    break

td_status td_onnx_text(td_onnx *onnx, const td_wire_field *field, const char **out,
                       td_error *error) {
    char *text;
    const size_t size = td_wire_size(&field->bytes);
    TD_TRY(td_wire_expect(field, TD_WIRE_BYTES, "a text", error));
    TD_TRY(td_arena_text(&onnx->source->arena, (const char *)field->bytes.at, size, &text, error));
    if (strlen(text) != size || !td_text_is_plain(text))
        return td_fail(error, TD_ERR_FORMAT,
                       "byte %zu: expected a text without control characters, found one with some",
                       (size_t)(field->bytes.at - field->bytes.file));
    *out = text;
    return TD_OK;
}

/* --- lists --- */

td_status td_onnx_list_room(td_wire message, uint32_t number, size_t *out, td_error *error) {
    td_wire_field field;
    bool more;
    for (*out = 0;;) {
        NEXT(message, field, more);
        if (field.number == number)
            *out += field.type == TD_WIRE_BYTES ? td_wire_size(&field.bytes) : 1;
    }
    return TD_OK;
}

td_status td_onnx_integers(const td_wire_field *field, int64_t *out, size_t room, size_t *count,
                           td_error *error) {
    td_wire list = field->bytes;
    uint64_t value;
    if (field->type != TD_WIRE_BYTES)
        TD_TRY(td_wire_expect(field, TD_WIRE_VARINT, "a whole number", error));
    while (list.at < list.end && *count < room) {
        TD_TRY(td_wire_varint(&list, &value, error));
        out[(*count)++] = (int64_t)value;
    }
    return TD_OK;
}

static float float_of(uint64_t bits) {
    const uint32_t narrow = (uint32_t)bits;
    float value;
    memcpy(&value, &narrow, sizeof value);
    return value;
}

static td_status read_floats(const td_wire_field *field, double *out, size_t *count,
                             td_error *error) {
    if (field->type != TD_WIRE_BYTES)
        TD_TRY(td_wire_expect(field, TD_WIRE_FIXED32, "a float", error));
    for (const uint8_t *at = field->bytes.at; field->bytes.end - at >= 4; at += 4) {
        float value;
        memcpy(&value, at, sizeof value);
        out[(*count)++] = value;
    }
    return TD_OK;
}

/* --- attributes --- */

static td_status read_list(td_onnx *onnx, td_wire message, td_onnx_attribute *out,
                           td_error *error) {
    const uint32_t number = out->whole ? ATTRIBUTE_INTS : ATTRIBUTE_FLOATS;
    td_wire_field field;
    bool more;
    size_t room;
    int64_t *integers = NULL;
    double *reals;
    TD_TRY(td_onnx_list_room(message, number, &room, error));
    if (room > TD_ONNX_LIST * 10)
        return td_fail(error, TD_ERR_FORMAT, "attribute \"%s\": expected at most %d numbers",
                       out->name, TD_ONNX_LIST);
    TD_TRY(TD_ARENA_NEW(&onnx->source->arena, room, &reals, "an attribute", error));
    if (out->whole)
        TD_TRY(TD_ARENA_NEW(&onnx->source->arena, room, &integers, "an attribute", error));
    for (;;) {
        NEXT(message, field, more);
        if (field.number != number)
            continue;
        if (out->whole)
            TD_TRY(td_onnx_integers(&field, integers, room, &out->count, error));
        else
            TD_TRY(read_floats(&field, reals, &out->count, error));
    }
    for (size_t i = 0; out->whole && i < out->count; i++)
        reals[i] = (double)integers[i];
    out->integers = integers;
    out->reals = reals;
    return TD_OK;
}

static td_status read_value(td_onnx *onnx, const td_wire_field *field, td_onnx_attribute *out,
                            td_error *error) {
    td_tensor *tensor;
    switch (field->number) {
    case ATTRIBUTE_NAME:
        return td_onnx_text(onnx, field, &out->name, error);
    case ATTRIBUTE_F:
        TD_TRY(td_wire_expect(field, TD_WIRE_FIXED32, "a float", error));
        *out = (td_onnx_attribute){
            .name = out->name, .kind = TD_ONNX_NUMBER, .real = float_of(field->value)};
        return TD_OK;
    case ATTRIBUTE_I:
        TD_TRY(td_wire_expect(field, TD_WIRE_VARINT, "a whole number", error));
        out->kind = TD_ONNX_NUMBER;
        out->whole = true;
        out->integer = (int64_t)field->value;
        out->real = (double)out->integer;
        return TD_OK;
    case ATTRIBUTE_S:
        out->kind = TD_ONNX_TEXT;
        return td_onnx_text(onnx, field, &out->text, error);
    case ATTRIBUTE_T:
        TD_TRY(td_wire_expect(field, TD_WIRE_BYTES, "a tensor", error));
        TD_TRY(TD_ARENA_NEW(&onnx->source->arena, 1, &tensor, "a tensor", error));
        out->kind = TD_ONNX_TENSOR;
        out->tensor = tensor;
        return td_onnx_tensor(onnx, field->bytes, tensor, error);
    case ATTRIBUTE_FLOATS:
    case ATTRIBUTE_INTS:
        out->kind = TD_ONNX_NUMBERS;
        out->whole = field->number == ATTRIBUTE_INTS;
        return TD_OK;
    default:
        return TD_OK;
    }
}

static td_status read_attribute(td_onnx *onnx, td_wire message, td_onnx_attribute *out,
                                td_error *error) {
    td_wire fields = message;
    td_wire_field field;
    bool more;
    *out = (td_onnx_attribute){.name = "", .kind = TD_ONNX_OTHER, .text = ""};
    for (;;) {
        NEXT(fields, field, more);
        TD_TRY(read_value(onnx, &field, out, error));
    }
    return out->kind == TD_ONNX_NUMBERS ? read_list(onnx, message, out, error) : TD_OK;
}

/* --- nodes --- */

static td_status read_node_field(td_onnx *onnx, const td_wire_field *field, td_onnx_node *out,
                                 td_error *error) {
    switch (field->number) {
    case NODE_INPUT:
        return td_onnx_text(onnx, field, &out->inputs[out->input_count++], error);
    case NODE_OUTPUT:
        return td_onnx_text(onnx, field, &out->outputs[out->output_count++], error);
    case NODE_NAME:
        return td_onnx_text(onnx, field, &out->name, error);
    case NODE_OP:
        return td_onnx_text(onnx, field, &out->op, error);
    case NODE_DOMAIN:
        return td_onnx_text(onnx, field, &out->domain, error);
    case NODE_ATTRIBUTE:
        TD_TRY(td_wire_expect(field, TD_WIRE_BYTES, "an attribute", error));
        return read_attribute(onnx, field->bytes, &out->attributes[out->attribute_count++], error);
    default:
        return TD_OK;
    }
}

static td_status read_node(td_onnx *onnx, td_wire message, td_onnx_node *out, td_error *error) {
    td_arena *arena = &onnx->source->arena;
    size_t inputs, outputs, attributes;
    td_wire_field field;
    bool more;
    *out = (td_onnx_node){.op = "", .domain = "", .name = ""};
    TD_TRY(td_wire_count(message, NODE_INPUT, &inputs, error));
    TD_TRY(td_wire_count(message, NODE_OUTPUT, &outputs, error));
    TD_TRY(td_wire_count(message, NODE_ATTRIBUTE, &attributes, error));
    TD_TRY(TD_ARENA_NEW(arena, inputs, &out->inputs, "a node", error));
    TD_TRY(TD_ARENA_NEW(arena, outputs, &out->outputs, "a node", error));
    TD_TRY(TD_ARENA_NEW(arena, attributes, &out->attributes, "a node", error));
    for (;;) {
        NEXT(message, field, more);
        td_status status = read_node_field(onnx, &field, out, error);
        if (status != TD_OK)
            return td_fail_within(error, status, "node \"%s\"", out->name);
    }
    if (strcmp(out->domain, "ai.onnx") == 0)
        out->domain = "";
    return TD_OK;
}

/* --- inputs and outputs --- */

/* A size of a TensorShapeProto; a name, or a size below 1, means any size. */
static td_status read_dim(td_wire message, size_t *out, td_error *error) {
    td_wire_field field;
    bool more;
    for (*out = 0;;) {
        NEXT(message, field, more);
        if (field.number != DIM_VALUE || field.type != TD_WIRE_VARINT)
            continue;
        *out = (int64_t)field.value > 0 ? (size_t)field.value : 0;
    }
    return TD_OK;
}

static td_status read_shape(td_wire message, td_onnx_port *out, td_error *error) {
    td_wire_field field;
    bool more;
    out->known = true;
    for (out->rank = 0;;) {
        NEXT(message, field, more);
        if (field.number != SHAPE_DIM)
            continue;
        TD_TRY(td_wire_expect(&field, TD_WIRE_BYTES, "a size", error));
        if (out->rank == TD_TENSOR_RANK)
            return td_fail(error, TD_ERR_FORMAT,
                           "\"%s\": expected at most %d dimensions, found "
                           "more",
                           out->name, TD_TENSOR_RANK);
        TD_TRY(read_dim(field.bytes, &out->dims[out->rank++], error));
    }
    return TD_OK;
}

/* Enters the message in the only field with that number; false if there is none. */
static td_status enter(td_wire *message, uint32_t number, bool *found, td_error *error) {
    td_wire fields = *message;
    td_wire_field field;
    bool more;
    for (*found = false;;) {
        NEXT(fields, field, more);
        if (field.number == number && field.type == TD_WIRE_BYTES) {
            *message = field.bytes;
            *found = true;
        }
    }
    return TD_OK;
}

static td_status read_port(td_onnx *onnx, td_wire message, td_onnx_port *out, td_error *error) {
    td_wire fields = message;
    td_wire_field field;
    bool more, found = true;
    *out = (td_onnx_port){.name = ""};
    for (;;) {
        NEXT(fields, field, more);
        if (field.number == PORT_NAME)
            TD_TRY(td_onnx_text(onnx, &field, &out->name, error));
    }
    static const uint32_t way[] = {PORT_TYPE, TYPE_TENSOR, TENSOR_SHAPE};
    for (size_t i = 0; found && i < sizeof way / sizeof *way; i++)
        TD_TRY(enter(&message, way[i], &found, error));
    return found ? read_shape(message, out, error) : TD_OK;
}

/* --- the graph --- */

static td_status read_graph_field(td_onnx *onnx, const td_wire_field *field, td_error *error) {
    switch (field->number) {
    case GRAPH_NODE:
        return read_node(onnx, field->bytes, &onnx->nodes[onnx->node_count++], error);
    case GRAPH_TENSOR:
        return td_onnx_tensor(onnx, field->bytes, &onnx->tensors[onnx->tensor_count++], error);
    case GRAPH_INPUT:
        return read_port(onnx, field->bytes, &onnx->inputs[onnx->input_count++], error);
    case GRAPH_OUTPUT:
        return read_port(onnx, field->bytes, &onnx->outputs[onnx->output_count++], error);
    case GRAPH_SPARSE:
        return td_fail(error, TD_ERR_FORMAT,
                       "expected initialisers with all their numbers, found "
                       "a sparse one");
    default:
        return TD_OK;
    }
}

static td_status read_graph(td_onnx *onnx, td_wire message, td_error *error) {
    td_arena *arena = &onnx->source->arena;
    size_t nodes, tensors, inputs, outputs;
    td_wire_field field;
    bool more;
    TD_TRY(td_wire_count(message, GRAPH_NODE, &nodes, error));
    TD_TRY(td_wire_count(message, GRAPH_TENSOR, &tensors, error));
    TD_TRY(td_wire_count(message, GRAPH_INPUT, &inputs, error));
    TD_TRY(td_wire_count(message, GRAPH_OUTPUT, &outputs, error));
    if (nodes > TD_ONNX_NODES ||
        td_size_max(tensors, td_size_max(inputs, outputs)) > TD_SOURCE_TENSORS)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected at most %d nodes and tensors, found %zu and "
                       "%zu",
                       TD_ONNX_NODES, nodes, tensors);
    TD_TRY(TD_ARENA_NEW(arena, nodes, &onnx->nodes, "nodes", error));
    TD_TRY(TD_ARENA_NEW(arena, tensors, &onnx->tensors, "tensors", error));
    TD_TRY(TD_ARENA_NEW(arena, inputs, &onnx->inputs, "inputs", error));
    TD_TRY(TD_ARENA_NEW(arena, outputs, &onnx->outputs, "outputs", error));
    for (;;) {
        NEXT(message, field, more);
        if (field.number == GRAPH_NODE || field.number == GRAPH_TENSOR ||
            field.number == GRAPH_INPUT || field.number == GRAPH_OUTPUT)
            TD_TRY(td_wire_expect(&field, TD_WIRE_BYTES, "a part of the graph", error));
        TD_TRY(read_graph_field(onnx, &field, error));
    }
    return TD_OK;
}

/* --- the model --- */

static td_status read_opset(td_onnx *onnx, td_wire message, td_error *error) {
    const char *domain = "";
    int64_t version = 0;
    td_wire_field field;
    bool more;
    for (;;) {
        NEXT(message, field, more);
        if (field.number == OPSET_DOMAIN)
            TD_TRY(td_onnx_text(onnx, &field, &domain, error));
        else if (field.number == OPSET_VERSION)
            version = (int64_t)field.value;
    }
    if (!*domain || strcmp(domain, "ai.onnx") == 0)
        onnx->opset = version;
    return TD_OK;
}

static td_status read_model(td_onnx *onnx, td_wire message, td_error *error) {
    const char *producer = "", *version = "";
    td_wire_field field, graph = {0};
    bool more;
    for (;;) {
        NEXT(message, field, more);
        if (field.number == MODEL_IR)
            onnx->ir = (int64_t)field.value;
        else if (field.number == MODEL_PRODUCER)
            TD_TRY(td_onnx_text(onnx, &field, &producer, error));
        else if (field.number == MODEL_VERSION)
            TD_TRY(td_onnx_text(onnx, &field, &version, error));
        else if (field.number == MODEL_OPSET && field.type == TD_WIRE_BYTES)
            TD_TRY(read_opset(onnx, field.bytes, error));
        else if (field.number == MODEL_GRAPH)
            graph = field;
    }
    TD_TRY(td_arena_print(&onnx->source->arena, &onnx->producer, error, "%s%s%s", producer,
                          *version ? " " : "", version));
    if (onnx->ir < 3)
        return td_fail(error, TD_ERR_FORMAT, "expected an IR version of at least 3, found %lld",
                       (long long)onnx->ir);
    if (graph.number != MODEL_GRAPH)
        return td_fail(error, TD_ERR_FORMAT, "expected a graph, found none");
    TD_TRY(td_wire_expect(&graph, TD_WIRE_BYTES, "the graph", error));
    return read_graph(onnx, graph.bytes, error);
}

td_status td_onnx_read(td_onnx *out, td_source *source, td_error *error) {
    const td_map *map = &source->map;
    *out = (td_onnx){.source = source, .producer = ""};
    return read_model(out, (td_wire){map->data, map->data + map->size, map->data}, error);
}
