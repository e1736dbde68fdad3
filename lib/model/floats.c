/* SPDX-License-Identifier: MIT */
#include "model/floats.h"

#include <math.h>
#include <string.h>

bool td_dtype_is_float(td_dtype dtype) {
    return dtype == TD_F32 || dtype == TD_F64 || dtype == TD_F16 || dtype == TD_BF16;
}

float td_float_of_half(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float sign = bits >> 15 ? -1.0f : 1.0f;
    if (exponent == 31)
        return fraction ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexpf((float)(1024 + fraction), exponent - 25)
                            : ldexpf((float)fraction, -24));
}

float td_float_of_bfloat(uint16_t bits) {
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* One number, of a float type, at any alignment. */
static float read_number(const uint8_t *at, td_dtype dtype) {
    uint16_t bits;
    double wide;
    float value;
    switch (dtype) {
    case TD_F64:
        memcpy(&wide, at, sizeof wide);
        return (float)wide;
    case TD_F16:
        memcpy(&bits, at, sizeof bits);
        return td_float_of_half(bits);
    case TD_BF16:
        memcpy(&bits, at, sizeof bits);
        return td_float_of_bfloat(bits);
    default:
        memcpy(&value, at, sizeof value);
        return value;
    }
}

/* Advances to the next place in row-major order; returns its offset from the first, in elements. */
static size_t next_place(const td_tensor *tensor, size_t place[TD_TENSOR_RANK], size_t at) {
    for (size_t d = tensor->rank; d-- > 0;) {
        at += tensor->strides[d];
        if (++place[d] < tensor->dims[d])
            return at;
        at -= tensor->dims[d] * tensor->strides[d];
        place[d] = 0;
    }
    return at;
}

td_status td_tensor_floats(const td_tensor *tensor, float *out, td_error *error) {
    size_t place[TD_TENSOR_RANK] = {0}, at = 0;
    const size_t size = td_dtype_size(tensor->dtype);
    if (!td_dtype_is_float(tensor->dtype))
        return td_fail(error, TD_ERR_FORMAT,
                       "tensor \"%s\": dtype: expected F32, F64, F16 or BF16, found %s",
                       tensor->name, td_dtype_name(tensor->dtype));
    if (tensor->dtype == TD_F32 && !tensor->strides) {
        memcpy(out, tensor->data, tensor->count * sizeof *out);
    } else {
        for (size_t i = 0; i < tensor->count; i++) {
            out[i] = read_number((const uint8_t *)tensor->data + at * size, tensor->dtype);
            at = tensor->strides ? next_place(tensor, place, at) : at + 1;
        }
    }
    for (size_t i = 0; i < tensor->count; i++)
        if (!isfinite(out[i]))
            return td_fail(error, TD_ERR_FORMAT,
                           "tensor \"%s\": value %zu: expected a finite number, found %g",
                           tensor->name, i, (double)out[i]);
    return TD_OK;
}

double td_tensor_number(const td_tensor *tensor, size_t place) {
    const uint8_t *at = (const uint8_t *)tensor->data + place * td_dtype_size(tensor->dtype);
    double wide;
    if (tensor->dtype == TD_F64) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    return td_dtype_is_float(tensor->dtype) ? (double)read_number(at, tensor->dtype)
                                            : (double)td_tensor_integer(tensor, place);
}

static int64_t cut(double value) {
    if (!(value > -0x1p63))
        return INT64_MIN;
    return value < 0x1p63 ? (int64_t)value : INT64_MAX;
}

int64_t td_tensor_integer(const td_tensor *tensor, size_t place) {
    const size_t size = td_dtype_size(tensor->dtype);
    const uint8_t *at = (const uint8_t *)tensor->data + place * size;
    uint64_t bits = 0;
    if (td_dtype_is_float(tensor->dtype))
        return cut(td_tensor_number(tensor, place));
    memcpy(&bits, at, size < sizeof bits ? size : sizeof bits);
    switch (tensor->dtype) {
    case TD_I8:
        return (int8_t)bits;
    case TD_I16:
        return (int16_t)bits;
    case TD_I32:
        return (int32_t)bits;
    case TD_U64:
        return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
    default:
        return (int64_t)bits;
    }
}
