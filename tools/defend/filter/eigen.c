/* SPDX-License-Identifier: MIT */
#include "defend/filter/eigen.h"

#include "base/arena.h"
#include "base/parallel.h"
#include "base/size.h"
#include <math.h>
#include <string.h>

/* LAPACK's, which OpenBLAS contains; its package has no header for it. Fortran passes the lengths
 * of strings after the other arguments. */
void dsyevr_(const char *jobz, const char *range, const char *uplo, const int *n, double *a,
             const int *lda, const double *vl, const double *vu, const int *il, const int *iu,
             const double *abstol, int *m, double *w, double *z, const int *ldz, int *isuppz,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info,
             size_t jobz_length, size_t range_length, size_t uplo_length);

typedef struct problem {
    double *matrix;   /* [n, n] */
    double *diagonal; /* [n]; overwritten, like one triangle of the matrix */
    int n, count;     /* `count` vectors are wanted, those of the largest values */
    int found, info;
    double *values;  /* [n], of which the first `found` are used, in ascending order */
    double *vectors; /* [count, n] */
    int *support;    /* [2 * count] */
    double *work;
    int *int_work;
    int work_size, int_work_size; /* -1: query the sizes */
} problem;

static void call(problem *p) {
    const int first = p->n - p->count + 1; /* counted from 1, ascending */
    const double unused = 0, tolerance = 0 /* the default */;
    dsyevr_("V", p->count < p->n ? "I" : "A", "L", &p->n, p->matrix, &p->n, &unused, &unused,
            &first, &p->n, &tolerance, &p->found, p->values, p->vectors, &p->n, p->support, p->work,
            &p->work_size, p->int_work, &p->int_work_size, &p->info, 1, 1, 1);
}

static void call_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    (void)begin, (void)end, (void)chunk, (void)thread;
    call(context);
}

static td_status reserve(problem *p, td_arena *arena, td_error *error) {
    static const char what[] = "eigenvectors";
    const size_t n = (size_t)p->n, count = (size_t)p->count;
    double best;
    int least;
    TD_TRY(TD_ARENA_NEW(arena, n, &p->values, what, error));
    TD_TRY(TD_ARENA_NEW(arena, n * count, &p->vectors, what, error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * count, &p->support, what, error));
    p->work = &best;
    p->int_work = &least;
    p->work_size = p->int_work_size = -1;
    call(p);
    p->work_size = (int)best;
    p->int_work_size = least;
    TD_TRY(TD_ARENA_NEW(arena, (size_t)p->work_size, &p->work, what, error));
    return TD_ARENA_NEW(arena, (size_t)p->int_work_size, &p->int_work, what, error);
}

static td_status solve(problem *p, td_arena *arena, td_error *error) {
    TD_TRY(reserve(p, arena, error));
    td_parallel_for(1, 1, call_chunk, p);
    if (p->info != 0)
        return td_fail(error, TD_ERR_NUMERIC, "eigenvectors: LAPACK's dsyevr failed (%d)", p->info);
    return TD_OK;
}

/* With repeated values bisection may miss some, as dstebz documents; its remedy is to ask for all.
 */
static td_status solve_all(problem *p, td_arena *arena, td_error *error) {
    const size_t n = (size_t)p->n;
    for (size_t i = 0; i < n; i++) {
        p->matrix[i * n + i] = p->diagonal[i];
        for (size_t k = 0; k < i; k++)
            p->matrix[k * n + i] = p->matrix[i * n + k];
    }
    p->count = p->n;
    TD_TRY(solve(p, arena, error));
    return p->found == p->n
               ? TD_OK
               : td_fail(error, TD_ERR_NUMERIC, "eigenvectors: LAPACK's dsyevr found %d of %d",
                         p->found, p->n);
}

/* A vector and its negative are equivalent; the one whose largest component is positive is used. */
static void copy_oriented(double *to, const double *from, size_t n) {
    size_t largest = 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(from[i]) > fabs(from[largest]))
            largest = i;
    const double sign = from[largest] < 0 ? -1 : 1;
    for (size_t i = 0; i < n; i++)
        to[i] = sign * from[i];
}

td_status eigen_top(double *matrix, size_t n, size_t top, double *values, double *vectors,
                    td_error *error) {
    problem p = {.matrix = matrix, .n = (int)n, .count = (int)top};
    td_arena arena = {0};
    td_status status = TD_ARENA_NEW(&arena, n, &p.diagonal, "eigenvectors", error);
    for (size_t i = 0; status == TD_OK && i < n; i++)
        p.diagonal[i] = matrix[i * n + i];
    if (status == TD_OK)
        status = solve(&p, &arena, error);
    if (status == TD_OK && p.found < p.count)
        status = solve_all(&p, &arena, error);
    for (size_t i = 0; status == TD_OK && i < top; i++) {
        const size_t from = (size_t)p.found - 1 - i;
        values[i] = p.values[from];
        copy_oriented(vectors + i * n, p.vectors + from * n, n);
    }
    td_arena_free(&arena);
    return status;
}
