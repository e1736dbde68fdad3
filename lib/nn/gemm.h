/* SPDX-License-Identifier: MIT */
/* Matrix products by OpenBLAS. sgemm is called only inside parallel loops, where it runs on the
 * calling thread, so its bits do not depend on the number of threads. All matrices are row-major.
 */
#ifndef TD_NN_GEMM_H
#define TD_NN_GEMM_H

#include "nn/bounds.h"
#include "nn/kernel/kernel.h"
#include <stdbool.h>
#include <stddef.h>

#define td_multiply TD_KERNEL_NAME(td_multiply)
#define td_gemm_run TD_KERNEL_NAME(td_gemm_run)
#define td_bias_clip TD_KERNEL_NAME(td_bias_clip)

/* c (+)= op(a)·op(b) with op(a) m×k and op(b) k×n; `a_row`, `b_row` and `c_row` are the row strides
 * in floats as stored. For use inside a parallel loop. */
typedef struct td_product {
    size_t m, n, k;
    const float *a, *b;
    size_t a_row, b_row;
    bool transpose_a, transpose_b; /* a is stored k×m, b is stored n×k */
    float *c;
    size_t c_row;
    bool add; /* adds to c; false: overwrites it */
} td_product;

void td_multiply(const td_product *product);

/* A whole product, split into fixed blocks of the result: c = op(a)·op(b), then + bias (a row of
 * n), clipped. */
typedef struct td_gemm {
    size_t m, n, k;
    const float *a, *b;
    bool transpose_a, transpose_b; /* a is stored k×m, b is stored n×k */
    float *c;                      /* m×n, overwritten */
    const float *bias;             /* NULL for none */
    const td_bounds *bounds;       /* c is clipped to these; NULL for none */
} td_gemm;

/* Parallel over blocks of at most 64×64. */
void td_gemm_run(const td_gemm *gemm);

/* Adds a bias row, unless NULL, to `rows` rows of n and clips them; `stride` is the row stride in
 * floats. */
void td_bias_clip(float *c, size_t rows, size_t n, size_t stride, const float *bias,
                  td_bounds bounds);

#endif
