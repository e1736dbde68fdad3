/* SPDX-License-Identifier: MIT */
/* Resize, and Upsample, its name until opset 9. */
#include "model/onnx_maps.h"

#include "nn/resample.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RANK = 4, SIDE_MOST = 1024 };

/* How the graph resizes one axis. */
typedef struct axis {
    size_t in, out;
    double scale; /* out over in, from the graph */
} axis;

typedef struct resize {
    axis sides[2]; /* height, width */
    const char *places, *nearest;
    bool linear, antialias;
} resize;

/* --- sizes --- */

static td_status scale_at(const td_onnx_step *step, const td_onnx_value *scales, size_t i,
                          size_t rank, double *out, td_error *error) {
    const td_onnx_attribute *found = td_onnx_attribute_find(step, "scales");
    if (scales && scales->state == TD_ONNX_CONSTANT && td_view_count(&scales->view) == rank) {
        *out = td_onnx_at(scales, i);
        return TD_OK;
    }
    if (!scales && found && found->kind == TD_ONNX_NUMBERS && !found->whole &&
        found->count == rank) {
        *out = found->reals[i];
        return TD_OK;
    }
    return td_fail(error, TD_ERR_FORMAT, "expected %zu constant sizes or scales, found other ones",
                   rank);
}

/* The dimension of each size or scale. */
static td_status read_axes(td_onnx_build *b, const td_onnx_step *step, size_t *axes, size_t *count,
                           td_error *error) {
    int64_t numbers[RANK];
    TD_TRY(td_onnx_numbers(b, step, SIZE_MAX, "axes", numbers, RANK, count, error));
    for (size_t i = 0; i < *count; i++)
        TD_TRY(td_onnx_axis(numbers[i], RANK, &axes[i], error));
    if (*count > 0)
        return TD_OK;
    for (*count = 0; *count < RANK; (*count)++)
        axes[*count] = *count;
    return TD_OK;
}

static td_status set_side(resize *r, const td_view *view, size_t dimension, double scale,
                          double size, td_error *error) {
    if (dimension < 2 && fabs(scale - 1) < 1e-6)
        return TD_OK;
    if (dimension < 2 || !(size >= 1) || size > SIDE_MOST || size != floor(size))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected height and width alone to be resized, to 1 to %d, found "
                       "dimension %zu, %zu, to become %g",
                       SIDE_MOST, dimension, view->dims[dimension], size);
    r->sides[dimension - 2] =
        (axis){.in = view->dims[dimension], .out = (size_t)size, .scale = scale};
    return TD_OK;
}

static td_status read_sizes(td_onnx_build *b, const td_onnx_step *step, const td_view *view,
                            resize *r, td_error *error) {
    const size_t scales_input = b->onnx->opset < 11 ? 1 : 2;
    const td_onnx_value *scales = td_onnx_in(step, scales_input);
    size_t axes[RANK], count, given = 0;
    int64_t sizes[RANK];
    TD_TRY(read_axes(b, step, axes, &count, error));
    if (b->onnx->opset >= 11)
        TD_TRY(td_onnx_numbers(b, step, 3, NULL, sizes, RANK, &given, error));
    if (given > 0 && given != count)
        return td_fail(error, TD_ERR_FORMAT, "sizes: expected %zu, found %zu", count, given);
    for (size_t i = 0; i < 2; i++)
        r->sides[i] = (axis){.in = view->dims[i + 2], .out = view->dims[i + 2], .scale = 1};
    for (size_t i = 0; i < count; i++) {
        const double in = (double)view->dims[axes[i]];
        double scale = 1;
        if (given > 0) {
            /* The batch may have any size, and is kept. */
            scale = axes[i] == 0 ? 1 : (double)sizes[i] / in;
            TD_TRY(set_side(r, view, axes[i], scale, (double)sizes[i], error));
            continue;
        }
        TD_TRY(scale_at(step, scales, i, count, &scale, error));
        TD_TRY(set_side(r, view, axes[i], scale, floor(in * scale + 1e-6), error));
    }
    return TD_OK;
}

/* --- filters --- */

/* The position of result i among the values, by the operator's definition: values are at 0, 1, 2.
 */
static td_status place_of(const resize *r, const axis *a, size_t i, double *out, td_error *error) {
    const double half = ((double)i + 0.5) / a->scale - 0.5;
    if (strcmp(r->places, "half_pixel") == 0)
        *out = half;
    else if (strcmp(r->places, "pytorch_half_pixel") == 0)
        *out = a->out > 1 ? half : 0;
    else if (strcmp(r->places, "asymmetric") == 0)
        *out = (double)i / a->scale;
    else if (strcmp(r->places, "tf_half_pixel_for_nn") == 0)
        *out = half + 0.5;
    else if (strcmp(r->places, "align_corners") == 0)
        *out = a->out > 1 ? (double)(i * (a->in - 1)) / (double)(a->out - 1) : 0;
    else
        return td_fail(error, TD_ERR_FORMAT,
                       "coordinate_transformation_mode: expected half_pixel, pytorch_half_pixel, "
                       "asymmetric, tf_half_pixel_for_nn or align_corners, found %.32s",
                       r->places);
    return TD_OK;
}

static td_status round_place(const resize *r, double place, double *out, td_error *error) {
    if (strcmp(r->nearest, "floor") == 0)
        *out = floor(place + 1e-9);
    else if (strcmp(r->nearest, "ceil") == 0)
        *out = ceil(place - 1e-9);
    else if (strcmp(r->nearest, "round_prefer_floor") == 0)
        *out = ceil(place - 0.5 - 1e-9);
    else if (strcmp(r->nearest, "round_prefer_ceil") == 0)
        *out = floor(place + 0.5 + 1e-9);
    else
        return td_fail(error, TD_ERR_FORMAT,
                       "nearest_mode: expected floor, ceil, round_prefer_floor or "
                       "round_prefer_ceil, found %.32s",
                       r->nearest);
    return TD_OK;
}

/* Whether one of our filters uses the same values as the graph along an axis. */
static td_status is_alike(const resize *r, const axis *a, td_resample filter, bool *alike,
                          td_error *error) {
    for (size_t i = 0; i < a->out && *alike; i++) {
        const td_taps taps = td_taps_of(filter, a->in, a->out, i);
        double place = 0;
        TD_TRY(place_of(r, a, i, &place, error));
        if (!r->linear)
            TD_TRY(round_place(r, place, &place, error));
        place = fmin(fmax(place, 0), (double)(a->in - 1));
        const double ours = fmin(fmax(taps.centre - 0.5, 0), (double)(a->in - 1));
        *alike = fabs(place - ours) < 1e-4;
    }
    return TD_OK;
}

static td_status find_filter(const resize *r, const char **name, td_error *error) {
    static const struct {
        td_resample filter;
        const char *name;
        bool linear, antialias;
    } rows[] = {
        {TD_RESAMPLE_BILINEAR, "bilinear", true, false},
        {TD_RESAMPLE_CORNERS, "bilinear-corners", true, false},
        {TD_RESAMPLE_ANTIALIAS, "bilinear-antialias", true, true},
        {TD_RESAMPLE_NEAREST, "nearest", false, false},
        {TD_RESAMPLE_EXACT, "nearest-exact", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool alike = rows[i].linear == r->linear && rows[i].antialias == r->antialias;
        for (size_t side = 0; side < 2; side++)
            TD_TRY(is_alike(r, &r->sides[side], rows[i].filter, &alike, error));
        if (alike) {
            *name = rows[i].name;
            return TD_OK;
        }
    }
    return td_fail(error, TD_ERR_FORMAT,
                   "expected places as PyTorch's interpolate has them, found "
                   "coordinate_transformation_mode %.32s with these sizes%s",
                   r->places, r->antialias ? " and antialias" : "");
}

/* --- the node --- */

static td_status read_ways(const td_onnx_build *b, const td_onnx_step *step, resize *r,
                           td_error *error) {
    const char *mode = td_onnx_word(step, "mode", "nearest");
    const bool old = b->onnx->opset < 11;
    r->places =
        td_onnx_word(step, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel");
    r->nearest = td_onnx_word(step, "nearest_mode", old ? "floor" : "round_prefer_floor");
    r->linear = strcmp(mode, "linear") == 0 || strcmp(mode, "bilinear") == 0;
    if (!r->linear && strcmp(mode, "nearest") != 0)
        return td_fail(error, TD_ERR_FORMAT, "mode: expected nearest or linear, found %.32s", mode);
    r->antialias = r->linear && td_onnx_integer(step, "antialias", 0) &&
                   (r->sides[0].out < r->sides[0].in || r->sides[1].out < r->sides[1].in);
    if (r->antialias && !td_onnx_integer(step, "exclude_outside", 0))
        return td_fail(error, TD_ERR_FORMAT,
                       "expected exclude_outside with antialias, found values beyond the image to "
                       "count");
    return TD_OK;
}

td_status td_onnx_map_resize(td_onnx_build *b, td_onnx_step *step, td_error *error) {
    td_onnx_layer *before, *made;
    resize r;
    const char *filter = NULL, *keys;
    TD_TRY(td_onnx_image(b, step, td_onnx_in(step, 0), &before, error));
    const td_view view = td_onnx_image_view(b, before->shape);
    TD_TRY(read_sizes(b, step, &view, &r, error));
    TD_TRY(read_ways(b, step, &r, error));
    TD_TRY(find_filter(&r, &filter, error));
    const td_shape shape = {r.sides[0].out, r.sides[1].out, before->shape.channels};
    TD_TRY(
        td_onnx_keys(b, &keys, error, " out=%zux%zu filter=%s", shape.height, shape.width, filter));
    TD_TRY(td_onnx_add_after(b, step, before, "resize", keys, shape, &made, error));
    td_onnx_give(step->out[0], made, td_onnx_image_view(b, shape));
    return TD_OK;
}
