/* SPDX-License-Identifier: MIT */
/* From the nodes of ONNX to those of a net. A value of the graph is a constant, or what a layer of
 * the net gives, either seen through a view: ONNX has images as N×C×H×W, our layers as H×W×C, so
 * that transposing, reshaping and cutting are views until a layer needs them made.
 *
 * What a node does is a function in a table (onnx_ops.c), which looks at the node's inputs, makes
 * layers, and gives its outputs. Nodes whose inputs are all constant are computed (onnx_fold.c). */
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

/* A node of the net in the making. */
typedef struct td_onnx_layer {
    const char *name;
    const char *op;
    const char *keys; /* " out=64 kernel=3x3", or "" */
    struct td_onnx_layer **inputs;
    size_t input_count;
    td_shape shape; /* of what it gives for one image */
    td_onnx_param params[TD_NODE_PARAMS];
    size_t param_count;
    bool named; /* after its weights */
    bool used;  /* by the net's last layer, or what that uses */
    /* Of TD_ONNX_AFFINE: y = by·x + add by channel, [shape.channels]. */
    double *by, *add;
} td_onnx_layer;

/* A layer that becomes a scale, a normalise or a batch-norm, when it is known what is before it. */
#define TD_ONNX_AFFINE "affine"

typedef enum td_onnx_state {
    TD_ONNX_NONE, /* not computed yet */
    TD_ONNX_CONSTANT,
    TD_ONNX_LIVE,
} td_onnx_state;

typedef struct td_onnx_value {
    const char *name;
    struct td_onnx_step *from; /* NULL for an input or an initialiser */
    size_t users;              /* inputs of nodes, and outputs, that it is */
    td_onnx_state state;
    const td_tensor *tensor; /* TD_ONNX_CONSTANT: row after row */
    td_onnx_layer *layer;    /* TD_ONNX_LIVE */
    td_view view;
} td_onnx_value;

typedef struct td_onnx_step {
    const td_onnx_node *node;
    td_onnx_value **in, **out; /* NULL for one that is left out */
    int state;                 /* of the walk that orders the nodes */
} td_onnx_step;

typedef struct td_onnx_build {
    const td_onnx *onnx;
    td_arena *arena;
    const td_net_variables *images; /* what the net is to be for, where the graph does not say */
    td_onnx_value *values;          /* sorted by name */
    size_t value_count;
    td_onnx_step *steps; /* as many as nodes */
    td_onnx_layer **layers;
    size_t layer_count, layer_room;
    size_t batch;  /* of the graph's input; 1 where it is of any size */
    size_t folded; /* numbers computed so far */
} td_onnx_build;

typedef struct td_onnx_op {
    const char *type;
    size_t least_inputs, most_inputs;
    bool views; /* does the same to constants */
    td_status (*map)(td_onnx_build *b, td_onnx_step *step, td_error *error);
} td_onnx_op;

/* The row of a type of nodes, or NULL; what could be used in place of one without a row, or NULL.
 */
const td_onnx_op *td_onnx_op_find(const char *type);
const char *td_onnx_op_instead(const char *type);

/* Builds the net of a graph, as text and tensors, in source. TD_ERR_FORMAT, with the node, for what
 * cannot be a net of ours. */
td_status td_onnx_build_net(const td_onnx *onnx, const td_net_variables *images,
                            td_error *error) TD_MUST_USE;

/* Writes the net that ends with a layer, and its tensors, to the source. */
td_status td_onnx_write_net(td_onnx_build *b, td_onnx_layer *last, td_error *error) TD_MUST_USE;

/* --- what a node has --- */

/* An input, or NULL where there is none. */
td_onnx_value *td_onnx_in(const td_onnx_step *step, size_t i);

const td_onnx_attribute *td_onnx_attribute_find(const td_onnx_step *step, const char *name);
int64_t td_onnx_integer(const td_onnx_step *step, const char *name, int64_t otherwise);
double td_onnx_real(const td_onnx_step *step, const char *name, double otherwise);
const char *td_onnx_word(const td_onnx_step *step, const char *name, const char *otherwise);

/* `count` whole numbers; `otherwise` where there is no such attribute. */
td_status td_onnx_list(const td_onnx_step *step, const char *name, size_t count, int64_t *out,
                       int64_t otherwise, td_error *error) TD_MUST_USE;

/* The whole numbers of a constant input, or, where it has none, of an attribute: *count is 0 where
 * there are neither. At most `room`. */
td_status td_onnx_numbers(td_onnx_build *b, const td_onnx_step *step, size_t input,
                          const char *attribute, int64_t *out, size_t room, size_t *count,
                          td_error *error) TD_MUST_USE;

/* The first number of a constant input, or of an attribute; `otherwise` where there are neither. */
td_status td_onnx_first(const td_onnx_step *step, size_t input, const char *attribute,
                        double otherwise, double *out, td_error *error) TD_MUST_USE;

/* An axis, counted from the end where below 0. */
td_status td_onnx_axis(int64_t axis, size_t rank, size_t *out, td_error *error) TD_MUST_USE;

/* --- constants --- */

/* The i-th number, row after row, of a constant value. */
double td_onnx_at(const td_onnx_value *value, size_t i);

/* Whether all its numbers are the same, which is then in *out. */
bool td_onnx_is_single(const td_onnx_value *value, double *out);

/* What a constant has for each of the `channels` of a layer, broadcast to the view of it: a number
 * belongs to the channel of its place. False where it differs by position. */
bool td_onnx_by_channel(const td_onnx_value *constant, const td_view *view, size_t channels,
                        double *out);

/* A constant as a tensor with strides; one of floats. */
td_status td_onnx_constant(td_onnx_build *b, const td_onnx_value *value, td_tensor *out,
                           td_error *error) TD_MUST_USE;

/* A tensor of `count` equal numbers, which takes no memory. */
td_status td_onnx_equal(td_onnx_build *b, bool one, size_t count, td_tensor *out,
                        td_error *error) TD_MUST_USE;

/* A new constant of computed numbers, F32 or I64, which `values` is for. TD_ERR_FORMAT where a file
 * has too many of them. */
td_status td_onnx_new(td_onnx_build *b, td_dtype dtype, size_t rank, const size_t *dims,
                      td_tensor **out, void **values, td_error *error) TD_MUST_USE;

/* Computes the outputs of a node whose inputs are constant. */
td_status td_onnx_fold(td_onnx_build *b, td_onnx_step *step, td_error *error) TD_MUST_USE;

/* --- layers --- */

/* Adds a layer behind others. `weights`, a value that its name comes from, or NULL. */
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

/* A layer that gives a constant, of that shape, for every image. */
td_status td_onnx_constant_layer(td_onnx_build *b, const td_onnx_step *step,
                                 const td_onnx_value *constant, td_shape shape, td_onnx_layer **out,
                                 td_error *error) TD_MUST_USE;

/* The same for a constant with a number for each channel of the layer. */
td_status td_onnx_param_by_channel(td_onnx_build *b, td_onnx_layer *layer, const char *suffix,
                                   const td_onnx_value *value, td_error *error) TD_MUST_USE;

/* An output is a constant, or a layer seen so. */
void td_onnx_give_constant(td_onnx_value *out, const td_tensor *tensor, td_view view);
void td_onnx_give(td_onnx_value *out, td_onnx_layer *layer, td_view view);

/* The view of all that a layer gives as N×C×H×W, or as N×C for a vector. */
td_view td_onnx_image_view(const td_onnx_build *b, td_shape shape);
td_view td_onnx_vector_view(const td_onnx_build *b, td_shape shape);

/* A value as a layer that has all of it as an image: N×C×H×W. Makes layers as needed. */
td_status td_onnx_image(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                        td_onnx_layer **out, td_error *error) TD_MUST_USE;

/* As a vector: N×C, or with sizes of 1 behind. */
td_status td_onnx_vector(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                         td_onnx_layer **out, td_error *error) TD_MUST_USE;

/* As a layer that has these elements and no others, in any order; *view is how they are seen. */
td_status td_onnx_whole(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                        td_onnx_layer **out, td_view *view, td_error *error) TD_MUST_USE;

/* Brings the elements of a layer, all of which the view shows, to the view's order: dimensions
 * before `width` are the rows of *out, those before `channels` its columns, the others its
 * channels. */
td_status td_onnx_arrange(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer *layer,
                          const td_view *view, size_t width, size_t channels, td_onnx_layer **out,
                          td_error *error) TD_MUST_USE;

/* A layer's elements as a vector, in the order of memory. */
td_status td_onnx_flat(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer **layer,
                       td_error *error) TD_MUST_USE;

/* A value as a layer whose channels are one of its dimensions, and how it is seen then. */
td_status td_onnx_channels(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                           size_t axis, td_onnx_layer **out, td_view *view,
                           td_error *error) TD_MUST_USE;

/* The view of a layer that has been arranged for this one. */
td_view td_onnx_rows(const td_view *view);

/* The view of a layer that has what another one has, from its first element on, in places of its
 * own sizes. */
td_view td_onnx_restride(const td_view *view, td_shape before, td_shape after);

/* A value under other sizes, by its view or by a layer. */
td_status td_onnx_reshape(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                          size_t rank, const size_t *dims, td_onnx_value *out,
                          td_error *error) TD_MUST_USE;

/* Keys for a layer, in the arena. */
td_status td_onnx_keys(td_onnx_build *b, const char **out, td_error *error, const char *format,
                       ...) TD_MUST_USE TD_PRINTF(4, 5);

/* TD_ERR_FORMAT: "SIZES: expected WHAT, found ...", for a value. */
td_status td_onnx_wrong_shape(const td_onnx_value *value, const char *expected,
                              td_error *error) TD_MUST_USE;

#endif
