/* SPDX-License-Identifier: MIT */
/* Tensors of files, whose numbers are of any type and lie at any strides, as floats. */
#ifndef TD_MODEL_FLOATS_H
#define TD_MODEL_FLOATS_H

#include "data/safetensors.h"
#include <stdbool.h>

/* Whether the type is read as floats: F64, F32, F16 and BF16. */
bool td_dtype_is_float(td_dtype dtype);

/* IEEE 754 binary16 and bfloat16 as the floats that they are exactly. */
float td_float_of_half(uint16_t bits);
float td_float_of_bfloat(uint16_t bits);

/* Writes tensor->count floats, row after row; F64 is rounded to the nearest. TD_ERR_FORMAT, naming
 * the tensor, for another type, and for a number that is not finite as a float. */
td_status td_tensor_floats(const td_tensor *tensor, float *out, td_error *error) TD_MUST_USE;

/* The number at a place, in elements from the first, of any type but complex ones; the same as a
 * whole number, 64-bit ones without loss, others cut to the range. */
double td_tensor_number(const td_tensor *tensor, size_t place);
int64_t td_tensor_integer(const td_tensor *tensor, size_t place);

#endif
