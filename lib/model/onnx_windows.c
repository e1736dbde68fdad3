/* SPDX-License-Identifier: MIT */
/* Convolutions and pools. */
#include "model/onnx_maps.h"

#include "base/size.h"
#include "nn/limits.h"
#include <stdio.h>
#include <string.h>

enum { TOP, LEFT, BOTTOM, RIGHT };

/* A window from a node's attributes. */
typedef struct window {
    int64_t kernel[2], stride[2], dilation[2], pad[4];
    bool ceil;
} window;

static td_status check_range(const char *name, const int64_t *values, size_t count, int64_t least,
                             td_error *error) {
    for (size_t i = 0; i < count; i++)
        if (values[i] < least || values[i] > 1024)
            return td_fail(error, TD_ERR_FORMAT,
                           "%s: expected numbers from %lld to 1024, found "
                           "%lld",
                           name, (long long)least, (long long)values[i]);
    return TD_OK;
}

/* Padding for an output of the input's size divided by the stride, rounded up. */
static void pad_same(window *w, td_shape in, bool lower) {
    const size_t sides[2] = {in.height, in.width};
    for (size_t i = 0; i < 2; i++) {
        const int64_t side = (int64_t)sides[i], places = (side + w->stride[i] - 1) / w->stride[i];
        const int64_t wanted =
            (places - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 - side;
        const int64_t all = wanted > 0 ? wanted : 0;
        w->pad[i] = lower ? all - all / 2 : all / 2;
        w->pad[i + 2] = all - w->pad[i];
    }
}

static td_status read_window(const td_onnx_step *step, td_shape in, window *w, td_error *error) {
    const char *automatic = td_onnx_word(step, "auto_pad", "NOTSET");
    TD_TRY(td_onnx_list(step, "strides", 2, w->stride, 1, error));
    TD_TRY(td_onnx_list(step, "dilations", 2, w->dilation, 1, error));
    TD_TRY(td_onnx_list(step, "pads", 4, w->pad, 0, error));
    TD_TRY(check_range("kernel_shape", w->kernel, 2, 1, error));
    TD_TRY(check_range("strides", w->stride, 2, 1, error));
    TD_TRY(check_range("dilations", w->dilation, 2, 1, error));
    if (strncmp(automatic, "SAME", 4) == 0)
        pad_same(w, in, strcmp(automatic, "SAME_LOWER") == 0);
    else if (strcmp(automatic, "VALID") == 0)
        memset(w->pad, 0, sizeof w->pad);
    TD_TRY(check_range("pads", w->pad, 4, 0, error));
    w->ceil = td_onnx_integer(step, "ceil_mode", 0) != 0;
    return TD_OK;
}

static td_status find_places(const window *w, size_t axis, size_t side, size_t *out,
                             td_error *error) {
    const int64_t reach = (w->kernel[axis] - 1) * w->dilation[axis] + 1;
    const int64_t all = (int64_t)side + w->pad[axis] + w->pad[axis + 2];
    if (reach > all)
        return td_fail(error, TD_ERR_FORMAT,
                       "expected a window that fits its input, found one of %lld on %lld",
                       (long long)reach, (long long)all);
    const int64_t rest = all - reach, stride = w->stride[axis];
    int64_t last = (rest + (w->ceil ? stride - 1 : 0)) / stride;
    if (w->ceil && last * stride >= (int64_t)side + w->pad[axis])
        last--; /* it would begin after the image: PyTorch's rule, and ONNX's since opset 11 */
    *out = (size_t)last + 1;
    return TD_OK;
}

static td_status find_shape(const window *w, td_shape in, size_t channels, td_shape *out,
                            td_error *error) {
    *out = (td_shape){.channels = channels};
    TD_TRY(find_places(w, 0, in.height, &out->height, error));
    return find_places(w, 1, in.width, &out->width, error);
}

static td_status refuse_dilation(const window *w, td_error *error) {
    if (w->dilation[0] == 1 && w->dilation[1] == 1)
        return TD_OK;
    return td_fail(error, TD_ERR_FORMAT,
                   "dilations: expected 1, found %lldx%lld: windows with gaps are not read",
                   (long long)w->dilation[0], (long long)w->dilation[1]);
}

/* "3x3"; a pad of four sides if opposite ones differ. */
static const char *pad_text(const window *w, char *out, size_t size) {
    const long long top = w->pad[TOP], left = w->pad[LEFT], bottom = w->pad[BOTTOM],
                    right = w->pad[RIGHT];
    if (top == bottom && left == right)
        snprintf(out, size, "%lldx%lld", top, left);
    else
        snprintf(out, size, "%lldx%lldx%lldx%lld", top, left, bottom, right);
    return out;
}

/* A layer of zeros around the image becomes part of the convolution that reads it. */
static void take_pad(td_onnx_layer **before, window *w) {
    size_t side[4];
    if (strcmp((*before)->op, "pad") != 0 || sscanf((*before)->keys, " pad=%zux%zux%zux%zu",
                                                    &side[0], &side[1], &side[2], &side[3]) != 4)
        return;
    for (size_t i = 0; i < 4; i++)
        w->pad[i] += (int64_t)side[i];
    *before = (*before)->inputs[0];
}

/* --- convolution --- */

static td_status check_weights(const td_onnx_value *weights, size_t channels, int64_t groups,
                               td_error *error) {
    const td_view *v = &weights->view;
    char expected[128];
    if (v->rank != 4 || groups < 1 || v->dims[0] == 0 || v->dims[1] * (size_t)groups != channels ||
        v->dims[0] % (size_t)groups != 0) {
        snprintf(expected, sizeof expected,
                 "weights of out x %zu x height x width for the %zu channels of its input in %lld "
                 "groups",
                 groups > 0 ? channels / (size_t)groups : 0, channels, (long long)groups);
        return td_onnx_wrong_shape(weights, expected, error);
    }
    return TD_OK;
}

static td_status add_bias(td_onnx_build *b, const td_onnx_step *step, td_onnx_layer *layer,
                          size_t count, td_error *error) {
    const td_onnx_value *bias = td_onnx_in(step, 2);
    td_tensor tensor;
    if (!bias) {
        TD_TRY(td_onnx_equal(b, false, count, &tensor, error));
        return td_onnx_param_add(layer, "bias", &tensor, error);
    }
    TD_TRY(td_onnx_constant(b, bias, &tensor, error));
    if (tensor.rank != 1 || tensor.dims[0] != count)
        return td_onnx_wrong_shape(bias, "a bias for each channel of its output", error);
    return td_onnx_param_add(layer, "bias", &tensor, error);
}

td_status td_onnx_map_conv(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *weights = td_onnx_in(step, 1);
    td_onnx_layer *before, *made, layer = {.op = "conv", .input_count = 1};
    const int64_t groups = td_onnx_integer(step, "group", 1);
    window w;
    td_tensor kernel;
    char pad[64], group[32] = "";
    TD_TRY(td_onnx_image(b, step, td_onnx_in(step, 0), &before, error));
    TD_TRY(td_onnx_constant(b, weights, &kernel, error));
    TD_TRY(check_weights(weights, before->shape.channels, groups, error));
    for (size_t i = 0; i < 2; i++)
        w.kernel[i] = (int64_t)kernel.dims[i + 2];
    TD_TRY(read_window(step, before->shape, &w, error));
    take_pad(&before, &w);
    TD_TRY(refuse_dilation(&w, error));
    TD_TRY(find_shape(&w, before->shape, kernel.dims[0], &layer.shape, error));
    if (groups > 1)
        snprintf(group, sizeof group, " groups=%lld", (long long)groups);
    TD_TRY(td_onnx_keys(b, &layer.keys, error,
                        " out=%zu kernel=%lldx%lld stride=%lldx%lld pad=%s%s", kernel.dims[0],
                        (long long)w.kernel[0], (long long)w.kernel[1], (long long)w.stride[0],
                        (long long)w.stride[1], pad_text(&w, pad, sizeof pad), group));
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &layer.inputs, "a layer", error));
    layer.inputs[0] = before;
    TD_TRY(td_onnx_param_add(&layer, "weight", &kernel, error));
    TD_TRY(add_bias(b, step, &layer, kernel.dims[0], error));
    TD_TRY(td_onnx_add(b, step, layer, weights, &made, error));
    td_onnx_give(step->out[0], made, td_onnx_image_view(b, made->shape));
    return TD_OK;
}

/* --- pools --- */

static td_status add_pool(td_onnx_build *b, td_onnx_step *step, const char *op, const char *end,
                          td_error *error) {
    td_onnx_layer *before, *made;
    td_shape shape;
    window w;
    const char *keys;
    char pad[64];
    TD_TRY(td_onnx_image(b, step, td_onnx_in(step, 0), &before, error));
    TD_TRY(td_onnx_list(step, "kernel_shape", 2, w.kernel, 0, error));
    TD_TRY(read_window(step, before->shape, &w, error));
    TD_TRY(refuse_dilation(&w, error));
    /* A window larger than the image averages only existing pixels if padding does not count. */
    for (size_t i = 0; w.ceil && i < 2; i++) {
        const int64_t side = (int64_t)(i ? before->shape.width : before->shape.height);
        if (w.kernel[i] > side && w.pad[i] + w.pad[i + 2] == 0)
            w.kernel[i] = side;
    }
    if (step->node->output_count > 1 && step->out[1] && step->out[1]->users > 0)
        return td_fail(error, TD_ERR_FORMAT, "expected one output, found a use of its indices");
    TD_TRY(find_shape(&w, before->shape, before->shape.channels, &shape, error));
    TD_TRY(td_onnx_keys(b, &keys, error, " size=%lldx%lld stride=%lldx%lld pad=%s%s%s",
                        (long long)w.kernel[0], (long long)w.kernel[1], (long long)w.stride[0],
                        (long long)w.stride[1], pad_text(&w, pad, sizeof pad),
                        w.ceil ? " ceil=1" : "", end));
    TD_TRY(td_onnx_add_after(b, step, before, op, keys, shape, &made, error));
    td_onnx_give(step->out[0], made, td_onnx_image_view(b, shape));
    return TD_OK;
}

td_status td_onnx_map_max_pool(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    return add_pool(b, step, "max-pool", "", error);
}

td_status td_onnx_map_average_pool(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const bool counted = td_onnx_integer(step, "count_include_pad", 0);
    return add_pool(b, step, "avg-pool", counted ? " count_include_pad=1" : " count_include_pad=0",
                    error);
}

td_status td_onnx_map_global_max_pool(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    td_onnx_layer *before, *made;
    const char *keys;
    TD_TRY(td_onnx_image(b, step, td_onnx_in(step, 0), &before, error));
    const td_shape shape = {1, 1, before->shape.channels};
    TD_TRY(
        td_onnx_keys(b, &keys, error, " size=%zux%zu", before->shape.height, before->shape.width));
    TD_TRY(td_onnx_add_after(b, step, before, "max-pool", keys, shape, &made, error));
    td_onnx_give(step->out[0], made, td_onnx_image_view(b, shape));
    return TD_OK;
}

/* Removes dimensions over which a mean was taken, or keeps them as 1. */
static void drop_axes(td_view *view, const bool *gone, bool keep) {
    for (size_t d = view->rank; d-- > 0;) {
        if (!gone[d])
            continue;
        view->dims[d] = 1;
        if (!keep)
            *view = td_view_squeeze(view, d);
    }
}

/* Whether the removed dimensions are exactly the layer's positions, so that its channels stay. */
static bool are_positions(const td_view *view, td_shape shape, const bool *gone) {
    size_t positions = 1;
    for (size_t d = 0; d < view->rank; d++) {
        if (view->dims[d] == 1 || !gone[d])
            continue;
        if (view->strides[d] < shape.channels)
            return false;
        positions *= view->dims[d];
    }
    return positions == shape.height * shape.width;
}

/* The mean over dimensions of a value. */
static td_status pool_axes(td_onnx_build *b, td_onnx_step *step, const bool *gone, bool keep,
                           td_error *error) {
    td_onnx_value x = *td_onnx_in(step, 0);
    td_onnx_layer *before, *made;
    size_t perm[TD_TENSOR_RANK], back[TD_TENSOR_RANK], count = 0, first;
    bool repeated = true;
    td_view view;
    for (size_t d = 0; d < x.view.rank; d++) {
        if (gone[d] && x.view.dims[d] > 1 && x.view.strides[d] == TD_VIEW_BATCH)
            return td_fail(error, TD_ERR_FORMAT, "axes: expected none of the batch, found it");
        repeated &= !gone[d] || x.view.dims[d] == 1 || x.view.strides[d] == 0;
    }
    if (repeated) { /* the mean of a number and itself */
        drop_axes(&x.view, gone, keep);
        td_onnx_give(step->out[0], x.layer, x.view);
        return TD_OK;
    }
    TD_TRY(td_onnx_whole(b, step, &x, &before, &view, error));
    if (!are_positions(&view, before->shape, gone)) {
        for (size_t d = 0; d < view.rank; d++)
            if (gone[d])
                perm[count++] = d;
        first = count;
        for (size_t d = 0; d < view.rank; d++)
            if (!gone[d])
                perm[count++] = d;
        for (size_t d = 0; d < view.rank; d++)
            back[perm[d]] = d;
        view = td_view_permute(&view, perm);
        TD_TRY(td_onnx_arrange(b, step, before, &view, first, first, &before, error));
        const td_view rows = td_onnx_rows(&view);
        view = td_view_permute(&rows, back);
    }
    const td_shape shape = {1, 1, before->shape.channels};
    TD_TRY(td_onnx_add_after(b, step, before, "global-avg-pool", NULL, shape, &made, error));
    drop_axes(&view, gone, keep);
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}

td_status td_onnx_map_global_average_pool(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    bool gone[TD_TENSOR_RANK];
    for (size_t d = 0; d < TD_TENSOR_RANK; d++)
        gone[d] = d >= 2;
    return pool_axes(b, step, gone, true, error);
}

td_status td_onnx_map_reduce_mean(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0);
    bool gone[TD_TENSOR_RANK] = {false};
    int64_t axes[TD_TENSOR_RANK];
    size_t count, axis;
    TD_TRY(td_onnx_numbers(b, step, 1, "axes", axes, TD_TENSOR_RANK, &count, error));
    for (size_t i = 0; i < count; i++) {
        TD_TRY(td_onnx_axis(axes[i], x->view.rank, &axis, error));
        gone[axis] = true;
    }
    for (size_t d = 0; count == 0 && d < x->view.rank; d++) /* without axes, over all of them */
        gone[d] = !td_onnx_integer(step, "noop_with_empty_axes", 0);
    return pool_axes(b, step, gone, td_onnx_integer(step, "keepdims", 1), error);
}

/* --- adaptive pooling --- */

/* Whether the indices of GatherND, out × window × out × window pairs of a row and a column, are
 * those of PyTorch's adaptive pooling: output i of O is the mean of positions ⌊i·N/O⌋ to ⌈(i +
 * 1)·N/O⌉ − 1. */
static bool is_adaptive(const td_onnx_value *index, const size_t side[2]) {
    const size_t *d = index->view.dims;
    for (size_t axis = 0; axis < 2; axis++)
        for (size_t i = 0; i < d[2 * axis]; i++) {
            const size_t begin = i * side[axis] / d[2 * axis];
            const size_t end = ((i + 1) * side[axis] + d[2 * axis] - 1) / d[2 * axis];
            if (end - begin != d[2 * axis + 1])
                return false;
        }
    for (size_t at = 0; at < d[0] * d[1] * d[2] * d[3]; at++) {
        const size_t i[4] = {at / (d[1] * d[2] * d[3]), at / (d[2] * d[3]) % d[1], at / d[3] % d[2],
                             at % d[3]};
        for (size_t axis = 0; axis < 2; axis++)
            if (td_onnx_at(index, 2 * at + axis) !=
                (double)(i[2 * axis] * side[axis] / d[2 * axis] + i[2 * axis + 1]))
                return false;
    }
    return true;
}

/* PyTorch's newer exporter writes an adaptive pool as a gather of all windows followed by their
 * mean. The layer here is already the mean, seen as often as a window has pixels. */
td_status td_onnx_map_gather_nd(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    const td_onnx_value *x = td_onnx_in(step, 0), *index = td_onnx_in(step, 1);
    const size_t *d = index->view.dims, side[2] = {x->view.dims[0], x->view.dims[1]};
    td_onnx_value image = *x;
    td_onnx_layer *before, *made;
    const char *keys;
    if (index->state != TD_ONNX_CONSTANT || index->view.rank != 5 || d[4] != 2 ||
        x->state != TD_ONNX_LIVE || x->view.rank != 4 || td_onnx_integer(step, "batch_dims", 0) ||
        td_view_count(&index->view) == 0 || d[0] > TD_NET_SIDE || d[2] > TD_NET_SIDE ||
        !is_adaptive(index, side))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected the windows of an adaptive pool of equal size, found other "
                       "indices");
    image.view = td_view_permute(&x->view, (size_t[]){2, 3, 0, 1});
    TD_TRY(td_onnx_image(b, step, &image, &before, error));
    const td_shape shape = {d[0], d[2], before->shape.channels};
    TD_TRY(td_onnx_keys(b, &keys, error, " out=%zux%zu", shape.height, shape.width));
    TD_TRY(td_onnx_add_after(b, step, before, "adaptive-avg-pool", keys, shape, &made, error));
    const td_view view = {
        .rank = 6,
        .dims = {d[0], d[1], d[2], d[3], b->batch, shape.channels},
        .strides = {shape.width * shape.channels, 0, shape.channels, 0, TD_VIEW_BATCH, 1}};
    td_onnx_give(step->out[0], made, view);
    return TD_OK;
}
