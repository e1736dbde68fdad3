/* A matrix product cut into fixed blocks of its result, one product a block, so that the bits do
 * not depend on the number of threads. All matrices are row-major. */
#ifndef TD_NN_GEMM_H
#define TD_NN_GEMM_H

#include <stdbool.h>
#include <stddef.h>

/* c = op(a)·op(b) with op(a) m×k and op(b) k×n, then + bias (a row of n) and ReLU where asked. */
typedef struct td_gemm {
    size_t m, n, k;
    const float *a, *b;
    bool transpose_a, transpose_b; /* a is stored k×m, b is stored n×k */
    float *c;                      /* m×n, overwritten */
    const float *bias;             /* NULL for none */
    bool relu;
} td_gemm;

/* Parallel over blocks of at most 64×128. */
void td_gemm_run(const td_gemm *gemm);

/* Adds a bias row to `rows` rows of n and clips below at 0 if `relu`; `stride` floats from row to
 * row. */
void td_bias_relu(float *c, size_t rows, size_t n, size_t stride, const float *bias, bool relu);

#endif
