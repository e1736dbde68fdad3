/* SPDX-License-Identifier: MIT */
/* Sums and products of layers and constants. */
#include "model/onnx_maps.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- with constants --- */

/* What a constant and a value make: out = by·x + add. */
typedef void combine(double constant, double *by, double *add);

static void combine_add(double c, double *by, double *add) {
    *by = 1;
    *add = c;
}
static void combine_mul(double c, double *by, double *add) {
    *by = c;
    *add = 0;
}
static void combine_minus(double c, double *by, double *add) {
    *by = 1;
    *add = -c;
}
static void combine_from(double c, double *by, double *add) {
    *by = -1;
    *add = c;
}
static void combine_div(double c, double *by, double *add) {
    *by = 1 / c;
    *add = 0;
}

static td_status join_pair(td_onnx_build *b, td_onnx_step *step, const char *op,
                           const td_onnx_value *x, const td_onnx_value *y, td_error *error);

/* A constant that differs by position is a layer of its own. */
static td_status by_position(td_onnx_build *b, td_onnx_step *step, const td_onnx_value *x,
                             const td_onnx_value *constant, combine *with, td_error *error) {
    if (with != combine_add && with != combine_mul)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a constant of one number for all or for each channel, found one "
                       "that differs by position");
    return join_pair(b, step, with == combine_add ? "add" : "multiply", x, constant, error);
}

static td_status with_constant(td_onnx_build *b, td_onnx_step *step, const td_onnx_value *x,
                               const td_onnx_value *constant, combine *with, td_error *error) {
    td_onnx_layer *before, *made;
    td_view view;
    double *by, *add, single;
    TD_TRY(td_onnx_whole(b, step, x, &before, &view, error));
    const size_t channels = before->shape.channels;
    TD_TRY(td_onnx_factors(b, before, &by, &add, error));
    if (td_view_count(&constant->view) == 1 && td_onnx_is_single(constant, &single)) {
        for (size_t c = 0; c < channels; c++)
            by[c] = single;
    } else if (!td_onnx_by_channel(constant, &view, channels, by)) {
        return by_position(b, step, x, constant, with, error);
    }
    for (size_t c = 0; c < channels; c++) {
        with(by[c], &by[c], &add[c]);
        if (!isfinite(by[c]) || !isfinite(add[c]))
            return td_fail(error, TD_ERR_FORMAT, "expected finite numbers, found others");
    }
    TD_TRY(td_onnx_affine(b, step, x, before, by, add, &made, error));
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

/* --- with one another --- */

td_status td_onnx_constant_layer(td_onnx_build *b, const td_onnx_step *step,
                                 const td_onnx_value *constant, td_shape shape, td_onnx_layer **out,
                                 td_error *error) {
    td_onnx_layer layer = {.op = "constant", .input_count = 1, .shape = shape};
    const size_t count = td_view_count(&constant->view);
    td_tensor tensor = {
        .dtype = TD_F32, .rank = 3, .dims = {shape.height, shape.width, shape.channels}};
    float *values;
    TD_TRY(TD_ARENA_NEW(b->arena, count, &values, "a constant", error));
    for (size_t i = 0; i < count; i++)
        values[i] = (float)td_onnx_at(constant, i);
    tensor.count = count;
    tensor.bytes = count * sizeof *values;
    tensor.data = values;
    TD_TRY(td_onnx_keys(b, &layer.keys, error, " height=%zu width=%zu channels=%zu", shape.height,
                        shape.width, shape.channels));
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &layer.inputs, "a layer", error));
    layer.inputs[0] = b->layers[0]; /* the image: a constant is one for each */
    TD_TRY(td_onnx_param_add(&layer, "weight", &tensor, error));
    return td_onnx_add(b, step, layer, constant, out, error);
}

/* Two values whose sizes go together, dimension by dimension in the order of the larger one's
 * memory. */
typedef struct pair {
    size_t rank, perm[TD_TENSOR_RANK];
    td_view large, small;
} pair;

static bool same_shape(td_shape a, td_shape b) {
    return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

static td_shape shape_of(const td_view *view, size_t width, size_t channels) {
    size_t sides[3] = {1, 1, 1};
    for (size_t d = 0; d < view->rank; d++)
        if (view->strides[d] != TD_VIEW_BATCH || view->dims[d] == 1)
            sides[(d >= width) + (d >= channels)] *= view->dims[d];
    return (td_shape){sides[0], sides[1], sides[2]};
}

/* Whether, split so, each side of the smaller value is the larger one's or 1. */
static bool splits(const pair *p, size_t width, size_t channels) {
    const size_t ends[4] = {0, width, channels, p->rank};
    for (size_t side = 0; side < 3; side++) {
        bool all = true, none = true;
        for (size_t d = ends[side]; d < ends[side + 1]; d++) {
            all &= p->small.dims[d] == p->large.dims[d];
            none &= p->small.dims[d] == 1 || p->large.strides[d] == TD_VIEW_BATCH;
        }
        if (!all && !none)
            return false;
    }
    return true;
}

/* How to split: as the larger value's layer is, if that goes, so that it need not be changed. */
static bool find_split(const pair *p, td_shape shape, size_t *width, size_t *channels) {
    bool found = false;
    for (size_t w = 0; w <= p->rank; w++)
        for (size_t c = w; c <= p->rank; c++) {
            if (!splits(p, w, c))
                continue;
            const bool same = same_shape(shape_of(&p->large, w, c), shape);
            if (found && !same)
                continue;
            *width = w;
            *channels = c;
            if (same)
                return true;
            found = true;
        }
    return found;
}

/* Brings the smaller value to the rank of the larger, and both to the order of its memory. */
static bool make_pair(const td_view *large, const td_view *small, pair *out) {
    td_view s = *small;
    out->rank = large->rank;
    while (s.rank > large->rank && s.dims[0] == 1)
        s = td_view_squeeze(&s, 0);
    while (s.rank < large->rank)
        s = td_view_unsqueeze(&s, 0);
    for (size_t d = 0; d < s.rank; d++)
        if (s.rank != large->rank || (s.dims[d] != 1 && s.dims[d] != large->dims[d]))
            return false;
    for (size_t d = 0; d < large->rank; d++) {
        size_t i = d;
        const size_t stride = large->dims[d] == 1 ? TD_VIEW_BATCH : large->strides[d];
        for (; i > 0; i--) {
            const size_t before = out->perm[i - 1];
            if (large->dims[before] == 1 || large->strides[before] >= stride)
                break;
            out->perm[i] = before;
        }
        out->perm[i] = d;
    }
    out->large = td_view_permute(large, out->perm);
    out->small = td_view_permute(&s, out->perm);
    return true;
}

/* `x` is the larger, of all sizes; `y` is another layer, or a constant. */
static td_status join_pair(td_onnx_build *b, td_onnx_step *step, const char *op,
                           const td_onnx_value *x, const td_onnx_value *y, td_error *error) {
    td_onnx_layer *large, *small = NULL, *made;
    td_onnx_value other = *y;
    td_view view;
    pair p;
    size_t width, channels;
    TD_TRY(td_onnx_whole(b, step, x, &large, &view, error));
    if (y->state == TD_ONNX_LIVE)
        TD_TRY(td_onnx_whole(b, step, y, &small, &other.view, error));
    if (!make_pair(&view, &other.view, &p) || !find_split(&p, large->shape, &width, &channels)) {
        char expected[256], shape[192];
        snprintf(expected, sizeof expected, "sizes that go with the other input's, %s",
                 td_shape_text(view.dims, view.rank, shape, sizeof shape));
        return td_onnx_wrong_shape(y, expected, error);
    }
    TD_TRY(td_onnx_arrange(b, step, large, &p.large, width, channels, &large, error));
    other.view = p.small;
    if (small)
        TD_TRY(td_onnx_arrange(b, step, small, &p.small, width, channels, &small, error));
    else
        TD_TRY(td_onnx_constant_layer(b, step, &other, shape_of(&p.small, width, channels), &small,
                                      error));
    td_onnx_layer layer = {.op = op, .input_count = 2, .shape = large->shape};
    TD_TRY(TD_ARENA_NEW(b->arena, 2, &layer.inputs, "a layer", error));
    layer.inputs[0] = large;
    layer.inputs[1] = small;
    TD_TRY(td_onnx_add(b, step, layer, NULL, &made, error));
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

static td_status with_layer(td_onnx_build *b, td_onnx_step *step, const char *op,
                            const td_onnx_value *x, const td_onnx_value *y, td_error *error) {
    return td_view_count(&x->view) < td_view_count(&y->view) ? join_pair(b, step, op, y, x, error)
                                                             : join_pair(b, step, op, x, y, error);
}

/* Either way round: a constant is combined, layers are joined. */
static td_status join(td_onnx_build *b, td_onnx_step *step, const char *op, combine *with,
                      td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0), *y = td_onnx_in(step, 1);
    if (y->state == TD_ONNX_CONSTANT)
        return with_constant(b, step, x, y, with, error);
    if (x->state == TD_ONNX_CONSTANT)
        return with_constant(b, step, y, x, with, error);
    return with_layer(b, step, op, x, y, error);
}

/* Sum takes any number of inputs: in steps of two. */
td_status td_onnx_map_add(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    if (step->node->input_count == 1)
        return td_onnx_map_same(b, step, error);
    TD_TRY(join(b, step, "add", combine_add, error));
    td_onnx_value sum = *step->out[0];
    for (size_t i = 2; i < step->node->input_count; i++) {
        if (!step->in[i])
            return td_fail(error, TD_ERR_FORMAT, "expected all inputs, found one left out");
        if (step->in[i]->state == TD_ONNX_CONSTANT)
            TD_TRY(with_constant(b, step, &sum, step->in[i], combine_add, error));
        else
            TD_TRY(with_layer(b, step, "add", &sum, step->in[i], error));
        sum = *step->out[0];
    }
    return TD_OK;
}

/* y = x − layer is x + (−1)·layer. */
td_status td_onnx_map_sub(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0), *y = td_onnx_in(step, 1);
    if (y->state == TD_ONNX_CONSTANT)
        return with_constant(b, step, x, y, combine_minus, error);
    if (x->state == TD_ONNX_CONSTANT)
        return with_constant(b, step, y, x, combine_from, error);
    td_onnx_value negative = *y;
    double *by, *add;
    TD_TRY(td_onnx_whole(b, step, y, &negative.layer, &negative.view, error));
    const size_t channels = negative.layer->shape.channels;
    TD_TRY(td_onnx_factors(b, negative.layer, &by, &add, error));
    for (size_t c = 0; c < channels; c++)
        by[c] = -1;
    TD_TRY(td_onnx_affine(b, step, y, negative.layer, by, add, &negative.layer, error));
    return with_layer(b, step, "add", x, &negative, error);
}

/* --- products that are activations --- */

/* A layer as a scale of its input. */
typedef struct scaled {
    const td_onnx_layer *of, *layer;
} scaled;

static scaled scaled_of(const td_onnx_layer *layer) {
    return (scaled){strcmp(layer->op, TD_ONNX_AFFINE) == 0 ? layer->inputs[0] : layer, layer};
}

/* scale·x + shift of channel c. */
static double by_of(const scaled *s, size_t c) {
    return s->of == s->layer ? 1 : s->layer->by[c];
}
static double add_of(const scaled *s, size_t c) {
    return s->of == s->layer ? 0 : s->layer->add[c];
}

static bool is_near(double a, double b) {
    return fabs(a - b) <= 1e-5 * fmax(1e-3, fabs(b));
}

/* Whether `layer` is 1 + erf(x / √2), times `factor` in all channels, of that very x; or times a
 * factor that x has too much. x·(1 + erf(x / √2)) / 2 is gelu(x) (Hendrycks & Gimpel 2016). */
static bool is_gelu_of(const td_onnx_layer *layer, const td_onnx_layer *x, double *factor) {
    const scaled outer = scaled_of(layer);
    if (outer.of == outer.layer || strcmp(outer.of->op, "erf") != 0)
        return false;
    const scaled inner = scaled_of(outer.of->inputs[0]), self = scaled_of(x);
    const double half = sqrt(0.5);
    *factor = outer.layer->by[0];
    for (size_t c = 0; c < layer->shape.channels; c++)
        if (!is_near(outer.layer->by[c], *factor) || !is_near(outer.layer->add[c], *factor))
            return false;
    if (inner.of != self.of)
        return false;
    for (size_t c = 0; c < x->shape.channels; c++)
        if (!is_near(by_of(&inner, c), by_of(&self, c) * half) ||
            !is_near(add_of(&inner, c), add_of(&self, c) * half))
            return false;
    return true;
}

static td_status add_gelu(td_onnx_build *b, td_onnx_step *step, const td_onnx_value *x,
                          double factor, td_error *error) {
    td_onnx_layer *made;
    td_onnx_value result = *x;
    double *by, *add;
    TD_TRY(td_onnx_add_after(b, step, x->layer, "gelu", NULL, x->layer->shape, &made, error));
    const size_t channels = made->shape.channels;
    TD_TRY(td_onnx_factors(b, made, &by, &add, error));
    for (size_t c = 0; c < channels; c++)
        by[c] = 2 * factor;
    TD_TRY(td_onnx_affine(b, step, &result, made, by, add, &made, error));
    td_onnx_give(step->out[0], made, x->view);
    return TD_OK;
}

td_status td_onnx_map_mul(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0), *y = td_onnx_in(step, 1);
    double factor;
    if (x->state != TD_ONNX_LIVE || y->state != TD_ONNX_LIVE)
        return join(b, step, "multiply", combine_mul, error);
    for (size_t i = 0; i < 2; i++) {
        const td_onnx_value *of = i ? y : x, *gate = i ? x : y;
        if (!td_view_is_same(&of->view, &gate->view))
            break;
        if (is_gelu_of(gate->layer, of->layer, &factor))
            return add_gelu(b, step, of, factor, error);
        if (strcmp(gate->layer->op, "sigmoid") == 0 && gate->layer->inputs[0] == of->layer) {
            td_onnx_layer *made;
            TD_TRY(td_onnx_add_after(b, step, of->layer, "silu", NULL, of->layer->shape, &made,
                                     error));
            td_onnx_give(step->out[0], made, of->view);
            return TD_OK;
        }
    }
    return with_layer(b, step, "multiply", x, y, error);
}

td_status td_onnx_map_div(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    if (td_onnx_in(step, 1)->state == TD_ONNX_CONSTANT)
        return with_constant(b, step, td_onnx_in(step, 0), td_onnx_in(step, 1), combine_div, error);
    return td_fail(error, TD_ERR_FORMAT,
                   "expected a constant to divide by, found what depends on "
                   "the image");
}
