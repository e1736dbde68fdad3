/* What each operator becomes in ONNX: a function and a row. */
#include "model/export_graph.h"

#include "base/size.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

#define INT(attribute, value)                                                                      \
    {                                                                                              \
        .name = (attribute), .kind = TD_EXPORT_INT, .integers = {(int64_t)(value) }                \
    }
#define REAL(attribute, value)                                                                     \
    { .name = (attribute), .kind = TD_EXPORT_REAL, .real = (value) }
#define PAIR(attribute, first, second)                                                             \
    {                                                                                              \
        .name = (attribute), .kind = TD_EXPORT_INTS, .count = 2, .integers = {                     \
            (int64_t)(first),                                                                      \
            (int64_t)(second)                                                                      \
        }                                                                                          \
    }
#define SIDES(attribute, value)                                                                    \
    {                                                                                              \
        .name = (attribute), .kind = TD_EXPORT_INTS, .count = 4, .integers = {                     \
            (int64_t)(value)->sides.top,                                                           \
            (int64_t)(value)->sides.left,                                                          \
            (int64_t)(value)->sides.bottom,                                                        \
            (int64_t)(value)->sides.right                                                          \
        }                                                                                          \
    }
#define INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A node of ours while it is written. */
typedef struct place {
    td_export_graph *g;
    size_t i;
    const td_node *node;
    td_shape in; /* of its first input */
} place;

static const td_setting *value_of(const place *p, const char *key) {
    const td_key *row = td_key_find(p->node->op->keys, key);
    return &p->node->values[row - p->node->op->keys];
}

static size_t count_of(const place *p, const char *key) {
    return value_of(p, key)->count;
}

static double number_of(const place *p, const char *key) {
    return value_of(p, key)->number;
}

/* The node's last step, which gives its value. */
static td_status end(const place *p, const char *op, const char *const *inputs,
                     const td_export_attribute *attributes, td_error *error) {
    return td_export_node(p->g, op, inputs, p->g->values[p->i], attributes, error);
}

/* A step before that; its value is *out. */
static td_status step(const place *p, const char *op, const char *const *inputs,
                      const td_export_attribute *attributes, const char **out, td_error *error) {
    TD_TRY(td_export_name(p->g, p->i, out, error));
    return td_export_node(p->g, op, inputs, *out, attributes, error);
}

/* --- numbers --- */

static td_status param(const place *p, size_t k, const char **name, td_error *error) {
    const td_param *param = &p->g->net->params[p->node->params[k]];
    td_export_tensor tensor = {
        .name = param->name, .rank = param->rank, .floats = p->g->weights + param->offset};
    memcpy(tensor.dims, param->dims, param->rank * sizeof *param->dims);
    return td_export_add(p->g, p->i, tensor, name, error);
}

/* One number. */
static td_status scalar(const place *p, double value, const char **name, td_error *error) {
    float *number;
    TD_TRY(TD_ARENA_NEW(&p->g->arena, 1, &number, "an ONNX graph", error));
    *number = (float)value;
    return td_export_add(p->g, p->i, (td_export_tensor){.floats = number}, name, error);
}

static td_status integers(const place *p, const int64_t *values, size_t count, const char **name,
                          td_error *error) {
    int64_t *copy;
    TD_TRY(TD_ARENA_NEW(&p->g->arena, count, &copy, "an ONNX graph", error));
    memcpy(copy, values, count * sizeof *copy);
    return td_export_add(
        p->g, p->i, (td_export_tensor){.rank = 1, .dims = {count}, .integers = copy}, name, error);
}

/* Room for floats of a shape that meets images, or vectors. */
static td_status floats(const place *p, bool vector, td_shape shape, float **values,
                        const char **name, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&p->g->arena, td_shape_size(shape), values, "an ONNX graph", error));
    return td_export_add(p->g, p->i,
                         (td_export_tensor){.rank = vector ? 2 : 4,
                                            .dims = {1, shape.channels, shape.height, shape.width},
                                            .floats = *values},
                         name, error);
}

/* One number by channel, of a list that may have one for all. */
static td_status list(const place *p, const td_setting *setting, const char **name,
                      td_error *error) {
    float *values;
    TD_TRY(floats(p, p->g->vector[p->i], (td_shape){1, 1, p->in.channels}, &values, name, error));
    for (size_t c = 0; c < p->in.channels; c++)
        values[c] = (float)setting->list.values[setting->list.count > 1 ? c : 0];
    return TD_OK;
}

/* --- layers --- */

static td_status image(const place *p, size_t k, const char **out, td_error *error) {
    return td_export_image(p->g, p->node->inputs[k], out, error);
}

static td_status put_image(const place *p, td_error *error) {
    (void)p, (void)error;
    return TD_OK;
}

static td_status put_convolution(const place *p, const char *op,
                                 const td_export_attribute *attributes, td_error *error) {
    const char *inputs[4] = {NULL};
    TD_TRY(image(p, 0, &inputs[0], error));
    for (size_t k = 0; k < p->node->param_count; k++)
        TD_TRY(param(p, k, &inputs[1 + k], error));
    return end(p, op, inputs, attributes, error);
}

static td_status put_conv(const place *p, td_error *error) {
    const td_setting *kernel = value_of(p, "kernel"), *stride = value_of(p, "stride");
    const td_export_attribute attributes[] = {
        PAIR("kernel_shape", kernel->pair.first, kernel->pair.second),
        PAIR("strides", stride->pair.first, stride->pair.second),
        SIDES("pads", value_of(p, "pad")),
        INT("group", count_of(p, "groups")),
        {0}};
    return put_convolution(p, "Conv", attributes, error);
}

static td_status put_conv_transpose(const place *p, td_error *error) {
    const td_setting *kernel = value_of(p, "kernel"), *stride = value_of(p, "stride");
    const td_setting *more = value_of(p, "output_pad"), *pad = value_of(p, "pad");
    const td_setting sides = {
        .sides = {pad->pair.first, pad->pair.second, pad->pair.first, pad->pair.second}};
    const td_export_attribute attributes[] = {
        PAIR("kernel_shape", kernel->pair.first, kernel->pair.second),
        PAIR("strides", stride->pair.first, stride->pair.second),
        SIDES("pads", &sides),
        PAIR("output_padding", more->pair.first, more->pair.second),
        {0}};
    return put_convolution(p, "ConvTranspose", attributes, error);
}

static td_status put_dense(const place *p, td_error *error) {
    const char *inputs[4] = {NULL};
    p->g->vector[p->i] = true;
    TD_TRY(td_export_vector(p->g, p->node->inputs[0], &inputs[0], error));
    for (size_t k = 0; k < p->node->param_count; k++)
        TD_TRY(param(p, k, &inputs[1 + k], error));
    return end(p, "Gemm", inputs, (td_export_attribute[]){INT("transB", 1), {0}}, error);
}

/* --- what does the same to images and vectors --- */

static const char *same(const place *p) {
    p->g->vector[p->i] = p->g->vector[p->node->inputs[0]];
    return p->g->values[p->node->inputs[0]];
}

static td_status put_batch_norm(const place *p, td_error *error) {
    const char *inputs[6] = {same(p)};
    for (size_t k = 0; k < 4; k++)
        TD_TRY(param(p, k, &inputs[1 + k], error));
    const td_export_attribute attributes[] = {REAL("epsilon", number_of(p, "epsilon")),
                                              REAL("momentum", 1 - number_of(p, "momentum")),
                                              {0}};
    return end(p, "BatchNormalization", inputs, attributes, error);
}

static td_status put_plain(const place *p, const char *op, const td_export_attribute *attributes,
                           td_error *error) {
    return end(p, op, INPUTS(same(p)), attributes, error);
}

static td_status put_relu(const place *p, td_error *error) {
    return put_plain(p, "Relu", NULL, error);
}

static td_status put_sigmoid(const place *p, td_error *error) {
    return put_plain(p, "Sigmoid", NULL, error);
}

static td_status put_tanh(const place *p, td_error *error) {
    return put_plain(p, "Tanh", NULL, error);
}

static td_status put_hard_swish(const place *p, td_error *error) {
    return put_plain(p, "HardSwish", NULL, error);
}

static td_status put_softmax(const place *p, td_error *error) {
    return put_plain(p, "Softmax", (td_export_attribute[]){INT("axis", 1), {0}}, error);
}

static td_status put_leaky_relu(const place *p, td_error *error) {
    return put_plain(p, "LeakyRelu",
                     (td_export_attribute[]){REAL("alpha", number_of(p, "slope")), {0}}, error);
}

static td_status put_elu(const place *p, td_error *error) {
    return put_plain(p, "Elu", (td_export_attribute[]){REAL("alpha", number_of(p, "alpha")), {0}},
                     error);
}

static td_status put_hard_sigmoid(const place *p, td_error *error) {
    return put_plain(p, "HardSigmoid",
                     (td_export_attribute[]){REAL("alpha", number_of(p, "alpha")),
                                             REAL("beta", number_of(p, "beta")),
                                             {0}},
                     error);
}

static td_status put_lrn(const place *p, td_error *error) {
    if (count_of(p, "size") % 2 == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "size: expected an odd number, for ONNX has other channels around an even "
                       "one, found %zu",
                       count_of(p, "size"));
    return put_plain(p, "LRN",
                     (td_export_attribute[]){INT("size", count_of(p, "size")),
                                             REAL("alpha", number_of(p, "alpha")),
                                             REAL("beta", number_of(p, "beta")),
                                             REAL("bias", number_of(p, "k")),
                                             {0}},
                     error);
}

static td_status put_clip(const place *p, td_error *error) {
    const char *min, *max, *x = same(p);
    TD_TRY(scalar(p, fmax(number_of(p, "min"), -(double)3.4028235e38f), &min, error));
    TD_TRY(scalar(p, fmin(number_of(p, "max"), (double)3.4028235e38f), &max, error));
    return end(p, "Clip", INPUTS(x, min, max), NULL, error);
}

static td_status put_prelu(const place *p, td_error *error) {
    const td_param *weight = &p->g->net->params[p->node->params[0]];
    const char *x = same(p), *slope;
    td_export_tensor tensor = {.name = weight->name,
                               .rank = p->g->vector[p->i] ? 1 : 3,
                               .dims = {weight->count, 1, 1},
                               .floats = p->g->weights + weight->offset};
    TD_TRY(td_export_add(p->g, p->i, tensor, &slope, error));
    return end(p, "PRelu", INPUTS(x, slope), NULL, error);
}

static td_status put_silu(const place *p, td_error *error) {
    const char *x = same(p), *gate;
    TD_TRY(step(p, "Sigmoid", INPUTS(x), NULL, &gate, error));
    return end(p, "Mul", INPUTS(x, gate), NULL, error);
}

/* x·(1 + f)/2, in the order in which PyTorch's exporter has it. */
static td_status put_half(const place *p, const char *x, const char *f, td_error *error) {
    const char *one, *half, *sum, *product;
    TD_TRY(scalar(p, 1, &one, error));
    TD_TRY(scalar(p, 0.5, &half, error));
    TD_TRY(step(p, "Add", INPUTS(f, one), NULL, &sum, error));
    TD_TRY(step(p, "Mul", INPUTS(x, sum), NULL, &product, error));
    return end(p, "Mul", INPUTS(product, half), NULL, error);
}

static td_status put_gelu(const place *p, td_error *error) {
    const char *x = same(p), *by, *inner, *f;
    if (value_of(p, "approximate")->word == 0) {
        TD_TRY(scalar(p, sqrt(2), &by, error));
        TD_TRY(step(p, "Div", INPUTS(x, by), NULL, &inner, error));
        TD_TRY(step(p, "Erf", INPUTS(inner), NULL, &f, error));
        return put_half(p, x, f, error);
    }
    const char *square, *cube, *small, *sum;
    TD_TRY(step(p, "Mul", INPUTS(x, x), NULL, &square, error));
    TD_TRY(step(p, "Mul", INPUTS(square, x), NULL, &cube, error));
    TD_TRY(scalar(p, 0.044715, &by, error));
    TD_TRY(step(p, "Mul", INPUTS(cube, by), NULL, &small, error));
    TD_TRY(step(p, "Add", INPUTS(x, small), NULL, &sum, error));
    TD_TRY(scalar(p, 0.79788456080286536, &by, error));
    TD_TRY(step(p, "Mul", INPUTS(sum, by), NULL, &inner, error));
    TD_TRY(step(p, "Tanh", INPUTS(inner), NULL, &f, error));
    return put_half(p, x, f, error);
}

static td_status put_dropout(const place *p, td_error *error) {
    (void)error;
    p->g->values[p->i] = same(p);
    return TD_OK;
}

static td_status put_scale(const place *p, td_error *error) {
    const double by = number_of(p, "by"), more = number_of(p, "add");
    const char *x = same(p), *number;
    if (by == 1 && more == 0)
        return put_dropout(p, error);
    if (by != 1) {
        TD_TRY(scalar(p, by, &number, error));
        if (more == 0)
            return end(p, "Mul", INPUTS(x, number), NULL, error);
        TD_TRY(step(p, "Mul", INPUTS(x, number), NULL, &x, error));
    }
    TD_TRY(scalar(p, more, &number, error));
    return end(p, "Add", INPUTS(x, number), NULL, error);
}

static td_status put_normalise(const place *p, td_error *error) {
    const char *x = same(p), *mean, *deviation, *centred;
    TD_TRY(list(p, value_of(p, "mean"), &mean, error));
    TD_TRY(list(p, value_of(p, "deviation"), &deviation, error));
    TD_TRY(step(p, "Sub", INPUTS(x, mean), NULL, &centred, error));
    return end(p, "Div", INPUTS(centred, deviation), NULL, error);
}

static td_status put_mask(const place *p, td_error *error) {
    const td_param *weight = &p->g->net->params[p->node->params[0]];
    const char *x = same(p), *mask;
    td_export_tensor tensor = {.name = weight->name,
                               .rank = p->g->vector[p->i] ? 2 : 4,
                               .dims = {1, weight->count, 1, 1},
                               .floats = p->g->weights + weight->offset};
    TD_TRY(td_export_add(p->g, p->i, tensor, &mask, error));
    return end(p, "Mul", INPUTS(x, mask), NULL, error);
}

/* --- what has images alone --- */

static td_status put_pool(const place *p, const char *op, const td_export_attribute *more,
                          td_error *error) {
    const td_setting *size = value_of(p, "size"), *stride = value_of(p, "stride");
    const size_t down = stride->pair.first > 0 ? stride->pair.first : size->pair.first;
    const size_t right = stride->pair.second > 0 ? stride->pair.second : size->pair.second;
    td_export_attribute attributes[] = {PAIR("kernel_shape", size->pair.first, size->pair.second),
                                        PAIR("strides", down, right),
                                        SIDES("pads", value_of(p, "pad")),
                                        INT("ceil_mode", count_of(p, "ceil")),
                                        {0},
                                        {0}};
    const char *x;
    if (more)
        attributes[4] = *more;
    TD_TRY(image(p, 0, &x, error));
    return end(p, op, INPUTS(x), attributes, error);
}

static td_status put_max_pool(const place *p, td_error *error) {
    return put_pool(p, "MaxPool", NULL, error);
}

static td_status put_avg_pool(const place *p, td_error *error) {
    const td_export_attribute counted = INT("count_include_pad", count_of(p, "count_include_pad"));
    return put_pool(p, "AveragePool", &counted, error);
}

static td_status put_global_avg_pool(const place *p, td_error *error) {
    const char *x;
    TD_TRY(image(p, 0, &x, error));
    return end(p, "GlobalAveragePool", INPUTS(x), NULL, error);
}

/* The matrix [out, in] of the means that one axis is brought to, or its transpose. */
static td_status means(const place *p, size_t in, size_t out, bool transpose, const char **name,
                       td_error *error) {
    float *matrix;
    TD_TRY(TD_ARENA_NEW(&p->g->arena, in * out, &matrix, "an ONNX graph", error));
    for (size_t o = 0; o < out; o++) {
        const size_t first = o * in / out, last = ((o + 1) * in + out - 1) / out;
        for (size_t k = first; k < last; k++)
            matrix[transpose ? k * out + o : o * in + k] = 1 / (float)(last - first);
    }
    const td_export_tensor tensor = {
        .rank = 2, .dims = {transpose ? in : out, transpose ? out : in}, .floats = matrix};
    return td_export_add(p->g, p->i, tensor, name, error);
}

/* As a pool of equal windows where they are, else by matrices: ONNX has no operator for it. */
static td_status put_adaptive_avg_pool(const place *p, td_error *error) {
    const td_shape in = p->in, out = p->node->shape;
    const char *x, *down, *right, *rows;
    TD_TRY(image(p, 0, &x, error));
    if (in.height % out.height == 0 && in.width % out.width == 0) {
        const size_t high = in.height / out.height, wide = in.width / out.width;
        return end(p, "AveragePool", INPUTS(x),
                   (td_export_attribute[]){
                       PAIR("kernel_shape", high, wide), PAIR("strides", high, wide), {0}},
                   error);
    }
    TD_TRY(means(p, in.height, out.height, false, &down, error));
    TD_TRY(means(p, in.width, out.width, true, &right, error));
    TD_TRY(step(p, "MatMul", INPUTS(down, x), NULL, &rows, error));
    return end(p, "MatMul", INPUTS(rows, right), NULL, error);
}

/* [first, last) along one or two axes. */
static td_status put_slice_of(const place *p, const char *x, const int64_t *first,
                              const int64_t *last, const int64_t *axes, size_t count,
                              td_error *error) {
    const char *starts, *ends, *along;
    TD_TRY(integers(p, first, count, &starts, error));
    TD_TRY(integers(p, last, count, &ends, error));
    TD_TRY(integers(p, axes, count, &along, error));
    return end(p, "Slice", INPUTS(x, starts, ends, along), NULL, error);
}

static td_status put_crop(const place *p, td_error *error) {
    const int64_t top = (int64_t)count_of(p, "top"), left = (int64_t)count_of(p, "left");
    const int64_t first[] = {top, left};
    const int64_t last[] = {top + (int64_t)p->node->shape.height,
                            left + (int64_t)p->node->shape.width};
    const char *x;
    TD_TRY(image(p, 0, &x, error));
    return put_slice_of(p, x, first, last, (const int64_t[]){2, 3}, 2, error);
}

static td_status put_slice(const place *p, td_error *error) {
    const int64_t first = (int64_t)count_of(p, "first");
    const int64_t last = first + (int64_t)count_of(p, "count");
    return put_slice_of(p, same(p), &first, &last, (const int64_t[]){1}, 1, error);
}

static td_status put_pad(const place *p, td_error *error) {
    const td_setting *pad = value_of(p, "pad");
    const int64_t sides[] = {0, 0, (int64_t)pad->sides.top,    (int64_t)pad->sides.left,
                             0, 0, (int64_t)pad->sides.bottom, (int64_t)pad->sides.right};
    const char *x, *pads, *value;
    TD_TRY(image(p, 0, &x, error));
    TD_TRY(integers(p, sides, 8, &pads, error));
    TD_TRY(scalar(p, number_of(p, "value"), &value, error));
    return end(p, "Pad", INPUTS(x, pads, value), NULL, error);
}

/* --- several inputs --- */

/* All inputs as vectors where all are, else as images. */
static td_status all_inputs(const place *p, const char **inputs, td_error *error) {
    bool vector = true;
    for (size_t k = 0; k < p->node->input_count; k++)
        vector &= p->g->vector[p->node->inputs[k]];
    p->g->vector[p->i] = vector;
    for (size_t k = 0; k < p->node->input_count; k++)
        TD_TRY((vector ? td_export_vector : td_export_image)(p->g, p->node->inputs[k], &inputs[k],
                                                             error));
    return TD_OK;
}

static td_status put_chain(const place *p, const char *op, td_error *error) {
    const char *inputs[TD_NODE_INPUTS] = {NULL}, *sum;
    const size_t count = p->node->input_count;
    TD_TRY(all_inputs(p, inputs, error));
    sum = inputs[0];
    for (size_t k = 1; k + 1 < count; k++)
        TD_TRY(step(p, op, INPUTS(sum, inputs[k]), NULL, &sum, error));
    return end(p, op, INPUTS(sum, inputs[count - 1]), NULL, error);
}

static td_status put_add(const place *p, td_error *error) {
    return put_chain(p, "Add", error);
}

static td_status put_multiply(const place *p, td_error *error) {
    return put_chain(p, "Mul", error);
}

static td_status put_concat(const place *p, td_error *error) {
    const char *inputs[TD_NODE_INPUTS + 1] = {NULL};
    const size_t axis = value_of(p, "axis")->word + 1; /* channels, height, width */
    if (axis == 1) {
        TD_TRY(all_inputs(p, inputs, error));
    } else {
        for (size_t k = 0; k < p->node->input_count; k++)
            TD_TRY(image(p, k, &inputs[k], error));
    }
    return end(p, "Concat", inputs, (td_export_attribute[]){INT("axis", axis), {0}}, error);
}

/* --- other orders --- */

static td_status transposed(const place *p, const char *x, const int64_t *order, size_t rank,
                            const char **out, td_error *error) {
    td_export_attribute attributes[2] = {{.name = "perm", .kind = TD_EXPORT_INTS, .count = rank},
                                         {0}};
    memcpy(attributes[0].integers, order, rank * sizeof *order);
    return step(p, "Transpose", INPUTS(x), attributes, out, error);
}

static td_status end_transposed(const place *p, const char *x, const int64_t *order,
                                td_error *error) {
    td_export_attribute attributes[2] = {{.name = "perm", .kind = TD_EXPORT_INTS, .count = 4}, {0}};
    memcpy(attributes[0].integers, order, 4 * sizeof *order);
    return end(p, "Transpose", INPUTS(x), attributes, error);
}

/* The first size stays, whatever it is. */
static td_status reshaped(const place *p, const char *x, const int64_t *sizes, size_t rank,
                          const char **out, td_error *error) {
    const char *shape;
    TD_TRY(integers(p, sizes, rank, &shape, error));
    return step(p, "Reshape", INPUTS(x, shape), NULL, out, error);
}

static const int64_t to_nhwc[] = {0, 2, 3, 1}, to_nchw[] = {0, 3, 1, 2};

static td_status put_reshape(const place *p, td_error *error) {
    const td_shape out = p->node->shape;
    const int64_t sizes[] = {0, (int64_t)out.height, (int64_t)out.width, (int64_t)out.channels};
    const char *x, *rows, *made;
    TD_TRY(image(p, 0, &x, error));
    TD_TRY(transposed(p, x, to_nhwc, 4, &rows, error));
    TD_TRY(reshaped(p, rows, sizes, 4, &made, error));
    return end_transposed(p, made, to_nchw, error);
}

static td_status put_transpose(const place *p, td_error *error) {
    const char *order = p->node->op->keys[0].words[p->node->values[0].word], *x;
    int64_t axes[3];
    for (size_t k = 0; k < 3; k++)
        axes[k] = order[k] == 'c' ? 1 : order[k] == 'h' ? 2 : 3;
    TD_TRY(image(p, 0, &x, error));
    return end_transposed(p, x, (const int64_t[]){0, axes[2], axes[0], axes[1]}, error);
}

static td_status put_shuffle(const place *p, td_error *error) {
    const int64_t groups = (int64_t)count_of(p, "groups"), channels = (int64_t)p->in.channels;
    const int64_t height = (int64_t)p->in.height, width = (int64_t)p->in.width;
    const int64_t apart[] = {0, groups, channels / groups, height, width};
    const char *x, *groupwise, *turned, *shape;
    TD_TRY(image(p, 0, &x, error));
    TD_TRY(reshaped(p, x, apart, 5, &groupwise, error));
    TD_TRY(transposed(p, groupwise, (const int64_t[]){0, 2, 1, 3, 4}, 5, &turned, error));
    TD_TRY(integers(p, (const int64_t[]){0, channels, height, width}, 4, &shape, error));
    return end(p, "Reshape", INPUTS(turned, shape), NULL, error);
}

static td_status put_layer_norm(const place *p, td_error *error) {
    const td_export_attribute attributes[] = {
        INT("axis", -1), REAL("epsilon", number_of(p, "epsilon")), {0}};
    const char *x = same(p), *weight, *bias, *made;
    TD_TRY(param(p, 0, &weight, error));
    TD_TRY(param(p, 1, &bias, error));
    if (p->g->vector[p->i])
        return end(p, "LayerNormalization", INPUTS(x, weight, bias), attributes, error);
    TD_TRY(transposed(p, x, to_nhwc, 4, &x, error));
    TD_TRY(step(p, "LayerNormalization", INPUTS(x, weight, bias), attributes, &made, error));
    return end_transposed(p, made, to_nchw, error);
}

/* N×C×H×W becomes N×W×H×C, or, for a second one that is transposed, N×W×C×H. */
static td_status put_matmul(const place *p, td_error *error) {
    static const int64_t rows[] = {0, 3, 2, 1}, columns[] = {0, 3, 1, 2};
    const bool transpose = count_of(p, "transpose") > 0;
    const char *a, *b, *made;
    TD_TRY(image(p, 0, &a, error));
    TD_TRY(image(p, 1, &b, error));
    TD_TRY(transposed(p, a, rows, 4, &a, error));
    TD_TRY(transposed(p, b, transpose ? columns : rows, 4, &b, error));
    TD_TRY(step(p, "MatMul", INPUTS(a, b), NULL, &made, error));
    return end_transposed(p, made, rows, error);
}

static td_status put_flatten(const place *p, td_error *error) {
    p->g->vector[p->i] = true;
    if (p->g->vector[p->node->inputs[0]])
        return put_dropout(p, error);
    return end(p, "Flatten", INPUTS(p->g->values[p->node->inputs[0]]),
               (td_export_attribute[]){INT("axis", 1), {0}}, error);
}

/* Whether all that read the node repeat what is there once. */
static bool is_repeated(const place *p) {
    const td_net *net = p->g->net;
    for (size_t i = p->i + 1; i < net->node_count; i++)
        for (size_t k = 0; k < net->nodes[i].input_count; k++)
            if (net->nodes[i].inputs[k] == p->i && strcmp(net->nodes[i].op->name, "add") != 0 &&
                strcmp(net->nodes[i].op->name, "multiply") != 0)
                return false;
    return p->i + 1 < net->node_count;
}

/* The weights, H×W×C with us; for each image anew where what reads them needs that. */
static td_status put_constant(const place *p, td_error *error) {
    const td_shape s = p->node->shape;
    const float *from = p->g->weights + p->g->net->params[p->node->params[0]].offset;
    float *values;
    const char *made, *size, *rest, *shape;
    TD_TRY(floats(p, false, s, &values, &made, error));
    for (size_t i = 0; i < td_shape_size(s); i++)
        values[i % s.channels * s.height * s.width + i / s.channels] = from[i];
    if (is_repeated(p)) {
        p->g->values[p->i] = made;
        return TD_OK;
    }
    TD_TRY(step(p, "Shape", INPUTS(p->g->values[0]),
                (td_export_attribute[]){INT("start", 0), INT("end", 1), {0}}, &size, error));
    TD_TRY(integers(p, (const int64_t[]){(int64_t)s.channels, (int64_t)s.height, (int64_t)s.width},
                    3, &rest, error));
    TD_TRY(step(p, "Concat", INPUTS(size, rest), (td_export_attribute[]){INT("axis", 0), {0}},
                &shape, error));
    return end(p, "Expand", INPUTS(made, shape), NULL, error);
}

static const struct {
    const char *op;
    td_status (*put)(const place *p, td_error *error);
} rows[] = {
    {"adaptive-avg-pool", put_adaptive_avg_pool},
    {"add", put_add},
    {"avg-pool", put_avg_pool},
    {"batch-norm", put_batch_norm},
    {"clip", put_clip},
    {"concat", put_concat},
    {"constant", put_constant},
    {"conv", put_conv},
    {"conv-transpose", put_conv_transpose},
    {"crop", put_crop},
    {"dense", put_dense},
    {"dropout", put_dropout},
    {"elu", put_elu},
    {"flatten", put_flatten},
    {"gelu", put_gelu},
    {"global-avg-pool", put_global_avg_pool},
    {"hard-sigmoid", put_hard_sigmoid},
    {"hard-swish", put_hard_swish},
    {TD_OP_IMAGE, put_image},
    {"layer-norm", put_layer_norm},
    {"leaky-relu", put_leaky_relu},
    {"lrn", put_lrn},
    {TD_OP_MASK, put_mask},
    {"matmul", put_matmul},
    {"max-pool", put_max_pool},
    {"multiply", put_multiply},
    {"normalise", put_normalise},
    {"pad", put_pad},
    {"prelu", put_prelu},
    {"relu", put_relu},
    {"reshape", put_reshape},
    {"scale", put_scale},
    {"shuffle", put_shuffle},
    {"sigmoid", put_sigmoid},
    {"silu", put_silu},
    {"slice", put_slice},
    {"softmax", put_softmax},
    {"tanh", put_tanh},
    {"transpose", put_transpose},
};

td_status td_export_op(td_export_graph *g, size_t i, td_error *error) {
    const td_node *node = &g->net->nodes[i];
    const place p = {g, i, node, g->net->nodes[node->inputs[0]].shape};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (strcmp(rows[k].op, node->op->name) == 0)
            return rows[k].put(&p, error);
    return td_fail(error, TD_ERR_USAGE, "ONNX has nothing for this operator");
}

td_status td_export_image(td_export_graph *g, size_t i, const char **out, td_error *error) {
    const td_shape shape = g->net->nodes[i].shape;
    const place p = {g, i, &g->net->nodes[i], shape};
    *out = g->values[i];
    return g->vector[i]
               ? reshaped(&p, g->values[i], (const int64_t[]){0, (int64_t)shape.channels, 1, 1}, 4,
                          out, error)
               : TD_OK;
}

td_status td_export_vector(td_export_graph *g, size_t i, const char **out, td_error *error) {
    const place p = {g, i, &g->net->nodes[i], g->net->nodes[i].shape};
    *out = g->values[i];
    return g->vector[i] ? TD_OK
                        : step(&p, "Flatten", INPUTS(g->values[i]),
                               (td_export_attribute[]){INT("axis", 1), {0}}, out, error);
}
