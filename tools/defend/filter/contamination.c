/* SPDX-License-Identifier: MIT */
#include "defend/filter/contamination.h"

#include "base/parallel.h"
#include "defend/filter/eigen.h"
#include <limits.h>
#include <math.h>
#include <string.h>

enum { ROUNDS = 100 };

static const double least_variance = 1e-3, enough = 1e-5, ridge = 1e-10;

/* LAPACK's, which OpenBLAS contains: the Cholesky factor. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t length);

/* --- small matrices --- */

typedef struct factoring {
    double *matrix;
    int n, info;
} factoring;

static void factor_alone(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    factoring *f = context;
    (void)begin, (void)end, (void)chunk, (void)thread;
    dpotrf_("U", &f->n, f->matrix, &f->n, &f->info, 1);
}

/* The lower triangle of `a` [n, n] becomes L with LLᵀ = a plus a small diagonal; on one thread, so
 * that the bits do not depend on the number of threads. */
static td_status factor(double *a, size_t n, td_error *error) {
    factoring f = {a, (int)n, 0};
    double trace = 0;
    for (size_t i = 0; i < n; i++)
        trace += a[i * n + i];
    for (size_t i = 0; i < n; i++)
        a[i * n + i] += ridge * trace / (double)n;
    td_parallel_for(1, 1, factor_alone, &f);
    return f.info == 0
               ? TD_OK
               : td_fail(error, TD_ERR_NUMERIC,
                         "expected a covariance of clean images with an inverse, found none");
}

/* x = L^-1 x; x = L^-T x. */
static void solve_lower(const double *l, size_t n, double *x) {
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= l[i * n + k] * x[k];
        x[i] /= l[i * n + i];
    }
}

static void solve_upper(const double *l, size_t n, double *x) {
    for (size_t i = n; i-- > 0;) {
        x[i] /= l[i * n + i];
        for (size_t k = 0; k < i; k++)
            x[k] -= l[i * n + k] * x[i];
    }
}

/* --- estimation --- */

typedef struct fit {
    const size_t *begins;
    size_t classes, used, count, n; /* used: classes with images; n: dimensions */
    double *x;                      /* [count, n]: without their mean */
    double *sums, *u;               /* [classes, n] */
    double *su, *se, *before[2];    /* [n, n] */
    double *factor;                 /* [n, n] */
} fit;

static void add_square(const double *x, size_t n, double by, double *to) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k <= i; k++)
            to[i * n + k] += by * x[i] * x[k];
}

static void mirror(double *a, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            a[k * n + i] = a[i * n + k];
}

static size_t images_of(const fit *f, size_t c) {
    return f->begins[c + 1] - f->begins[c];
}

/* Su, the covariance of the u of the classes, and Se, that of x - u. scratch [2, n]. */
static void take_covariances(fit *f, double *scratch) {
    const size_t n = f->n;
    double *mean = scratch, *e = scratch + n;
    memset(f->su, 0, n * n * sizeof *f->su);
    memset(f->se, 0, n * n * sizeof *f->se);
    memset(mean, 0, n * sizeof *mean);
    for (size_t c = 0; c < f->classes; c++)
        for (size_t k = 0; k < n && images_of(f, c) > 0; k++)
            mean[k] += f->u[c * n + k] / (double)f->used;
    for (size_t c = 0; c < f->classes; c++) {
        if (images_of(f, c) == 0)
            continue;
        for (size_t k = 0; k < n; k++)
            e[k] = f->u[c * n + k] - mean[k];
        add_square(e, n, 1 / fmax((double)f->used - 1, 1), f->su);
        for (size_t i = f->begins[c]; i < f->begins[c + 1]; i++) {
            for (size_t k = 0; k < n; k++)
                e[k] = f->x[i * n + k] - f->u[c * n + k];
            add_square(e, n, 1 / fmax((double)f->count - 1, 1), f->se);
        }
    }
    mirror(f->su, n);
    mirror(f->se, n);
}

/* u = Su (n Su + Se)^-1 Σ x of each class. */
static td_status take_means(fit *f, double *scratch, td_error *error) {
    const size_t n = f->n;
    for (size_t c = 0; c < f->classes; c++) {
        if (images_of(f, c) == 0)
            continue;
        for (size_t i = 0; i < n * n; i++)
            f->factor[i] = (double)images_of(f, c) * f->su[i] + f->se[i];
        TD_TRY(factor(f->factor, n, error));
        memcpy(scratch, f->sums + c * n, n * sizeof *scratch);
        solve_lower(f->factor, n, scratch);
        solve_upper(f->factor, n, scratch);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++)
                sum += f->su[i * n + k] * scratch[k];
            f->u[c * n + i] = sum;
        }
    }
    return TD_OK;
}

static double distance(const double *a, const double *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum);
}

static td_status reserve(fit *f, td_arena *arena, td_error *error) {
    double **const squares[] = {&f->su, &f->se, &f->before[0], &f->before[1], &f->factor};
    for (size_t i = 0; i < sizeof squares / sizeof *squares; i++)
        TD_TRY(TD_ARENA_NEW(arena, f->n * f->n, squares[i], "a covariance", error));
    TD_TRY(TD_ARENA_NEW(arena, f->classes * f->n, &f->sums, "means", error));
    return TD_ARENA_NEW(arena, f->classes * f->n, &f->u, "means", error);
}

/* Iterates until the two covariances converge. */
static td_status learn(fit *f, td_arena *arena, td_error *error) {
    const size_t n = f->n, square = n * n;
    double *scratch;
    TD_TRY(reserve(f, arena, error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * n, &scratch, "means", error));
    for (size_t c = 0; c < f->classes; c++)
        for (size_t i = f->begins[c]; i < f->begins[c + 1]; i++)
            for (size_t k = 0; k < n; k++)
                f->sums[c * n + k] += f->x[i * n + k];
    for (size_t c = 0; c < f->classes; c++)
        for (size_t k = 0; k < n && images_of(f, c) > 0; k++)
            f->u[c * n + k] = f->sums[c * n + k] / (double)images_of(f, c);
    take_covariances(f, scratch);
    for (size_t round = 0; round < ROUNDS; round++) {
        memcpy(f->before[0], f->su, square * sizeof *f->su);
        memcpy(f->before[1], f->se, square * sizeof *f->se);
        TD_TRY(take_means(f, scratch, error));
        take_covariances(f, scratch);
        if (distance(f->su, f->before[0], square) + distance(f->se, f->before[1], square) <= enough)
            break;
    }
    return TD_OK;
}

/* --- coordinates --- */

/* The covariance of the clean values around their class means, and c->mean. */
static void within(contamination *c, const float *clean, const size_t *begins, size_t classes,
                   double *out, double *scratch) {
    const size_t n = c->values, first = begins[0], count = begins[classes] - first;
    double *mean = scratch, *e = scratch + n;
    memset(out, 0, n * n * sizeof *out);
    for (size_t k = 0; k < classes; k++) {
        const size_t images = begins[k + 1] - begins[k];
        memset(mean, 0, n * sizeof *mean);
        for (size_t i = begins[k]; i < begins[k + 1]; i++)
            for (size_t d = 0; d < n; d++) {
                mean[d] += (double)clean[i * n + d] / (double)images;
                c->mean[d] += (double)clean[i * n + d] / (double)count;
            }
        for (size_t i = begins[k]; i < begins[k + 1]; i++) {
            for (size_t d = 0; d < n; d++)
                e[d] = (double)clean[i * n + d] - mean[d];
            add_square(e, n, 1 / (double)count, out);
        }
    }
    mirror(out, n);
}

/* Sets c->map to the directions along which classes vary, scaled by their deviations. */
static td_status find_directions(contamination *c, const float *clean, const size_t *begins,
                                 size_t classes, td_arena *arena, td_error *error) {
    const size_t n = c->values;
    double *covariance, *variances, *scratch;
    TD_TRY(TD_ARENA_NEW(arena, n * n, &covariance, "a covariance", error));
    TD_TRY(TD_ARENA_NEW(arena, n, &variances, "variances", error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * n, &scratch, "means", error));
    TD_TRY(TD_ARENA_NEW(arena, n * n, &c->map, "directions", error));
    within(c, clean, begins, classes, covariance, scratch);
    TD_TRY(eigen_top(covariance, n, n, variances, c->map, error));
    while (c->dimensions < n && variances[c->dimensions] > 0 &&
           variances[c->dimensions] > least_variance * variances[0])
        c->dimensions++;
    if (c->dimensions == 0)
        return td_fail(error, TD_ERR_NUMERIC,
                       "expected clean images that differ within their class, found none");
    for (size_t d = 0; d < c->dimensions; d++)
        for (size_t k = 0; k < n; k++)
            c->map[d * n + k] /= sqrt(variances[d]);
    return TD_OK;
}

/* map = Qᵀ L^-1 map, with LLᵀ = Se and Q the eigenvectors of L^-1 Su L^-T. */
static td_status diagonalise(contamination *c, fit *f, td_arena *arena, td_error *error) {
    const size_t n = c->dimensions, values = c->values;
    double *column, *axes, *made;
    TD_TRY(TD_ARENA_NEW(arena, n, &column, "directions", error));
    TD_TRY(TD_ARENA_NEW(arena, n * n, &axes, "directions", error));
    TD_TRY(TD_ARENA_NEW(arena, n * values, &made, "directions", error));
    TD_TRY(factor(f->se, n, error));
    for (size_t turn = 0; turn < 2; turn++) { /* rows, then columns: Su is symmetric */
        for (size_t i = 0; i < n; i++)
            solve_lower(f->se, n, f->su + i * n);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < i; k++) {
                const double kept = f->su[i * n + k];
                f->su[i * n + k] = f->su[k * n + i];
                f->su[k * n + i] = kept;
            }
    }
    TD_TRY(eigen_top(f->su, n, n, c->spread, axes, error));
    for (size_t k = 0; k < values; k++) {
        for (size_t d = 0; d < n; d++)
            column[d] = c->map[d * values + k];
        solve_lower(f->se, n, column);
        for (size_t d = 0; d < n; d++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++)
                sum += axes[d * n + j] * column[j];
            made[d * values + k] = sum;
        }
    }
    for (size_t d = 0; d < n; d++)
        c->spread[d] = fmax(c->spread[d], 0);
    c->map = made;
    return TD_OK;
}

td_status contamination_fit(contamination *c, const float *clean, const size_t *begins,
                            size_t classes, size_t values, td_arena *arena, td_error *error) {
    fit f = {.begins = begins, .classes = classes, .count = begins[classes]};
    *c = (contamination){.values = values};
    for (size_t k = 0; k < classes; k++)
        f.used += begins[k + 1] > begins[k];
    TD_TRY(TD_ARENA_NEW(arena, values, &c->mean, "a mean", error));
    TD_TRY(find_directions(c, clean, begins, classes, arena, error));
    f.n = c->dimensions;
    TD_TRY(TD_ARENA_NEW(arena, f.n, &c->spread, "variances", error));
    TD_TRY(TD_ARENA_NEW(arena, f.count * f.n, &f.x, "values", error));
    contamination_place(c, clean, f.count, f.x);
    TD_TRY(learn(&f, arena, error));
    return diagonalise(c, &f, arena, error);
}

typedef struct placing {
    const contamination *c;
    const float *rows;
    double *points;
} placing;

static void place(void *context, size_t i) {
    const placing *p = context;
    const contamination *c = p->c;
    for (size_t d = 0; d < c->dimensions; d++) {
        double sum = 0;
        for (size_t k = 0; k < c->values; k++)
            sum += c->map[d * c->values + k] * ((double)p->rows[i * c->values + k] - c->mean[k]);
        p->points[i * c->dimensions + d] = sum;
    }
}

void contamination_place(const contamination *c, const float *rows, size_t count, double *points) {
    placing p = {c, rows, points};
    td_parallel_each(count, place, &p);
}

/* --- the statistic --- */

/* Where Se is I: n Su / (n Su + 1) of the mean. */
static void shrink(const contamination *c, size_t count, double *sum) {
    for (size_t d = 0; d < c->dimensions; d++)
        sum[d] *= c->spread[d] / ((double)count * c->spread[d] + 1);
}

static double norm(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

double contamination_statistic(const contamination *c, const double *points, const uint8_t *member,
                               size_t count, double *scratch) {
    const size_t n = c->dimensions;
    double *m = scratch, *u[2] = {scratch + n, scratch + 2 * n}, sum = 0;
    size_t sizes[2] = {0};
    memset(scratch, 0, 3 * n * sizeof *scratch);
    for (size_t i = 0; i < count; i++) {
        sizes[member[i]]++;
        for (size_t d = 0; d < n; d++) {
            m[d] += points[i * n + d];
            u[member[i]][d] += points[i * n + d];
        }
    }
    if (sizes[0] == 0 || sizes[1] == 0)
        return 0;
    shrink(c, count, m);
    for (int s = 0; s < 2; s++)
        shrink(c, sizes[s], u[s]);
    for (int s = 0; s < 2; s++)
        sum += (double)sizes[s] * (norm(m, n) - norm(u[s], n));
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < n; d++)
            sum -= 2 * points[i * n + d] * (m[d] - u[member[i]][d]);
    return sum / (double)count;
}
