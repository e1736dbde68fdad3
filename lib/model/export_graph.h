/* SPDX-License-Identifier: MIT */
/* An ONNX graph under construction. Functions in a table (export_put.h) convert each of our nodes
 * to ONNX nodes. In ONNX images are N×C×H×W; vectors, the outputs of flatten and dense layers, are
 * N×C. */
#ifndef TD_MODEL_EXPORT_GRAPH_H
#define TD_MODEL_EXPORT_GRAPH_H

#include "base/arena.h"
#include "base/text.h"
#include "nn/net.h"
#include <stdbool.h>

enum { TD_EXPORT_RANK = 5, TD_EXPORT_ATTRIBUTES = 7 };

/* Numbers in the graph: floats or integers. */
typedef struct td_export_tensor {
    const char *name;
    size_t rank, dims[TD_EXPORT_RANK], count;
    const float *floats;
    const int64_t *integers;
} td_export_tensor;

typedef struct td_export_graph {
    const td_net *net;
    const float *weights;
    const char **values; /* for each of our nodes: the name of its ONNX value */
    bool *vector;        /* and whether it is N×C */
    td_text nodes;       /* messages */
    td_export_tensor *tensors;
    size_t tensor_count, tensor_room;
    size_t names; /* made so far */
    td_arena arena;
} td_export_graph;

/* An attribute: an integer, a real number, or `count` integers. */
typedef struct td_export_attribute {
    const char *name; /* NULL ends a list */
    enum { TD_EXPORT_INT, TD_EXPORT_REAL, TD_EXPORT_INTS } kind;
    int64_t integers[TD_EXPORT_RANK];
    size_t count;
    double real;
} td_export_attribute;

/* Writes a node. NULL ends `inputs`; a row without a name ends `attributes`, which may be NULL. */
td_status td_export_node(td_export_graph *g, const char *op, const char *const *inputs,
                         const char *output, const td_export_attribute *attributes,
                         td_error *error) TD_MUST_USE;

/* A name for an intermediate value of node i. */
td_status td_export_name(td_export_graph *g, size_t i, const char **out,
                         td_error *error) TD_MUST_USE;

/* Adds numbers, which the caller owns, under *name; if that is NULL, creates a name for node i. */
td_status td_export_add(td_export_graph *g, size_t i, td_export_tensor tensor, const char **name,
                        td_error *error) TD_MUST_USE;

/* The value of node i as an image, N×C×H×W, or as a vector, N×C. */
td_status td_export_image(td_export_graph *g, size_t i, const char **out,
                          td_error *error) TD_MUST_USE;
td_status td_export_vector(td_export_graph *g, size_t i, const char **out,
                           td_error *error) TD_MUST_USE;

/* Writes the ONNX nodes for node i and sets g->values[i]. */
td_status td_export_op(td_export_graph *g, size_t i, td_error *error) TD_MUST_USE;

#endif
