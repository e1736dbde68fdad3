/* SPDX-License-Identifier: MIT */
/* Attributes and constant inputs of an ONNX node. */
#include "model/onnx_build.h"

#include "model/floats.h"
#include <string.h>

td_onnx_value *td_onnx_in(const td_onnx_step *step, size_t i) {
    return i < step->node->input_count ? step->in[i] : NULL;
}

const td_onnx_attribute *td_onnx_attribute_find(const td_onnx_step *step, const char *name) {
    for (size_t i = 0; i < step->node->attribute_count; i++)
        if (strcmp(step->node->attributes[i].name, name) == 0)
            return &step->node->attributes[i];
    return NULL;
}

int64_t td_onnx_integer(const td_onnx_step *step, const char *name, int64_t otherwise) {
    const td_onnx_attribute *found = td_onnx_attribute_find(step, name);
    return found && found->kind == TD_ONNX_NUMBER && found->whole ? found->integer : otherwise;
}

double td_onnx_real(const td_onnx_step *step, const char *name, double otherwise) {
    const td_onnx_attribute *found = td_onnx_attribute_find(step, name);
    return found && found->kind == TD_ONNX_NUMBER ? found->real : otherwise;
}

const char *td_onnx_word(const td_onnx_step *step, const char *name, const char *otherwise) {
    const td_onnx_attribute *found = td_onnx_attribute_find(step, name);
    return found && found->kind == TD_ONNX_TEXT ? found->text : otherwise;
}

td_status td_onnx_list(const td_onnx_step *step, const char *name, size_t count, int64_t *out,
                       int64_t otherwise, td_error *error) {
    const td_onnx_attribute *found = td_onnx_attribute_find(step, name);
    for (size_t i = 0; i < count; i++)
        out[i] = otherwise;
    if (!found)
        return TD_OK;
    if (found->kind != TD_ONNX_NUMBERS || !found->whole || found->count != count)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected %zu whole numbers, found %zu", name,
                       count, found->count);
    memcpy(out, found->integers, count * sizeof *out);
    return TD_OK;
}

double td_onnx_at(const td_onnx_value *value, size_t i) {
    return td_tensor_number(value->tensor, td_view_place(&value->view, i));
}

bool td_onnx_is_single(const td_onnx_value *value, double *out) {
    if (value->state != TD_ONNX_CONSTANT)
        return false;
    const size_t all = td_view_count(&value->view);
    const td_view used = td_view_used(&value->view);
    bool repeated = all > 0; /* one number, repeated */
    for (size_t d = 0; d < used.rank; d++)
        repeated &= used.strides[d] == 0;
    const size_t count = repeated ? 1 : all;
    for (size_t i = 0; i < count; i++) {
        const double number = td_onnx_at(value, i);
        if (i > 0 && number != *out)
            return false;
        *out = number;
    }
    return count > 0;
}

static td_status check_constant(const td_onnx_value *value, td_error *error) {
    return value->state == TD_ONNX_CONSTANT
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT,
                         "input \"%s\": expected a constant, found what depends on the image",
                         value->name);
}

td_status td_onnx_numbers(td_onnx_build *b, const td_onnx_step *step, size_t input,
                          const char *attribute, int64_t *out, size_t room, size_t *count,
                          td_error *error) {
    const td_onnx_value *value = td_onnx_in(step, input);
    const td_onnx_attribute *found = attribute ? td_onnx_attribute_find(step, attribute) : NULL;
    (void)b;
    *count = 0;
    if (value) {
        TD_TRY(check_constant(value, error));
        *count = td_view_count(&value->view);
    } else if (found && found->kind == TD_ONNX_NUMBERS && found->whole) {
        *count = found->count;
    }
    if (*count > room)
        return td_fail(error, TD_ERR_FORMAT, "%s: expected at most %zu numbers, found %zu",
                       value ? value->name : attribute, room, *count);
    for (size_t i = 0; i < *count; i++)
        out[i] = value ? td_tensor_integer(value->tensor, td_view_place(&value->view, i))
                       : found->integers[i];
    return TD_OK;
}

td_status td_onnx_first(const td_onnx_step *step, size_t input, const char *attribute,
                        double otherwise, double *out, td_error *error) {
    const td_onnx_value *value = td_onnx_in(step, input);
    *out = attribute ? td_onnx_real(step, attribute, otherwise) : otherwise;
    if (!value)
        return TD_OK;
    TD_TRY(check_constant(value, error));
    if (td_view_count(&value->view) == 0)
        return TD_OK;
    *out = td_onnx_at(value, 0);
    return TD_OK;
}

td_status td_onnx_axis(int64_t axis, size_t rank, size_t *out, td_error *error) {
    const int64_t from = axis < 0 ? axis + (int64_t)rank : axis;
    if (from < 0 || from >= (int64_t)rank)
        return td_fail(error, TD_ERR_FORMAT, "axis: expected one of %zu dimensions, found %lld",
                       rank, (long long)axis);
    *out = (size_t)from;
    return TD_OK;
}

td_status td_onnx_wrong_shape(const td_onnx_value *value, const char *expected, td_error *error) {
    char found[192];
    return td_fail(error, TD_ERR_FORMAT, "input \"%s\": expected %s, found %s", value->name,
                   expected,
                   td_shape_text(value->view.dims, value->view.rank, found, sizeof found));
}

/* --- constants --- */

td_status td_onnx_constant(td_onnx_build *b, const td_onnx_value *value, td_tensor *out,
                           td_error *error) {
    const td_view *view = &value->view;
    size_t *strides;
    TD_TRY(check_constant(value, error));
    if (!td_dtype_is_float(value->tensor->dtype))
        return td_fail(error, TD_ERR_FORMAT, "input \"%s\": expected floats, found %s", value->name,
                       td_dtype_name(value->tensor->dtype));
    *out = *value->tensor;
    out->name = value->name;
    out->rank = view->rank;
    memcpy(out->dims, view->dims, sizeof out->dims);
    out->count = td_view_count(view);
    out->bytes = out->count * td_dtype_size(out->dtype);
    out->data = (const uint8_t *)out->data + view->offset * td_dtype_size(out->dtype);
    out->strides = NULL;
    if (td_view_is_rows(view))
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(b->arena, TD_TENSOR_RANK, &strides, "strides", error));
    memcpy(strides, view->strides, sizeof view->strides);
    for (size_t d = 0; d < view->rank; d++)
        if (view->dims[d] == 1)
            strides[d] = 0;
    out->strides = strides;
    return TD_OK;
}

td_status td_onnx_equal(td_onnx_build *b, bool one, size_t count, td_tensor *out, td_error *error) {
    static const float numbers[2] = {0, 1};
    size_t *strides;
    TD_TRY(TD_ARENA_NEW(b->arena, 1, &strides, "strides", error));
    *out = (td_tensor){.dtype = TD_F32,
                       .rank = 1,
                       .dims = {count},
                       .count = count,
                       .bytes = count * sizeof(float),
                       .data = &numbers[one],
                       .strides = strides};
    return TD_OK;
}

td_status td_onnx_param_by_channel(td_onnx_build *b, td_onnx_layer *layer, const char *suffix,
                                   const td_onnx_value *value, td_error *error) {
    td_tensor tensor;
    TD_TRY(td_onnx_constant(b, value, &tensor, error));
    if (tensor.rank != 1 || tensor.dims[0] != layer->shape.channels)
        return td_onnx_wrong_shape(value, "one number for each channel of its input", error);
    return td_onnx_param_add(layer, suffix, &tensor, error);
}

/* --- channels --- */

/* The sizes of a constant, with leading sizes of 1 to match the other's rank. */
static bool align(const td_onnx_value *constant, const td_view *with, td_view *out) {
    *out = constant->view;
    while (out->rank > with->rank && out->dims[0] == 1)
        *out = td_view_squeeze(out, 0);
    while (out->rank < with->rank)
        *out = td_view_unsqueeze(out, 0);
    for (size_t d = 0; d < out->rank; d++)
        if (out->rank != with->rank || (out->dims[d] != 1 && out->dims[d] != with->dims[d]))
            return false;
    return true;
}

bool td_onnx_by_channel(const td_onnx_value *constant, const td_view *view, size_t channels,
                        double *out) {
    td_view c, within = {0}, of = {0};
    if (!align(constant, view, &c))
        return false;
    for (size_t d = 0; d < view->rank; d++) {
        if (view->dims[d] == 1)
            continue;
        const bool position = view->strides[d] == TD_VIEW_BATCH || view->strides[d] >= channels;
        if (position && c.dims[d] > 1)
            return false;
        if (position)
            continue;
        within.dims[within.rank] = of.dims[of.rank] = view->dims[d];
        within.strides[within.rank++] = view->strides[d];
        of.strides[of.rank++] = c.dims[d] > 1 ? c.strides[d] : 0;
    }
    of.offset = c.offset;
    const size_t count = td_view_count(&within);
    for (size_t i = 0; i < count && count == channels; i++)
        out[td_view_place(&within, i)] = td_tensor_number(constant->tensor, td_view_place(&of, i));
    return count == channels;
}
