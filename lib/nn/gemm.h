/* SPDX-License-Identifier: MIT */
/* Matrix products by OpenBLAS, whose sgemm is only called inside of parallel loops: there it runs
 * on the calling thread, and its bits do not depend on the number of threads. All matrices are
 * row-major. */
#ifndef TD_NN_GEMM_H
#define TD_NN_GEMM_H

#include "nn/bounds.h"
#include "nn/kernel/kernel.h"
#include <stdbool.h>
#include <stddef.h>

#define td_multiply TD_KERNEL_NAME(td_multiply)
#define td_gemm_run TD_KERNEL_NAME(td_gemm_run)
#define td_bias_clip TD_KERNEL_NAME(td_bias_clip)

/* c (+)= op(a)·op(b) with op(a) m×k and op(b) k×n; `a_row`, `b_row` and `c_row` floats from row to
 * row as stored. For use inside of a parallel loop. */
typedef struct td_product {
    size_t m, n, k;
    const float *a, *b;
    size_t a_row, b_row;
    bool transpose_a, transpose_b; /* a is stored k×m, b is stored n×k */
    float *c;
    size_t c_row;
    bool add; /* to c, which is overwritten otherwise */
} td_product;

void td_multiply(const td_product *product);

/* A whole product, cut into fixed blocks of its result: c = op(a)·op(b), then + bias (a row of n)
 * clipped. */
typedef struct td_gemm {
    size_t m, n, k;
    const float *a, *b;
    bool transpose_a, transpose_b; /* a is stored k×m, b is stored n×k */
    float *c;                      /* m×n, overwritten */
    const float *bias;             /* NULL for none */
    const td_bounds *bounds;       /* c is clipped to them; NULL for none */
} td_gemm;

/* Parallel over blocks of at most 64×64. */
void td_gemm_run(const td_gemm *gemm);

/* Adds a bias row, unless it is NULL, to `rows` rows of n and clips them; `stride` floats from row
 * to row. */
void td_bias_clip(float *c, size_t rows, size_t n, size_t stride, const float *bias,
                  td_bounds bounds);

#endif
