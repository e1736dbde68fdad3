/* SPDX-License-Identifier: MIT */
/* Nodes that change only the view of numbers, of layers and constants alike. */
#include "model/onnx_maps.h"

#include "base/size.h"
#include "model/floats.h"
#include <stdio.h>
#include <string.h>

/* Sets an output to (part of) the input's numbers through another view. */
static td_status show(td_onnx_step *step, size_t output, const td_view *view) {
    const td_onnx_value *x = td_onnx_in(step, 0);
    td_onnx_value *out = output < step->node->output_count ? step->out[output] : NULL;
    if (x->state == TD_ONNX_CONSTANT)
        td_onnx_give_constant(out, x->tensor, *view);
    else
        td_onnx_give(out, x->layer, *view);
    return TD_OK;
}

td_status td_onnx_map_same(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    (void)b, (void)error;
    return show(step, 0, &td_onnx_in(step, 0)->view);
}

/* Copies rows of a constant that no view can show. */
static td_status copy_constant(td_onnx_build *b, const td_onnx_value *x, td_tensor **out,
                               td_error *error) {
    const bool floats = td_dtype_is_float(x->tensor->dtype);
    const size_t count = td_view_count(&x->view);
    void *values;
    TD_TRY(
        td_onnx_new(b, floats ? TD_F32 : TD_I64, x->view.rank, x->view.dims, out, &values, error));
    for (size_t i = 0; i < count; i++)
        if (floats)
            ((float *)values)[i] = (float)td_onnx_at(x, i);
        else
            ((int64_t *)values)[i] = (int64_t)td_onnx_at(x, i);
    return TD_OK;
}

/* Gives the output the input's numbers with other sizes; the total must match. */
static td_status reshape(td_onnx_build *b, td_onnx_step *step, size_t rank, const size_t *dims,
                         td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0);
    const size_t count = td_view_count(&x->view);
    size_t wanted;
    td_tensor *copy;
    td_view view;
    if (!td_size_product(dims, rank, &wanted) || wanted != count) {
        char expected[256], shape[192];
        snprintf(expected, sizeof expected, "as many numbers as %s has",
                 td_shape_text(dims, rank, shape, sizeof shape));
        return td_onnx_wrong_shape(x, expected, error);
    }
    if (x->state == TD_ONNX_LIVE)
        return td_onnx_reshape(b, step, x, rank, dims, step->out[0], error);
    if (count == 0 || td_view_reshape(&x->view, rank, dims, &view)) {
        if (count == 0)
            view = td_view_rows(rank, dims);
        return show(step, 0, &view);
    }
    TD_TRY(copy_constant(b, x, &copy, error));
    td_onnx_give_constant(step->out[0], copy, td_view_rows(rank, dims));
    return TD_OK;
}

td_status td_onnx_map_reshape(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_view *x = &td_onnx_in(step, 0)->view;
    const bool zeros = td_onnx_integer(step, "allowzero", 0);
    int64_t sizes[TD_TENSOR_RANK];
    size_t rank, dims[TD_TENSOR_RANK], known = 1, unknown = TD_TENSOR_RANK;
    TD_TRY(td_onnx_numbers(b, step, 1, "shape", sizes, TD_TENSOR_RANK, &rank, error));
    for (size_t d = 0; d < rank; d++) {
        if (sizes[d] == -1 && unknown == TD_TENSOR_RANK) {
            unknown = d;
            continue;
        }
        if (sizes[d] < 0 || sizes[d] > INT32_MAX || (sizes[d] == 0 && !zeros && d >= x->rank))
            return td_fail(error, TD_ERR_FORMAT, "shape: expected sizes, and -1 once, found %lld",
                           (long long)sizes[d]);
        dims[d] = sizes[d] == 0 && !zeros ? x->dims[d] : (size_t)sizes[d];
        if (!td_size_mul(known, dims[d], &known))
            return td_fail(error, TD_ERR_FORMAT, "shape: expected sizes that fit in memory");
    }
    if (unknown < TD_TENSOR_RANK)
        dims[unknown] = known ? td_view_count(x) / known : 0;
    return reshape(b, step, rank, dims, error);
}

td_status td_onnx_map_flatten(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_view *x = &td_onnx_in(step, 0)->view;
    const int64_t axis = td_onnx_integer(step, "axis", 1);
    const int64_t from = axis < 0 ? axis + (int64_t)x->rank : axis;
    size_t dims[2] = {1, 1};
    if (from < 0 || from > (int64_t)x->rank)
        return td_fail(error, TD_ERR_FORMAT, "axis: expected one of %zu dimensions, found %lld",
                       x->rank, (long long)axis);
    for (size_t d = 0; d < x->rank; d++)
        dims[d >= (size_t)from] *= x->dims[d];
    return reshape(b, step, 2, dims, error);
}

td_status td_onnx_map_transpose(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_view *x = &td_onnx_in(step, 0)->view;
    int64_t order[TD_TENSOR_RANK];
    size_t perm[TD_TENSOR_RANK];
    bool seen[TD_TENSOR_RANK] = {false};
    (void)b;
    TD_TRY(td_onnx_list(step, "perm", x->rank, order, -1, error));
    for (size_t d = 0; d < x->rank; d++) {
        if (!td_onnx_attribute_find(step, "perm"))
            order[d] = (int64_t)(x->rank - 1 - d);
        TD_TRY(td_onnx_axis(order[d], x->rank, &perm[d], error));
        if (seen[perm[d]])
            return td_fail(error, TD_ERR_FORMAT, "perm: expected each dimension once");
        seen[perm[d]] = true;
    }
    const td_view view = td_view_permute(x, perm);
    return show(step, 0, &view);
}

td_status td_onnx_map_squeeze(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    td_view view = td_onnx_in(step, 0)->view;
    int64_t axes[TD_TENSOR_RANK];
    bool gone[TD_TENSOR_RANK] = {false};
    size_t count, axis;
    TD_TRY(td_onnx_numbers(b, step, 1, "axes", axes, TD_TENSOR_RANK, &count, error));
    for (size_t i = 0; i < count; i++) {
        TD_TRY(td_onnx_axis(axes[i], view.rank, &axis, error));
        if (view.dims[axis] != 1)
            return td_fail(error, TD_ERR_FORMAT, "axes: expected sizes of 1, found %zu",
                           view.dims[axis]);
        gone[axis] = true;
    }
    for (size_t d = view.rank; d-- > 0;)
        if (count ? gone[d] : view.dims[d] == 1)
            view = td_view_squeeze(&view, d);
    return show(step, 0, &view);
}

td_status td_onnx_map_unsqueeze(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    td_view view = td_onnx_in(step, 0)->view;
    int64_t axes[TD_TENSOR_RANK];
    bool added[TD_TENSOR_RANK] = {false};
    size_t count, axis;
    TD_TRY(td_onnx_numbers(b, step, 1, "axes", axes, TD_TENSOR_RANK, &count, error));
    if (view.rank + count > TD_TENSOR_RANK)
        return td_fail(error, TD_ERR_FORMAT, "expected at most %d dimensions", TD_TENSOR_RANK);
    const size_t rank = view.rank + count;
    for (size_t i = 0; i < count; i++) {
        TD_TRY(td_onnx_axis(axes[i], rank, &axis, error));
        if (added[axis])
            return td_fail(error, TD_ERR_FORMAT, "axes: expected each once");
        added[axis] = true;
    }
    for (size_t d = 0; d < rank; d++)
        if (added[d])
            view = td_view_unsqueeze(&view, d);
    return show(step, 0, &view);
}

/* --- parts --- */

/* The part [begin, end) along an axis, every `by`-th. A batch can only be taken whole. */
static td_status cut(td_view *view, size_t axis, size_t begin, size_t end, size_t by,
                     td_error *error) {
    const size_t count = end > begin ? (end - begin + by - 1) / by : 0;
    if (count == view->dims[axis])
        return TD_OK;
    if (view->dims[axis] > 1 && view->strides[axis] == TD_VIEW_BATCH)
        return td_fail(error, TD_ERR_FORMAT, "expected all images of a batch, found some");
    if (view->dims[axis] > 1) {
        view->offset += begin * view->strides[axis];
        view->strides[axis] *= by;
    }
    view->dims[axis] = count;
    return TD_OK;
}

/* A position along an axis in Python's convention, clamped to [0, size]. */
static size_t place_in(int64_t place, size_t size) {
    const int64_t most = (int64_t)size, from = place < 0 ? place + most : place;
    return (size_t)(from < 0 ? 0 : from > most ? most : from);
}

static td_status check_live(const td_onnx_step *step, const td_view *view, td_error *error) {
    return td_onnx_in(step, 0)->state == TD_ONNX_CONSTANT || td_view_count(view) > 0
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT, "expected a part with something in it");
}

/* A constant with one dimension reversed: exporters write pads that way. */
static td_status turn_round(td_onnx_build *b, td_onnx_step *step, size_t axis, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0);
    const size_t *dims = x->view.dims, along = dims[axis], count = td_view_count(&x->view);
    const bool floats = td_dtype_is_float(x->tensor->dtype);
    size_t inner = 1;
    td_tensor *made;
    void *values;
    for (size_t d = axis + 1; d < x->view.rank; d++)
        inner *= dims[d];
    TD_TRY(td_onnx_new(b, floats ? TD_F32 : TD_I64, x->view.rank, dims, &made, &values, error));
    for (size_t i = 0; i < count; i++) {
        const size_t at = i / inner % along, from = i + (along - 1 - at) * inner - at * inner;
        if (floats)
            ((float *)values)[i] = (float)td_onnx_at(x, from);
        else
            ((int64_t *)values)[i] = (int64_t)td_onnx_at(x, from);
    }
    td_onnx_give_constant(step->out[0], made, td_view_rows(x->view.rank, dims));
    return TD_OK;
}

td_status td_onnx_map_slice(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    enum { START, END, AXES, STEPS };
    static const char *const names[] = {"starts", "ends", "axes", "steps"};
    td_view view = td_onnx_in(step, 0)->view;
    int64_t values[4][TD_TENSOR_RANK];
    size_t counts[4], axis;
    for (size_t i = 0; i < 4; i++)
        TD_TRY(td_onnx_numbers(b, step, i + 1, names[i], values[i], TD_TENSOR_RANK, &counts[i],
                               error));
    if (counts[START] != counts[END] || (counts[AXES] && counts[AXES] != counts[START]) ||
        (counts[STEPS] && counts[STEPS] != counts[START]))
        return td_fail(error, TD_ERR_FORMAT, "expected as many starts as ends, axes and steps");
    for (size_t i = 0; i < counts[START]; i++) {
        const int64_t by = counts[STEPS] ? values[STEPS][i] : 1;
        TD_TRY(td_onnx_axis(counts[AXES] ? values[AXES][i] : (int64_t)i, view.rank, &axis, error));
        if (by == -1 && td_onnx_in(step, 0)->state == TD_ONNX_CONSTANT && counts[START] == 1 &&
            (values[START][i] == -1 || values[START][i] > (int64_t)view.dims[axis] - 2) &&
            values[END][i] < -(int64_t)view.dims[axis])
            return turn_round(b, step, axis, error);
        if (by < 1 || by > INT32_MAX)
            return td_fail(error, TD_ERR_FORMAT, "steps: expected at least 1, found %lld",
                           (long long)by);
        const size_t size = view.dims[axis];
        TD_TRY(cut(&view, axis, place_in(values[START][i], size), place_in(values[END][i], size),
                   (size_t)by, error));
    }
    TD_TRY(check_live(step, &view, error));
    return show(step, 0, &view);
}

td_status td_onnx_map_split(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_view all = td_onnx_in(step, 0)->view;
    const size_t parts = step->node->output_count;
    int64_t sizes[TD_ONNX_PARTS];
    size_t count, axis, at = 0;
    TD_TRY(td_onnx_axis(td_onnx_integer(step, "axis", 0), all.rank, &axis, error));
    TD_TRY(td_onnx_numbers(b, step, 1, "split", sizes, TD_ONNX_PARTS, &count, error));
    if (parts == 0 || parts > TD_ONNX_PARTS || (count && count != parts))
        return td_fail(error, TD_ERR_FORMAT, "expected sizes for %zu outputs, found %zu", parts,
                       count);
    const size_t even = (all.dims[axis] + parts - 1) / parts;
    for (size_t i = 0; i < parts; i++) {
        td_view view = all;
        const size_t size =
            count ? place_in(sizes[i], all.dims[axis])
                  : td_size_min(even, all.dims[axis] - td_size_min(at, all.dims[axis]));
        TD_TRY(cut(&view, axis, at, td_size_min(at + size, all.dims[axis]), 1, error));
        TD_TRY(check_live(step, &view, error));
        TD_TRY(show(step, i, &view));
        at += size;
    }
    return at == all.dims[axis]
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT, "expected parts that make up %zu, found %zu",
                         all.dims[axis], at);
}

/* A single index, or a run of consecutive ones, is a part. */
td_status td_onnx_map_gather(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0), *index = td_onnx_in(step, 1);
    td_view view = x->view;
    size_t axis;
    if (x->state == TD_ONNX_CONSTANT && index->state == TD_ONNX_CONSTANT)
        return td_onnx_fold(b, step, error);
    if (x->state != TD_ONNX_LIVE || index->state != TD_ONNX_CONSTANT ||
        view.rank + index->view.rank > TD_TENSOR_RANK)
        return td_fail(error, TD_ERR_FORMAT, "expected constant indices, found others");
    TD_TRY(td_onnx_axis(td_onnx_integer(step, "axis", 0), view.rank, &axis, error));
    const size_t picks = td_view_count(&index->view), size = view.dims[axis];
    size_t first = 0;
    for (size_t i = 0; i < picks; i++) {
        const double at = td_onnx_at(index, i);
        const double from = at < 0 ? at + (double)size : at;
        if (i == 0 && from >= 0 && from < (double)size)
            first = (size_t)from;
        if (from != (double)(first + i) || from >= (double)size)
            return td_fail(error, TD_ERR_FORMAT, "expected indices one behind the other, below %zu",
                           size);
    }
    TD_TRY(cut(&view, axis, first, first + picks, 1, error));
    TD_TRY(check_live(step, &view, error));
    if (index->view.rank == 0) {
        view = td_view_squeeze(&view, axis);
        return show(step, 0, &view);
    }
    td_view shaped = view; /* replaces the axis by the dimensions of the indices */
    for (size_t d = 1; d < index->view.rank; d++)
        shaped = td_view_unsqueeze(&shaped, axis);
    memcpy(shaped.dims + axis, index->view.dims, index->view.rank * sizeof *shaped.dims);
    td_view made;
    if (!td_view_reshape(&view, shaped.rank, shaped.dims, &made))
        return td_fail(error, TD_ERR_FORMAT, "expected indices of one dimension");
    return show(step, 0, &made);
}

/* --- together --- */

/* How inputs are joined: the dimensions before the axis, in the memory order of the first input,
 * the axis itself, and those after it become rows, columns and channels. */
typedef struct joint {
    size_t rank, axis, at; /* the axis is perm[at] */
    size_t perm[TD_TENSOR_RANK], back[TD_TENSOR_RANK];
    size_t width, channels;
    const char *keys;
} joint;

static void order_dims(const td_view *view, joint *j) {
    j->rank = view->rank;
    for (size_t d = 0; d < view->rank; d++) {
        size_t i = d;
        const size_t stride = view->dims[d] == 1 && d != j->axis ? TD_VIEW_BATCH : view->strides[d];
        for (; i > 0; i--) {
            const size_t before = j->perm[i - 1];
            if ((view->dims[before] == 1 && before != j->axis) || view->strides[before] >= stride)
                break;
            j->perm[i] = before;
        }
        j->perm[i] = d;
    }
    for (size_t i = 0; i < view->rank; i++) {
        j->back[j->perm[i]] = i;
        if (j->perm[i] == j->axis)
            j->at = i;
    }
}

/* Chooses the sides: channels if the axis is all of them, otherwise rows or columns. */
static void choose_sides(const td_view *view, td_shape shape, joint *j) {
    if (view->dims[j->axis] == shape.channels &&
        (shape.channels == 1 || view->strides[j->axis] == 1)) {
        size_t width = 1;
        j->channels = j->at;
        j->width = j->at;
        while (j->width > 0 && width < shape.width &&
               view->strides[j->perm[j->width - 1]] != TD_VIEW_BATCH)
            width *= view->dims[j->perm[--j->width]];
        j->keys = "";
        return;
    }
    j->width = j->at;
    j->channels = j->at + 1;
    j->keys = " axis=width";
}

static td_status join_input(td_onnx_build *b, td_onnx_step *step, const joint *j,
                            const td_onnx_value *x, const td_view *first, td_onnx_layer **out,
                            td_error *error) {
    td_onnx_value turned = *x;
    bool same = x->view.rank == first->rank;
    for (size_t d = 0; same && d < first->rank; d++)
        same = d == j->axis || x->view.dims[d] == first->dims[d];
    if (!same)
        return td_onnx_wrong_shape(x, "the sizes of the other inputs but along the axis", error);
    if (x->state == TD_ONNX_LIVE)
        TD_TRY(td_onnx_whole(b, step, x, &turned.layer, &turned.view, error));
    turned.view = td_view_permute(&turned.view, j->perm);
    if (x->state == TD_ONNX_LIVE)
        return td_onnx_arrange(b, step, turned.layer, &turned.view, j->width, j->channels, out,
                               error);
    size_t sides[3] = {1, 1, 1};
    for (size_t d = 0; d < j->rank; d++)
        sides[(d >= j->width) + (d >= j->channels)] *= turned.view.dims[d];
    return td_onnx_constant_layer(b, step, &turned, (td_shape){sides[0], sides[1], sides[2]}, out,
                                  error);
}

/* The input whose layer determines the join. */
static const td_onnx_value *first_live(const td_onnx_step *step) {
    for (size_t i = 0; i < step->node->input_count; i++)
        if (step->in[i] && step->in[i]->state == TD_ONNX_LIVE)
            return step->in[i];
    return NULL;
}

td_status td_onnx_map_concat(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const size_t count = step->node->input_count;
    const td_onnx_value *first = first_live(step);
    td_onnx_layer *made, layer = {.op = "concat", .input_count = count};
    td_view view;
    joint j;
    TD_TRY(td_onnx_axis(td_onnx_integer(step, "axis", 1), first->view.rank, &j.axis, error));
    if (count == 1)
        return td_onnx_map_same(b, step, error);
    if (first->view.dims[j.axis] > 1 && first->view.strides[j.axis] == TD_VIEW_BATCH)
        return td_fail(error, TD_ERR_FORMAT, "axis: expected another than the batch");
    TD_TRY(td_onnx_whole(b, step, first, &made, &view, error));
    order_dims(&view, &j);
    choose_sides(&view, made->shape, &j);
    layer.keys = j.keys;
    TD_TRY(TD_ARENA_NEW(b->arena, count, &layer.inputs, "a layer", error));
    view.dims[j.axis] = 0;
    for (size_t i = 0; i < count; i++) {
        if (!step->in[i])
            return td_fail(error, TD_ERR_FORMAT, "expected all inputs, found one left out");
        TD_TRY(join_input(b, step, &j, step->in[i], &first->view, &layer.inputs[i], error));
        view.dims[j.axis] += step->in[i]->view.dims[j.axis];
        const td_shape more = layer.inputs[i]->shape;
        layer.shape.height = more.height;
        layer.shape.width = (*j.keys && i > 0 ? layer.shape.width : 0) + more.width;
        layer.shape.channels = (!*j.keys && i > 0 ? layer.shape.channels : 0) + more.channels;
    }
    TD_TRY(td_onnx_add(b, step, layer, NULL, &made, error));
    const td_view permuted = td_view_permute(&view, j.perm), rows = td_onnx_rows(&permuted);
    td_onnx_give(step->out[0], made, td_view_permute(&rows, j.back));
    return TD_OK;
}

/* --- padding --- */

/* Zeros around an image; the following convolution takes them as its padding. */
td_status td_onnx_map_pad(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    enum { SIDES = 8 };
    const td_onnx_value *x = td_onnx_in(step, 0);
    int64_t pads[2 * TD_TENSOR_RANK], sides[SIDES] = {0}, axes[TD_TENSOR_RANK];
    size_t count, axis_count, axis;
    double value;
    char number[32];
    td_onnx_layer *before, *made;
    const char *keys;
    TD_TRY(td_onnx_numbers(b, step, 1, "pads", pads, 2 * TD_TENSOR_RANK, &count, error));
    TD_TRY(td_onnx_numbers(b, step, 3, NULL, axes, TD_TENSOR_RANK, &axis_count, error));
    TD_TRY(td_onnx_first(step, 2, "value", 0, &value, error));
    const size_t half = axis_count ? axis_count : x->view.rank;
    if (x->view.rank != 4 || count != 2 * half || half > 4)
        return td_onnx_wrong_shape(x, "an image with a pad for each side", error);
    for (size_t i = 0; i < half; i++) {
        TD_TRY(td_onnx_axis(axis_count ? axes[i] : (int64_t)i, 4, &axis, error));
        sides[axis] = pads[i];
        sides[axis + 4] = pads[half + i];
    }
    bool none = true;
    for (size_t i = 0; i < SIDES; i++)
        none &= sides[i] == 0;
    if (none)
        return td_onnx_map_same(b, step, error);
    for (size_t i = 0; i < SIDES; i++)
        if (sides[i] < 0 || sides[i] > 1024 || (i % 4 < 2 && sides[i] > 0))
            return td_fail(error, TD_ERR_FORMAT,
                           "pads: expected sides of height and width, of 0 to 1024");
    if (strcmp(td_onnx_word(step, "mode", "constant"), "constant") != 0)
        return td_fail(error, TD_ERR_FORMAT, "mode: expected a pad of one number, found \"%s\"",
                       td_onnx_word(step, "mode", ""));
    snprintf(number, sizeof number, " value=%.9g", value);
    TD_TRY(td_onnx_image(b, step, x, &before, error));
    td_shape shape = before->shape;
    shape.height += (size_t)(sides[2] + sides[6]);
    shape.width += (size_t)(sides[3] + sides[7]);
    TD_TRY(td_onnx_keys(b, &keys, error, " pad=%lldx%lldx%lldx%lld%s", (long long)sides[2],
                        (long long)sides[3], (long long)sides[6], (long long)sides[7],
                        value != 0 ? number : ""));
    TD_TRY(td_onnx_add_after(b, step, before, "pad", keys, shape, &made, error));
    td_onnx_give(step->out[0], made, td_onnx_image_view(b, shape));
    return TD_OK;
}
