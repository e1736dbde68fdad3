/* SPDX-License-Identifier: MIT */
/* The graph of ONNX in the making. A node of ours becomes nodes of ONNX by a function in a table
 * (export_put.h). Images are N×C×H×W there, and vectors, as flatten and dense layers give them,
 * N×C. */
#ifndef TD_MODEL_EXPORT_GRAPH_H
#define TD_MODEL_EXPORT_GRAPH_H

#include "base/arena.h"
#include "base/text.h"
#include "nn/net.h"
#include <stdbool.h>

enum { TD_EXPORT_RANK = 5, TD_EXPORT_ATTRIBUTES = 7 };

/* Numbers that the graph has: either floats or whole numbers. */
typedef struct td_export_tensor {
    const char *name;
    size_t rank, dims[TD_EXPORT_RANK], count;
    const float *floats;
    const int64_t *integers;
} td_export_tensor;

typedef struct td_export_graph {
    const td_net *net;
    const float *weights;
    const char **values; /* of each node of ours: what it is called there */
    bool *vector;        /* and whether it is N×C */
    td_text nodes;       /* messages */
    td_export_tensor *tensors;
    size_t tensor_count, tensor_room;
    size_t names; /* made so far */
    td_arena arena;
} td_export_graph;

/* An attribute: a whole number, a real one, or `count` whole numbers. */
typedef struct td_export_attribute {
    const char *name; /* NULL ends a list */
    enum { TD_EXPORT_INT, TD_EXPORT_REAL, TD_EXPORT_INTS } kind;
    int64_t integers[TD_EXPORT_RANK];
    size_t count;
    double real;
} td_export_attribute;

/* Writes a node; inputs end with NULL, and so may `attributes` be, or end with one without a name.
 */
td_status td_export_node(td_export_graph *g, const char *op, const char *const *inputs,
                         const char *output, const td_export_attribute *attributes,
                         td_error *error) TD_MUST_USE;

/* A name for a value within what node i becomes. */
td_status td_export_name(td_export_graph *g, size_t i, const char **out,
                         td_error *error) TD_MUST_USE;

/* Adds numbers, which stay the caller's; the name is in *name, or is made for node i where that is
 * NULL. */
td_status td_export_add(td_export_graph *g, size_t i, td_export_tensor tensor, const char **name,
                        td_error *error) TD_MUST_USE;

/* The value of node i as an image, N×C×H×W, or as a vector, N×C. */
td_status td_export_image(td_export_graph *g, size_t i, const char **out,
                          td_error *error) TD_MUST_USE;
td_status td_export_vector(td_export_graph *g, size_t i, const char **out,
                           td_error *error) TD_MUST_USE;

/* Writes what node i becomes, called g->values[i]. */
td_status td_export_op(td_export_graph *g, size_t i, td_error *error) TD_MUST_USE;

#endif
