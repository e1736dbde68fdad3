/* SPDX-License-Identifier: MIT */
/* Materialises views as the layers that another layer needs. */
#include "model/onnx_build.h"

#include "base/size.h"
#include <stdlib.h>
#include <string.h>

td_view td_onnx_image_view(const td_onnx_build *b, td_shape shape) {
    return (td_view){.rank = 4,
                     .dims = {b->batch, shape.channels, shape.height, shape.width},
                     .strides = {TD_VIEW_BATCH, 1, shape.width * shape.channels, shape.channels}};
}

td_view td_onnx_vector_view(const td_onnx_build *b, td_shape shape) {
    return (td_view){.rank = 2, .dims = {b->batch, shape.channels}, .strides = {TD_VIEW_BATCH, 1}};
}

static td_status add_reshape(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer **layer,
                             td_shape shape, td_error *error) {
    const td_shape now = (*layer)->shape;
    const char *keys;
    if (now.height == shape.height && now.width == shape.width && now.channels == shape.channels)
        return TD_OK;
    TD_TRY(td_onnx_keys(b, &keys, error, " height=%zu width=%zu channels=%zu", shape.height,
                        shape.width, shape.channels));
    return td_onnx_add_after(b, step, *layer, "reshape", keys, shape, layer, error);
}

td_status td_onnx_flat(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer **layer,
                       td_error *error) {
    return add_reshape(b, step, layer, (td_shape){1, 1, td_shape_size((*layer)->shape)}, error);
}

/* --- parts of a layer --- */

/* A digit of an element's index in memory order, in a mixed-radix system: a view shows the elements
 * whose digit is in [first, first + count). */
typedef struct digit {
    size_t axis; /* of the view */
    size_t stride, size, first, count;
} digit;

enum { MOST_DIGITS = TD_TENSOR_RANK + 1 };

static int by_stride(const void *left, const void *right) {
    const size_t l = ((const digit *)left)->stride, r = ((const digit *)right)->stride;
    return l < r ? -1 : l > r;
}

/* The digits of a view, fastest first; false if it repeats elements. */
static bool find_digits(const td_view *view, size_t elements, digit out[MOST_DIGITS],
                        size_t *count) {
    size_t n = 0;
    for (size_t d = 0; d < view->rank; d++)
        if (view->dims[d] > 1 && view->strides[d] != TD_VIEW_BATCH)
            out[n++] = (digit){.axis = d, .stride = view->strides[d], .count = view->dims[d]};
    qsort(out, n, sizeof *out, by_stride);
    if (n == 0 || out[0].stride > 1) { /* one element of those before the next */
        memmove(out + 1, out, n++ * sizeof *out);
        out[0] = (digit){.axis = TD_TENSOR_RANK, .stride = 1, .count = 1};
    }
    for (size_t i = 0; i < n; i++) {
        const size_t next = i + 1 < n ? out[i + 1].stride : elements;
        if (out[i].stride == 0 || next % out[i].stride != 0)
            return false;
        out[i].size = next / out[i].stride;
        if (out[i].size == 0)
            return false;
        out[i].first = view->offset / out[i].stride % out[i].size;
        if (out[i].first + out[i].count > out[i].size)
            return false;
    }
    *count = n;
    return true;
}

static size_t common_divisor(size_t a, size_t b) {
    while (b > 0) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Cuts the run [first, first + count) out of every `period` elements of a layer: channels, columns
 * or rows, or columns after a reshape. */
static td_status cut_run(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer **layer,
                         size_t period, size_t first, size_t count, td_error *error) {
    td_shape shape = (*layer)->shape;
    const size_t row = shape.width * shape.channels, all = td_shape_size(shape);
    const char *keys;
    if (period == shape.channels) {
        TD_TRY(td_onnx_keys(b, &keys, error, " first=%zu count=%zu", first, count));
        shape.channels = count;
        return td_onnx_add_after(b, step, *layer, "slice", keys, shape, layer, error);
    }
    const bool rows = period == all && first % row == 0 && count % row == 0;
    if (!rows && (period != row || first % shape.channels != 0 || count % shape.channels != 0)) {
        const size_t piece = common_divisor(common_divisor(first, count), period);
        shape = (td_shape){all / period, period / piece, piece};
        TD_TRY(add_reshape(b, step, layer, shape, error));
    }
    const size_t unit = rows ? row : shape.channels, top = rows ? first / unit : 0;
    const size_t left = rows ? 0 : first / unit;
    *(rows ? &shape.height : &shape.width) = count / unit;
    TD_TRY(td_onnx_keys(b, &keys, error, " top=%zu left=%zu height=%zu width=%zu", top, left,
                        shape.height, shape.width));
    return td_onnx_add_after(b, step, *layer, "crop", keys, shape, layer, error);
}

td_status td_onnx_whole(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                        td_onnx_layer **out, td_view *view, td_error *error) {
    digit digits[MOST_DIGITS];
    size_t count, stride = 1;
    if (value->state != TD_ONNX_LIVE)
        return td_fail(error, TD_ERR_FORMAT,
                       "input \"%s\": expected what depends on the image, found a constant",
                       value->name);
    *out = value->layer;
    if (!find_digits(&value->view, td_shape_size(value->layer->shape), digits, &count))
        return td_onnx_wrong_shape(value, "elements of which none is repeated or turned round",
                                   error);
    for (size_t i = count; i-- > 0;) {
        const digit *d = &digits[i];
        if (d->count < d->size)
            TD_TRY(cut_run(b, step, out, d->size * d->stride, d->first * d->stride,
                           d->count * d->stride, error));
    }
    *view = value->view;
    view->offset = 0;
    for (size_t i = 0; i < count; i++) {
        if (digits[i].axis < TD_TENSOR_RANK)
            view->strides[digits[i].axis] = stride;
        stride *= digits[i].count;
    }
    return TD_OK;
}

td_view td_onnx_restride(const td_view *view, td_shape before, td_shape after) {
    td_view out = *view;
    const size_t row = before.width * before.channels;
    for (size_t d = 0; d < out.rank; d++) {
        const size_t stride = out.strides[d];
        if (out.dims[d] == 1 || stride == TD_VIEW_BATCH)
            continue;
        if (stride >= row && before.height > 1)
            out.strides[d] = stride / row * after.width * after.channels;
        else if (stride >= before.channels)
            out.strides[d] = stride / before.channels * after.channels;
    }
    return out;
}

/* --- another order --- */

/* Runs of contiguous elements: the i-th in memory has size[i] elements and becomes the at[i]-th. */
typedef struct runs {
    size_t count, size[TD_TENSOR_RANK], at[TD_TENSOR_RANK];
} runs;

/* One step of the reordering: three groups of runs, in another order. */
typedef struct turn {
    size_t first, second; /* runs of the first group; of the first two */
    size_t order;
} turn;

static const struct {
    const char *word;
    size_t from[3];
} orders[] = {
    {"whc", {1, 0, 2}}, {"hcw", {0, 2, 1}}, {"chw", {2, 0, 1}},
    {"wch", {1, 2, 0}}, {"cwh", {2, 1, 0}},
};

enum { ORDERS = sizeof orders / sizeof *orders };

static bool is_sorted(const runs *r) {
    for (size_t i = 1; i < r->count; i++)
        if (r->at[i] < r->at[i - 1])
            return false;
    return true;
}

static runs take_turn(const runs *r, turn t) {
    const size_t ends[4] = {0, t.first, t.second, r->count};
    runs out = {0};
    for (size_t i = 0; i < 3; i++) {
        const size_t group = orders[t.order].from[i];
        for (size_t k = ends[group]; k < ends[group + 1]; k++) {
            out.size[out.count] = r->size[k];
            out.at[out.count++] = r->at[k];
        }
    }
    return out;
}

/* Finds at most `most` turns that sort the runs. */
static bool find_turns(const runs *r, size_t most, turn *out, size_t *count) {
    if (is_sorted(r)) {
        *count = 0;
        return true;
    }
    for (size_t first = 1; most > 0 && first < r->count; first++)
        for (size_t second = first; second <= r->count; second++)
            for (size_t order = 0; order < ORDERS; order++) {
                const turn t = {first, second, order};
                const runs next = take_turn(r, t);
                if (find_turns(&next, most - 1, out + 1, count)) {
                    out[0] = t;
                    ++*count;
                    return true;
                }
            }
    return false;
}

static size_t product(const size_t *sizes, size_t from, size_t to) {
    size_t all = 1;
    for (size_t i = from; i < to; i++)
        all *= sizes[i];
    return all;
}

static td_status add_turn(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer **layer,
                          runs *r, turn t, td_error *error) {
    const size_t sides[3] = {product(r->size, 0, t.first), product(r->size, t.first, t.second),
                             product(r->size, t.second, r->count)};
    const size_t *from = orders[t.order].from;
    const td_shape shape = {sides[from[0]], sides[from[1]], sides[from[2]]};
    const char *keys;
    TD_TRY(add_reshape(b, step, layer, (td_shape){sides[0], sides[1], sides[2]}, error));
    TD_TRY(td_onnx_keys(b, &keys, error, " order=%s", orders[t.order].word));
    *r = take_turn(r, t);
    return td_onnx_add_after(b, step, *layer, "transpose", keys, shape, layer, error);
}

/* The runs of a whole view: dimensions that are contiguous in the view's order form one run. */
static runs find_runs(const td_view *view) {
    const td_view v = td_view_used(view);
    size_t order[TD_TENSOR_RANK];
    runs out = {0};
    for (size_t d = 0; d < v.rank; d++) { /* by falling stride */
        size_t i = d;
        for (; i > 0 && v.strides[order[i - 1]] < v.strides[d]; i--)
            order[i] = order[i - 1];
        order[i] = d;
    }
    for (size_t i = 0; i < v.rank; i++) {
        if (i > 0 && order[i] == order[i - 1] + 1) {
            out.size[out.count - 1] *= v.dims[order[i]];
            continue;
        }
        out.size[out.count] = v.dims[order[i]];
        out.at[out.count++] = order[i];
    }
    return out;
}

td_status td_onnx_arrange(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer *layer,
                          const td_view *view, size_t width, size_t channels, td_onnx_layer **out,
                          td_error *error) {
    enum { MOST_TURNS = 3 };
    turn turns[MOST_TURNS + 1];
    size_t count, sides[3] = {1, 1, 1};
    runs r = find_runs(view);
    for (size_t d = 0; d < view->rank; d++)
        if (view->strides[d] != TD_VIEW_BATCH)
            sides[(d >= width) + (d >= channels)] *= view->dims[d];
    if (!find_turns(&r, MOST_TURNS, turns, &count))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected an order of elements that %d transpositions give, found another",
                       MOST_TURNS);
    for (size_t i = 0; i < count; i++)
        TD_TRY(add_turn(b, step, &layer, &r, turns[i], error));
    TD_TRY(add_reshape(b, step, &layer, (td_shape){sides[0], sides[1], sides[2]}, error));
    *out = layer;
    return TD_OK;
}

/* --- shuffled channels --- */

/* Whether a view shows a layer with its channels as a table of groups × C/groups read column by
 * column: its first two dimensions are channels, the others positions. */
static bool is_shuffle(const td_view *view, td_shape shape, size_t *groups) {
    const td_view v = td_view_used(view);
    if (v.rank < 2 || v.dims[0] * v.dims[1] != shape.channels || v.strides[0] != 1 ||
        v.strides[1] != v.dims[0])
        return false;
    *groups = v.dims[1];
    td_view positions = {.rank = v.rank - 2};
    memcpy(positions.dims, v.dims + 2, positions.rank * sizeof *v.dims);
    for (size_t d = 0; d < positions.rank; d++)
        positions.strides[d] = v.strides[d + 2] / shape.channels;
    return td_view_count(&positions) == shape.height * shape.width && td_view_is_rows(&positions);
}

/* --- as an image or a vector --- */

td_status td_onnx_image(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                        td_onnx_layer **out, td_error *error) {
    td_view view;
    if (value->view.rank != 4 || value->view.dims[0] != b->batch)
        return td_onnx_wrong_shape(value, "images, of four dimensions", error);
    TD_TRY(td_onnx_whole(b, step, value, out, &view, error));
    view = td_view_permute(&view, (size_t[]){0, 2, 3, 1});
    return td_onnx_arrange(b, step, *out, &view, 2, 3, out, error);
}

td_status td_onnx_vector(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                         td_onnx_layer **out, td_error *error) {
    td_view view;
    const size_t count = td_view_count(&value->view) / b->batch;
    if (value->view.rank < 2 || value->view.dims[0] != b->batch || value->view.dims[1] != count)
        return td_onnx_wrong_shape(value, "a vector", error);
    TD_TRY(td_onnx_whole(b, step, value, out, &view, error));
    return td_onnx_arrange(b, step, *out, &view, 0, 0, out, error);
}

td_status td_onnx_channels(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                           size_t axis, td_onnx_layer **out, td_view *view, td_error *error) {
    size_t perm[TD_TENSOR_RANK], back[TD_TENSOR_RANK];
    TD_TRY(td_onnx_whole(b, step, value, out, view, error));
    const size_t size = view->dims[axis], last = view->rank - 1;
    if (size == (*out)->shape.channels && (size == 1 || view->strides[axis] == 1))
        return TD_OK;
    for (size_t d = 0; d < view->rank; d++) {
        perm[d] = d < axis ? d : d < last ? d + 1 : axis;
        back[perm[d]] = d;
    }
    *view = td_view_permute(view, perm);
    TD_TRY(td_onnx_arrange(b, step, *out, view, last, last, out, error));
    const td_view rows = td_onnx_rows(view);
    *view = td_view_permute(&rows, back);
    return TD_OK;
}

td_view td_onnx_rows(const td_view *view) {
    td_view out = td_view_rows(view->rank, view->dims);
    size_t stride = 1;
    for (size_t d = view->rank; d-- > 0;) {
        const bool batch = view->dims[d] > 1 && view->strides[d] == TD_VIEW_BATCH;
        out.strides[d] = batch ? TD_VIEW_BATCH : stride;
        stride *= batch ? 1 : view->dims[d];
    }
    return out;
}

/* A layer whose elements, seen through the view, are an image in PyTorch's order: as a vector. */
static td_status flatten(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer **layer,
                         td_view *view, bool *done, td_error *error) {
    const td_shape shape = (*layer)->shape, flat = {1, 1, td_shape_size(shape)};
    const td_view image = td_onnx_image_view(b, shape);
    td_view four;
    *done = td_view_reshape(view, 4, image.dims, &four) && td_view_is_same(&four, &image);
    if (!*done)
        return TD_OK;
    *view = td_onnx_vector_view(b, flat);
    return td_onnx_add_after(b, step, *layer, "flatten", NULL, flat, layer, error);
}

/* The same for shuffled channels. */
static td_status shuffle(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer **layer,
                         td_view *view, bool *done, td_error *error) {
    const td_shape shape = (*layer)->shape;
    const char *keys;
    size_t groups;
    *done = is_shuffle(view, shape, &groups);
    if (!*done)
        return TD_OK;
    TD_TRY(td_onnx_keys(b, &keys, error, " groups=%zu", groups));
    *view = td_onnx_image_view(b, shape);
    return td_onnx_add_after(b, step, *layer, "shuffle", keys, shape, layer, error);
}

/* For any other order: the last dimension becomes channels, the others rows. */
static td_status bring(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer **layer,
                       td_view *view, td_error *error) {
    const size_t last = view->rank > 0 ? view->rank - 1 : 0;
    const td_view before = *view;
    TD_TRY(td_onnx_arrange(b, step, *layer, view, last, last, layer, error));
    *view = td_onnx_rows(&before);
    return TD_OK;
}

td_status td_onnx_reshape(td_onnx_build *b, const td_onnx_step *step, const td_onnx_value *value,
                          size_t rank, const size_t *dims, td_onnx_value *out, td_error *error) {
    td_onnx_layer *layer;
    td_view view, made;
    bool done;
    if (td_view_reshape(&value->view, rank, dims, &view)) {
        td_onnx_give(out, value->layer, view);
        return TD_OK;
    }
    TD_TRY(td_onnx_whole(b, step, value, &layer, &made, error));
    TD_TRY(shuffle(b, step, &layer, &made, &done, error));
    if (!done || !td_view_reshape(&made, rank, dims, &view)) {
        TD_TRY(flatten(b, step, &layer, &made, &done, error));
        if (!done)
            TD_TRY(bring(b, step, &layer, &made, error));
        if (!td_view_reshape(&made, rank, dims, &view))
            return td_onnx_wrong_shape(value, "sizes that keep the images of a batch apart", error);
    }
    td_onnx_give(out, layer, view);
    return TD_OK;
}
