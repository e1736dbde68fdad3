/* SPDX-License-Identifier: MIT */
/* Helpers for the functions in the exporter's tables, which convert one of our nodes to ONNX nodes.
 */
#ifndef TD_MODEL_EXPORT_PUT_H
#define TD_MODEL_EXPORT_PUT_H

#include "model/export_graph.h"

#define TD_PUT_INT(attribute, value)                                                               \
    {                                                                                              \
        .name = (attribute), .kind = TD_EXPORT_INT, .integers = {(int64_t)(value) }                \
    }
#define TD_PUT_REAL(attribute, value)                                                              \
    { .name = (attribute), .kind = TD_EXPORT_REAL, .real = (value) }
#define TD_PUT_PAIR(attribute, first, second)                                                      \
    {                                                                                              \
        .name = (attribute), .kind = TD_EXPORT_INTS, .count = 2, .integers = {                     \
            (int64_t)(first),                                                                      \
            (int64_t)(second)                                                                      \
        }                                                                                          \
    }
#define TD_PUT_SIDES(attribute, value)                                                             \
    {                                                                                              \
        .name = (attribute), .kind = TD_EXPORT_INTS, .count = 4, .integers = {                     \
            (int64_t)(value)->sides.top,                                                           \
            (int64_t)(value)->sides.left,                                                          \
            (int64_t)(value)->sides.bottom,                                                        \
            (int64_t)(value)->sides.right                                                          \
        }                                                                                          \
    }
#define TD_PUT_INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The node being converted. */
typedef struct td_put {
    td_export_graph *g;
    size_t i;
    const td_node *node;
    td_shape in; /* of its first input */
} td_put;

/* --- the tables --- */

typedef struct td_put_row {
    const char *op; /* of ours; NULL ends a table */
    td_status (*put)(const td_put *p, td_error *error);
} td_put_row;

extern const td_put_row td_put_layers[], td_put_elementwise[], td_put_layouts[];

/* --- its keys --- */

const td_setting *td_put_value(const td_put *p, const char *key);
size_t td_put_count(const td_put *p, const char *key);
double td_put_number(const td_put *p, const char *key);

/* --- steps --- */

/* The node's last ONNX node, which produces its value. */
td_status td_put_end(const td_put *p, const char *op, const char *const *inputs,
                     const td_export_attribute *attributes, td_error *error) TD_MUST_USE;

/* An earlier ONNX node; its value is *out. */
td_status td_put_step(const td_put *p, const char *op, const char *const *inputs,
                      const td_export_attribute *attributes, const char **out,
                      td_error *error) TD_MUST_USE;

/* Passes the input through as the node's value. */
td_status td_put_pass(const td_put *p, td_error *error) TD_MUST_USE;

/* --- inputs --- */

/* The first input, image or vector; the node keeps that form. */
const char *td_put_same(const td_put *p);

/* Input k as an image. */
td_status td_put_image(const td_put *p, size_t k, const char **out, td_error *error) TD_MUST_USE;

/* All inputs as vectors if all are vectors, else as images. */
td_status td_put_inputs(const td_put *p, const char **inputs, td_error *error) TD_MUST_USE;

/* --- numbers --- */

/* Parameter k of the node. */
td_status td_put_param(const td_put *p, size_t k, const char **name, td_error *error) TD_MUST_USE;

/* One number. */
td_status td_put_scalar(const td_put *p, double value, const char **name,
                        td_error *error) TD_MUST_USE;

td_status td_put_integers(const td_put *p, const int64_t *values, size_t count, const char **name,
                          td_error *error) TD_MUST_USE;

/* Allocates floats of a shape that broadcasts with images, or with vectors. */
td_status td_put_floats(const td_put *p, bool vector, td_shape shape, float **values,
                        const char **name, td_error *error) TD_MUST_USE;

/* One number per channel, from a list that may have one for all. */
td_status td_put_list(const td_put *p, const td_setting *setting, const char **name,
                      td_error *error) TD_MUST_USE;

/* --- reordering --- */

td_status td_put_transposed(const td_put *p, const char *x, const int64_t *order, size_t rank,
                            const char **out, td_error *error) TD_MUST_USE;

/* The same as the node's last step, of rank 4. */
td_status td_put_end_transposed(const td_put *p, const char *x, const int64_t *order,
                                td_error *error) TD_MUST_USE;

/* The first size is kept. */
td_status td_put_reshaped(const td_put *p, const char *x, const int64_t *sizes, size_t rank,
                          const char **out, td_error *error) TD_MUST_USE;

#endif
