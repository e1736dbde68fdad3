/* SPDX-License-Identifier: MIT */
/* Matrix products whose operands are read in place and whose result is written once. */
#ifndef TD_NN_KERNEL_STRIDED_H
#define TD_NN_KERNEL_STRIDED_H

#include "nn/bounds.h"
#include "nn/kernel/kernel.h"
#include <stdbool.h>
#include <stddef.h>

#define td_strided_multiply TD_KERNEL_NAME(td_strided_multiply)

/* A matrix product whose operands are read in place, by strides, from images and their gradients: C
 * [rows, columns] (+)= sum over i < outer, k < depth of A[row, i, k] · B[i, k, column]. Columns are
 * unit-stride vectors of at most TD_LANES; all other strides are given in floats. */
typedef struct td_strided_product {
    size_t rows, outer, depth;
    size_t vectors, lanes, last_lanes; /* columns of each vector, and of the last one */
    const float *a;
    size_t a_row, a_outer, a_depth;
    const float *b;
    size_t b_vector, b_outer, b_depth;
    float *c;
    size_t c_row, c_vector;
    const float *bias; /* added to each row, at a stride of TD_LANES per vector; NULL for none */
    bool add;          /* adds to C */
    const td_bounds *bounds; /* the result is clipped to them; NULL for none */
} td_strided_product;

/* Sums each element in the order of (outer, depth) whatever the other sizes: results do not depend
 * on how rows are grouped. Lanes not in use are neither read from B nor written to C. */
void td_strided_multiply(const td_strided_product *product);

#endif
