/* SPDX-License-Identifier: MIT */
#include "model/export_put.h"

#include "base/size.h"
#include "nn/op.h"
#include <string.h>

const td_setting *td_put_value(const td_put *p, const char *key) {
    const td_key *row = td_key_find(p->node->op->keys, key);
    return &p->node->values[row - p->node->op->keys];
}

size_t td_put_count(const td_put *p, const char *key) {
    return td_put_value(p, key)->count;
}

double td_put_number(const td_put *p, const char *key) {
    return td_put_value(p, key)->number;
}

td_status td_put_end(const td_put *p, const char *op, const char *const *inputs,
                     const td_export_attribute *attributes, td_error *error) {
    return td_export_node(p->g, op, inputs, p->g->values[p->i], attributes, error);
}

td_status td_put_step(const td_put *p, const char *op, const char *const *inputs,
                      const td_export_attribute *attributes, const char **out, td_error *error) {
    TD_TRY(td_export_name(p->g, p->i, out, error));
    return td_export_node(p->g, op, inputs, *out, attributes, error);
}

/* --- inputs --- */

const char *td_put_same(const td_put *p) {
    p->g->vector[p->i] = p->g->vector[p->node->inputs[0]];
    return p->g->values[p->node->inputs[0]];
}

td_status td_put_pass(const td_put *p, td_error *error) {
    (void)error;
    p->g->values[p->i] = td_put_same(p);
    return TD_OK;
}

td_status td_put_image(const td_put *p, size_t k, const char **out, td_error *error) {
    return td_export_image(p->g, p->node->inputs[k], out, error);
}

td_status td_put_inputs(const td_put *p, const char **inputs, td_error *error) {
    bool vector = true;
    for (size_t k = 0; k < p->node->input_count; k++)
        vector &= p->g->vector[p->node->inputs[k]];
    p->g->vector[p->i] = vector;
    for (size_t k = 0; k < p->node->input_count; k++)
        TD_TRY((vector ? td_export_vector : td_export_image)(p->g, p->node->inputs[k], &inputs[k],
                                                             error));
    return TD_OK;
}

/* --- numbers --- */

td_status td_put_param(const td_put *p, size_t k, const char **name, td_error *error) {
    const td_param *param = &p->g->net->params[p->node->params[k]];
    td_export_tensor tensor = {
        .name = param->name, .rank = param->rank, .floats = p->g->weights + param->offset};
    memcpy(tensor.dims, param->dims, param->rank * sizeof *param->dims);
    return td_export_add(p->g, p->i, tensor, name, error);
}

td_status td_put_scalar(const td_put *p, double value, const char **name, td_error *error) {
    float *number;
    TD_TRY(TD_ARENA_NEW(&p->g->arena, 1, &number, "an ONNX graph", error));
    *number = (float)value;
    return td_export_add(p->g, p->i, (td_export_tensor){.floats = number}, name, error);
}

td_status td_put_integers(const td_put *p, const int64_t *values, size_t count, const char **name,
                          td_error *error) {
    int64_t *copy;
    TD_TRY(TD_ARENA_NEW(&p->g->arena, count, &copy, "an ONNX graph", error));
    memcpy(copy, values, count * sizeof *copy);
    return td_export_add(
        p->g, p->i, (td_export_tensor){.rank = 1, .dims = {count}, .integers = copy}, name, error);
}

td_status td_put_floats(const td_put *p, bool vector, td_shape shape, float **values,
                        const char **name, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&p->g->arena, td_shape_size(shape), values, "an ONNX graph", error));
    return td_export_add(p->g, p->i,
                         (td_export_tensor){.rank = vector ? 2 : 4,
                                            .dims = {1, shape.channels, shape.height, shape.width},
                                            .floats = *values},
                         name, error);
}

td_status td_put_list(const td_put *p, const td_setting *setting, const char **name,
                      td_error *error) {
    float *values;
    TD_TRY(td_put_floats(p, p->g->vector[p->i], (td_shape){1, 1, p->in.channels}, &values, name,
                         error));
    for (size_t c = 0; c < p->in.channels; c++)
        values[c] = (float)setting->list.values[setting->list.count > 1 ? c : 0];
    return TD_OK;
}

/* --- other orders --- */

td_status td_put_transposed(const td_put *p, const char *x, const int64_t *order, size_t rank,
                            const char **out, td_error *error) {
    td_export_attribute attributes[2] = {{.name = "perm", .kind = TD_EXPORT_INTS, .count = rank},
                                         {0}};
    memcpy(attributes[0].integers, order, rank * sizeof *order);
    return td_put_step(p, "Transpose", TD_PUT_INPUTS(x), attributes, out, error);
}

td_status td_put_end_transposed(const td_put *p, const char *x, const int64_t *order,
                                td_error *error) {
    td_export_attribute attributes[2] = {{.name = "perm", .kind = TD_EXPORT_INTS, .count = 4}, {0}};
    memcpy(attributes[0].integers, order, 4 * sizeof *order);
    return td_put_end(p, "Transpose", TD_PUT_INPUTS(x), attributes, error);
}

td_status td_put_reshaped(const td_put *p, const char *x, const int64_t *sizes, size_t rank,
                          const char **out, td_error *error) {
    const char *shape;
    TD_TRY(td_put_integers(p, sizes, rank, &shape, error));
    return td_put_step(p, "Reshape", TD_PUT_INPUTS(x, shape), NULL, out, error);
}

td_status td_export_image(td_export_graph *g, size_t i, const char **out, td_error *error) {
    const td_shape shape = g->net->nodes[i].shape;
    const td_put p = {g, i, &g->net->nodes[i], shape};
    *out = g->values[i];
    return g->vector[i]
               ? td_put_reshaped(&p, g->values[i],
                                 (const int64_t[]){0, (int64_t)shape.channels, 1, 1}, 4, out, error)
               : TD_OK;
}

td_status td_export_vector(td_export_graph *g, size_t i, const char **out, td_error *error) {
    const td_put p = {g, i, &g->net->nodes[i], g->net->nodes[i].shape};
    *out = g->values[i];
    return g->vector[i]
               ? TD_OK
               : td_put_step(&p, "Flatten", TD_PUT_INPUTS(g->values[i]),
                             (td_export_attribute[]){TD_PUT_INT("axis", 1), {0}}, out, error);
}
