/* SPDX-License-Identifier: MIT */
/* Converts tensors of any type and strides to floats. */
#ifndef TD_MODEL_FLOATS_H
#define TD_MODEL_FLOATS_H

#include "data/safetensors.h"
#include <stdbool.h>

/* Whether the type is read as floats: F64, F32, F16 and BF16. */
bool td_dtype_is_float(td_dtype dtype);

/* Exact conversion of IEEE 754 binary16 and bfloat16 to float. */
float td_float_of_half(uint16_t bits);
float td_float_of_bfloat(uint16_t bits);

/* Writes tensor->count floats in row-major order; F64 is rounded to nearest. TD_ERR_FORMAT, naming
 * the tensor, for another type, and for a number that is not finite as a float. */
td_status td_tensor_floats(const td_tensor *tensor, float *out, td_error *error) TD_MUST_USE;

/* The number at an offset in elements, of any type but complex. The integer version is exact for
 * 64-bit integers and clamps other values to the range. */
double td_tensor_number(const td_tensor *tensor, size_t place);
int64_t td_tensor_integer(const td_tensor *tensor, size_t place);

#endif
