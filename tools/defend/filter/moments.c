/* SPDX-License-Identifier: MIT */
#include "defend/filter/moments.h"

#include "base/parallel.h"
#include "base/size.h"
#include <cblas.h>
#include <string.h>

enum { STRIP = 32 }; /* rows of the products that one chunk computes */

td_status moments_new(moments *m, size_t dimension, td_arena *arena, td_error *error) {
    size_t square, rows;
    *m = (moments){.dimension = dimension};
    if (!td_size_mul(dimension, dimension, &square) || !td_size_mul(dimension, MOMENTS_ROWS, &rows))
        return td_fail_memory(error, "a covariance");
    TD_TRY(TD_ARENA_NEW(arena, dimension, &m->shift, "a mean", error));
    TD_TRY(TD_ARENA_NEW(arena, dimension, &m->sum, "a mean", error));
    TD_TRY(TD_ARENA_NEW(arena, square, &m->products, "a covariance", error));
    return TD_ARENA_NEW(arena, rows, &m->rows, "a covariance", error);
}

void moments_clear(moments *m) {
    m->count = 0;
    memset(m->shift, 0, m->dimension * sizeof *m->shift);
    memset(m->sum, 0, m->dimension * sizeof *m->sum);
    memset(m->products, 0, m->dimension * m->dimension * sizeof *m->products);
}

static void set_shift(moments *m, const float *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < m->dimension; k++)
            m->shift[k] += (double)rows[i * m->dimension + k] / (double)count;
}

typedef struct adding {
    moments *m;
    size_t count;
} adding;

/* A strip of the products: that many columns of the block, with all of them. */
static void add_strip(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const adding *a = context;
    const moments *m = a->m;
    const int n = (int)m->dimension;
    (void)chunk, (void)thread;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)(end - begin), n, (int)a->count, 1,
                m->rows + begin, n, m->rows, n, 1, m->products + begin * m->dimension, n);
}

void moments_add(moments *m, const float *rows, size_t count) {
    if (m->count == 0)
        set_shift(m, rows, count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < m->dimension; k++) {
            const size_t at = i * m->dimension + k;
            m->rows[at] = (double)rows[at] - m->shift[k];
            m->sum[k] += m->rows[at];
        }
    adding a = {m, count};
    td_parallel_for(m->dimension, STRIP, add_strip, &a);
    m->count += count;
}

void moments_get(const moments *m, double *mean, double *covariance) {
    const size_t n = m->dimension;
    const double count = (double)m->count;
    for (size_t i = 0; i < n; i++)
        mean[i] = m->shift[i] + m->sum[i] / count;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            covariance[i * n + k] =
                m->products[i * n + k] / count - (m->sum[i] / count) * (m->sum[k] / count);
}

typedef struct inner {
    const double *centred; /* [count, dimension] */
    size_t count, dimension;
    double *products;
} inner;

static void multiply_strip(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const inner *p = context;
    const int n = (int)p->dimension, count = (int)p->count;
    (void)chunk, (void)thread;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)(end - begin), count, n,
                1 / (double)count, p->centred + begin * p->dimension, n, p->centred, n, 0,
                p->products + begin * p->count, count);
}

void moments_inner(const float *rows, size_t count, size_t dimension, double *mean, double *centred,
                   double *products) {
    inner p = {centred, count, dimension, products};
    memset(mean, 0, dimension * sizeof *mean);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < dimension; k++)
            mean[k] += (double)rows[i * dimension + k] / (double)count;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < dimension; k++)
            centred[i * dimension + k] = (double)rows[i * dimension + k] - mean[k];
    td_parallel_for(count, STRIP, multiply_strip, &p);
}
