/* SPDX-License-Identifier: MIT */
/* Converts ONNX nodes to nodes of a net. A value of the graph is a constant or the output of a
 * layer, seen through a view: ONNX stores images as N×C×H×W, our layers as H×W×C, so transposing,
 * reshaping and slicing stay views until a layer needs the result in memory.
 *
 * Each node type is a function in a table (onnx_ops.c) that examines the node's inputs, adds
 * layers, and sets its outputs. Nodes whose inputs are all constant are computed (onnx_fold.c). */
#ifndef TD_MODEL_ONNX_BUILD_H
#define TD_MODEL_ONNX_BUILD_H

#include "base/shape.h"
#include "model/onnx.h"
#include "model/view.h"
#include "nn/net.h"

/* A parameter of a layer: LAYER.SUFFIX. */
typedef struct td_onnx_param {
    const char *suffix;
    td_tensor tensor;
} td_onnx_param;

/* A node of the net under construction. */
typedef struct td_onnx_layer {
    const char *name;
    const char *op;
    const char *keys; /* " out=64 kernel=3x3", or "" */
    struct td_onnx_layer **inputs;
    size_t input_count;
    td_shape shape; /* of its output for one image */
    td_onnx_param params[TD_NODE_PARAMS];
    size_t param_count;
    bool named; /* named after its weights */
    bool used;  /* by the net's last layer, directly or indirectly */
    /* Of TD_ONNX_AFFINE: y = by·x + add by channel, [shape.channels]. */
    double *by, *add;
} td_onnx_layer;

/* A layer that becomes a scale, a normalise or a batch-norm once its input is known. */
#define TD_ONNX_AFFINE "affine"

typedef enum td_onnx_state {
    TD_ONNX_NONE, /* not computed yet */
    TD_ONNX_CONSTANT,
    TD_ONNX_LIVE,
} td_onnx_state;

typedef struct td_onnx_value {
    const char *name;
    struct td_onnx_step *from; /* NULL for an input or an initialiser */
    size_t users;              /* number of node inputs and graph outputs that use it */
    td_onnx_state state;
    const td_tensor *tensor; /* TD_ONNX_CONSTANT: row-major */
    td_onnx_layer *layer;    /* TD_ONNX_LIVE */
    td_view view;
} td_onnx_value;

typedef struct td_onnx_step {
    const td_onnx_node *node;
    td_onnx_value **in, **out; /* NULL for an omitted one */
    int state;                 /* of the topological sort */
} td_onnx_step;

typedef struct td_onnx_build {
    const td_onnx *onnx;
    td_arena *arena;
    const td_net_variables
        *images;           /* the images and classes to use if the graph does not define them */
    td_onnx_value *values; /* sorted by name */
    size_t value_count;
    td_onnx_step *steps; /* as many as nodes */
    td_onnx_layer **layers;
    size_t layer_count, layer_room;
    size_t batch;  /* of the graph's input; 1 if it is of any size */
    size_t folded; /* numbers computed so far */
} td_onnx_build;

typedef struct td_onnx_op {
    const char *type;
    size_t least_inputs, most_inputs;
    bool views; /* also applies to constants */
    td_status (*map)(td_onnx_build *b, td_onnx_step *step, td_error *error);
} td_onnx_op;

/* The row for a node type, or NULL; a suggested replacement for an unsupported type, or NULL. */
const td_onnx_op *td_onnx_op_find(const char *type);
const char *td_onnx_op_instead(const char *type);

/* Builds the net of a graph, as text and tensors, in source. TD_ERR_FORMAT, naming the node, for a
 * graph that cannot be expressed as a net. */
td_status td_onnx_build_net(const td_onnx *onnx, const td_net_variables *images,
                            td_error *error) TD_MUST_USE;

/* Writes the net that ends with `layer`, and its tensors, to the source. */
td_status td_onnx_write_net(td_onnx_build *b, td_onnx_layer *last, td_error *error) TD_MUST_USE;

/* --- inputs and attributes of a node --- */

/* An input, or NULL if absent. */
td_onnx_value *td_onnx_in(const td_onnx_step *step, size_t i);

const td_onnx_attribute *td_onnx_attribute_find(const td_onnx_step *step, const char *name);
int64_t td_onnx_integer(const td_onnx_step *step, const char *name, int64_t otherwise);
double td_onnx_real(const td_onnx_step *step, const char *name, double otherwise);
const char *td_onnx_word(const td_onnx_step *step, const char *name, const char *otherwise);

/* `count` integers; `otherwise` if there is no such attribute. */
td_status td_onnx_list(const td_onnx_step *step, const char *name, size_t count, int64_t *out,
                       int64_t otherwise, td_error *error) TD_MUST_USE;

/* The integers of a constant input or, without one, of an attribute: *count is 0 if there is
 * neither. At most `room`. */
td_status td_onnx_numbers(td_onnx_build *b, const td_onnx_step *step, size_t input,
                          const char *attribute, int64_t *out, size_t room, size_t *count,
                          td_error *error) TD_MUST_USE;

/* The first number of a constant input, or of an attribute; `otherwise` if there is neither. */
td_status td_onnx_first(const td_onnx_step *step, size_t input, const char *attribute,
                        double otherwise, double *out, td_error *error) TD_MUST_USE;

/* An axis, counted from the end if negative. */
td_status td_onnx_axis(int64_t axis, size_t rank, size_t *out, td_error *error) TD_MUST_USE;

/* --- constants --- */

/* The i-th number of a constant value, row-major. */
double td_onnx_at(const td_onnx_value *value, size_t i);

/* Whether all its numbers are equal; *out is the number. */
bool td_onnx_is_single(const td_onnx_value *value, double *out);

/* A constant's value for each of the `channels` of a layer, after broadcasting to the layer's view.
 * False if it varies by position. */
bool td_onnx_by_channel(const td_onnx_value *constant, const td_view *view, size_t channels,
                        double *out);

/* A constant as a tensor with strides; one of floats. */
td_status td_onnx_constant(td_onnx_build *b, const td_onnx_value *value, td_tensor *out,
                           td_error *error) TD_MUST_USE;

/* A tensor of `count` equal numbers that uses no memory for each. */
td_status td_onnx_equal(td_onnx_build *b, bool one, size_t count, td_tensor *out,
                        td_error *error) TD_MUST_USE;

/* A new constant for computed numbers, F32 or I64, to be written to `values`. TD_ERR_FORMAT if a
 * file has too many of them. */
td_status td_onnx_new(td_onnx_build *b, td_dtype dtype, size_t rank, const size_t *dims,
                      td_tensor **out, void **values, td_error *error) TD_MUST_USE;

/* Computes the outputs of a node whose inputs are all constant. */
td_status td_onnx_fold(td_onnx_build *b, td_onnx_step *step, td_error *error) TD_MUST_USE;

/* --- layers --- */

/* Adds a layer after others. `weights` is a value that gives the layer its name, or NULL. */
td_status td_onnx_add(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer layer,
                      const td_onnx_value *weights, td_onnx_layer **out,
                      td_error *error) TD_MUST_USE;

/* The same for the common case of one input and no parameters. */
td_status td_onnx_add_after(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer *before,
                            const char *op, const char *keys, td_shape shape, td_onnx_layer **out,
                            td_error *error) TD_MUST_USE;

/* Room for a number to scale each channel of a layer by, and one to add, all 0. TD_ERR_FORMAT where
 * it has too many. */
td_status td_onnx_factors(td_onnx_build *b, const td_onnx_layer *layer, double **by, double **add,
                          td_error *error) TD_MUST_USE;

/* y = by·x + add by channel, [layer->shape.channels] each, which belong to the new layer; joined
 * with what is before it where that is alike, or has a bias to be added to. `value` is what the
 * layer before gives. */
td_status td_onnx_affine(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                         td_onnx_layer *before, double *by, double *add, td_onnx_layer **out,
                         td_error *error) TD_MUST_USE;

td_status td_onnx_param_add(td_onnx_layer *layer, const char *suffix, const td_tensor *tensor,
                            td_error *error) TD_MUST_USE;

/* A layer that outputs a constant of that shape for every image. */
td_status td_onnx_constant_layer(td_onnx_build *b, const td_onnx_step *step,
                                 const td_onnx_value *constant, td_shape shape, td_onnx_layer **out,
                                 td_error *error) TD_MUST_USE;

/* The same for a constant with a number for each channel of the layer. */
td_status td_onnx_param_by_channel(td_onnx_build *b, td_onnx_layer *layer, const char *suffix,
                                   const td_onnx_value *value, td_error *error) TD_MUST_USE;

/* Sets an output to a constant, or to a layer seen through a view. */
void td_onnx_give_constant(td_onnx_value *out, const td_tensor *tensor, td_view view);
void td_onnx_give(td_onnx_value *out, td_onnx_layer *layer, td_view view);

/* The view of a layer's whole output as N×C×H×W, or as N×C for a vector. */
td_view td_onnx_image_view(const td_onnx_build *b, td_shape shape);
td_view td_onnx_vector_view(const td_onnx_build *b, td_shape shape);

/* A value as a layer whose whole output is the image N×C×H×W. Adds layers as needed. */
td_status td_onnx_image(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                        td_onnx_layer **out, td_error *error) TD_MUST_USE;

/* As a vector: N×C, possibly with trailing dimensions of size 1. */
td_status td_onnx_vector(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                         td_onnx_layer **out, td_error *error) TD_MUST_USE;

/* As a layer with exactly these elements, in any order; *view describes the order. */
td_status td_onnx_whole(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                        td_onnx_layer **out, td_view *view, td_error *error) TD_MUST_USE;

/* Reorders a layer's elements, all of which the view shows, to the view's order: dimensions before
 * `width` become the rows of *out, those before `channels` its columns, the others its channels. */
td_status td_onnx_arrange(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer *layer,
                          const td_view *view, size_t width, size_t channels, td_onnx_layer **out,
                          td_error *error) TD_MUST_USE;

/* A layer's elements as a vector, in memory order. */
td_status td_onnx_flat(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer **layer,
                       td_error *error) TD_MUST_USE;

/* A value as a layer whose channels are one of its dimensions, and the view of it. */
td_status td_onnx_channels(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                           size_t axis, td_onnx_layer **out, td_view *view,
                           td_error *error) TD_MUST_USE;

/* The view of a layer after td_onnx_arrange with this view. */
td_view td_onnx_rows(const td_view *view);

/* The view of a layer with the same elements as another, from its first element on, but with
 * strides of its own sizes. */
td_view td_onnx_restride(const td_view *view, td_shape before, td_shape after);

/* Reshapes a value, through its view or by a layer. */
td_status td_onnx_reshape(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                          size_t rank, const size_t *dims, td_onnx_value *out,
                          td_error *error) TD_MUST_USE;

/* Keys for a layer, in the arena. */
td_status td_onnx_keys(td_onnx_build *b, const char **out, td_error *error, const char *format,
                       ...) TD_MUST_USE TD_PRINTF(4, 5);

/* TD_ERR_FORMAT for a value's shape: "SIZES: expected WHAT, found ...". */
td_status td_onnx_wrong_shape(const td_onnx_value *value, const char *expected,
                              td_error *error) TD_MUST_USE;

#endif
