/* SPDX-License-Identifier: MIT */
/* An ONNX model as stored: nodes, tensors, names of values. (onnx.proto describes the messages; IR
 * version 3 and newer, operator sets 7 and newer.) onnx_build.h interprets the nodes. Control flow
 * bodies, functions and sparse tensors are not read. */
#ifndef TD_MODEL_ONNX_H
#define TD_MODEL_ONNX_H

#include "model/source.h"
#include "model/wire.h"

enum { TD_ONNX_NODES = 1 << 16, TD_ONNX_LIST = 1 << 16, TD_ONNX_PARTS = 64 };

typedef enum td_onnx_kind {
    TD_ONNX_NUMBER,  /* f or i */
    TD_ONNX_TEXT,    /* s */
    TD_ONNX_TENSOR,  /* t */
    TD_ONNX_NUMBERS, /* floats or ints */
    TD_ONNX_OTHER,   /* ignored: graphs, texts, types */
} td_onnx_kind;

typedef struct td_onnx_attribute {
    const char *name;
    td_onnx_kind kind;
    bool whole; /* integers: i or ints */
    int64_t integer;
    double real; /* f, or i converted */
    const char *text;
    const td_tensor *tensor;
    const int64_t *integers; /* [count]; NULL for floats */
    const double *reals;     /* [count] */
    size_t count;
} td_onnx_attribute;

typedef struct td_onnx_node {
    const char *op, *domain, *name; /* "" if absent */
    const char **inputs, **outputs; /* names of values; "" for an omitted one */
    size_t input_count, output_count;
    td_onnx_attribute *attributes;
    size_t attribute_count;
} td_onnx_node;

/* An input or output of the graph. */
typedef struct td_onnx_port {
    const char *name;
    bool known;                        /* has a shape */
    size_t rank, dims[TD_TENSOR_RANK]; /* 0: of any size */
} td_onnx_port;

typedef struct td_onnx {
    int64_t ir, opset;
    const char *producer; /* "pytorch 2.13.0", or "" */
    td_onnx_node *nodes;
    size_t node_count;
    td_tensor *tensors; /* the initialisers */
    size_t tensor_count;
    td_onnx_port *inputs, *outputs;
    size_t input_count, output_count;
    td_source *source; /* its arena owns all of this; it holds the file with external data */
} td_onnx;

/* Reads the file of a source. TD_ERR_FORMAT, with the place, for a file that is not ONNX, is
 * truncated, or has external data in more than one file. */
td_status td_onnx_read(td_onnx *out, td_source *source, td_error *error) TD_MUST_USE;

/* --- for the reader of tensors --- */

/* Reads a TensorProto; its numbers stay in the file if they are stored as raw data. */
td_status td_onnx_tensor(td_onnx *onnx, td_wire message, td_tensor *out,
                         td_error *error) TD_MUST_USE;

/* A copy of a field's text, which must be plain. */
td_status td_onnx_text(td_onnx *onnx, const td_wire_field *field, const char **out,
                       td_error *error) TD_MUST_USE;

/* Appends the numbers of one or more fields of a list, packed or not, to a table of `room`. */
td_status td_onnx_integers(const td_wire_field *field, int64_t *out, size_t room, size_t *count,
                           td_error *error) TD_MUST_USE;
/* Upper bound on the numbers in all fields with that number, to size the table. */
td_status td_onnx_list_room(td_wire message, uint32_t number, size_t *out,
                            td_error *error) TD_MUST_USE;

#endif
