/* SPDX-License-Identifier: MIT */
#include "nn/gemm.h"

#include "base/parallel.h"
#include "base/size.h"
#include <cblas.h>

enum { BLOCK_M = 64, BLOCK_N = 64 };

void td_multiply(const td_product *p) {
    cblas_sgemm(CblasRowMajor, p->transpose_a ? CblasTrans : CblasNoTrans,
                p->transpose_b ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n, (int)p->k, 1.0f,
                p->a, (int)p->a_row, p->b, (int)p->b_row, p->add ? 1.0f : 0.0f, p->c,
                (int)p->c_row);
}

void td_bias_clip(float *c, size_t rows, size_t n, size_t stride, const float *bias,
                  td_bounds bounds) {
    const bool clips = td_bounds_clip(bounds);
    if (!bias && !clips)
        return;
    for (size_t i = 0; i < rows; i++) {
        float *restrict row = c + i * stride;
        if (bias)
            for (size_t j = 0; j < n; j++)
                row[j] += bias[j];
        if (clips)
            for (size_t j = 0; j < n; j++)
                row[j] = td_clip(bounds, row[j]);
    }
}

static void run_block(void *context, size_t block) {
    const td_gemm *g = context;
    size_t across = td_chunks(g->n, BLOCK_N);
    size_t i = block / across * BLOCK_M, j = block % across * BLOCK_N;
    size_t rows = td_size_min(BLOCK_M, g->m - i), columns = td_size_min(BLOCK_N, g->n - j);
    size_t lda = g->transpose_a ? g->m : g->k, ldb = g->transpose_b ? g->k : g->n;
    const float *a = g->a + (g->transpose_a ? i : i * lda);
    const float *b = g->b + (g->transpose_b ? j * ldb : j);
    float *c = g->c + i * g->n + j;
    td_multiply(&(td_product){.m = rows,
                              .n = columns,
                              .k = g->k,
                              .a = a,
                              .b = b,
                              .a_row = lda,
                              .b_row = ldb,
                              .transpose_a = g->transpose_a,
                              .transpose_b = g->transpose_b,
                              .c = c,
                              .c_row = g->n});
    td_bias_clip(c, rows, columns, g->n, g->bias ? g->bias + j : NULL,
                 g->bounds ? *g->bounds : TD_UNBOUNDED);
}

void td_gemm_run(const td_gemm *gemm) {
    td_parallel_each(td_chunks(gemm->m, BLOCK_M) * td_chunks(gemm->n, BLOCK_N), run_block,
                     (void *)gemm);
}
