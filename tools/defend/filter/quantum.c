/* SPDX-License-Identifier: MIT */
#include "defend/filter/quantum.h"

#include "base/parallel.h"
#include "defend/filter/eigen.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 8 };

static const double sharpness = 4, least_variance = 1e-9;

/* --- moments of the kept points --- */

static void take_moments(const double *points, const uint32_t *left, size_t count, size_t stride,
                         size_t n, double *mean, double *covariance) {
    memset(mean, 0, n * sizeof *mean);
    memset(covariance, 0, n * n * sizeof *covariance);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < n; k++)
            mean[k] += points[left[i] * stride + k] / (double)count;
    for (size_t i = 0; i < count; i++) {
        const double *x = points + left[i] * stride;
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j <= k; j++)
                covariance[k * n + j] += (x[k] - mean[k]) * (x[j] - mean[j]) / (double)count;
    }
    for (size_t k = 0; k < n; k++)
        for (size_t j = 0; j < k; j++)
            covariance[j * n + k] = covariance[k * n + j];
}

typedef struct entry {
    double distance;
    uint32_t image;
} entry;

/* Nearest first, ties by number. */
static int compare(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

/* Keeps the nearest `keep` of left[count], in order of number. */
static td_status trim(const double *points, uint32_t *left, size_t count, size_t keep,
                      size_t stride, size_t n, const double *mean, const double *covariance,
                      td_error *error) {
    td_arena arena = {0};
    double *some, *white;
    entry *entries;
    td_status status = TD_ARENA_NEW(&arena, count * n, &some, "a robust covariance", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, count * n, &white, "a robust covariance", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, count, &entries, "a robust covariance", error);
    for (size_t i = 0; status == TD_OK && i < count; i++)
        memcpy(some + i * n, points + left[i] * stride, n * sizeof *some);
    if (status == TD_OK)
        status = quantum_whiten(some, count, n, n, mean, covariance, white, error);
    for (size_t i = 0; status == TD_OK && i < count; i++) {
        entries[i] = (entry){0, left[i]};
        for (size_t k = 0; k < n; k++)
            entries[i].distance += white[i * n + k] * white[i * n + k];
    }
    if (status == TD_OK) {
        qsort(entries, count, sizeof *entries, compare);
        for (size_t i = 0; i < keep; i++)
            left[i] = entries[i].image;
    }
    td_arena_free(&arena);
    return status;
}

td_status quantum_robust(const double *points, size_t count, size_t stride, size_t dimension,
                         size_t removed, double *mean, double *covariance, td_error *error) {
    td_arena arena = {0};
    uint32_t *left;
    size_t now = count;
    TD_TRY(TD_ARENA_NEW(&arena, count, &left, "a robust covariance", error));
    for (size_t i = 0; i < count; i++)
        left[i] = (uint32_t)i;
    td_status status = TD_OK;
    for (size_t round = 1; round <= ROUNDS && removed > 0 && status == TD_OK; round++) {
        const size_t keep = count - removed * round / ROUNDS;
        take_moments(points, left, now, stride, dimension, mean, covariance);
        status = trim(points, left, now, keep, stride, dimension, mean, covariance, error);
        now = keep;
    }
    if (status == TD_OK)
        take_moments(points, left, now, stride, dimension, mean, covariance);
    td_arena_free(&arena);
    return status;
}

/* --- whitening --- */

typedef struct whitening {
    const double *points, *mean,
        *map; /* map [n, n]: a direction per row, divided by its deviation */
    size_t stride, n;
    double *out;
} whitening;

static void whiten(void *context, size_t i) {
    const whitening *w = context;
    for (size_t d = 0; d < w->n; d++) {
        double sum = 0;
        for (size_t k = 0; k < w->n; k++)
            sum += w->map[d * w->n + k] * (w->points[i * w->stride + k] - w->mean[k]);
        w->out[i * w->n + d] = sum;
    }
}

td_status quantum_whiten(const double *points, size_t count, size_t stride, size_t dimension,
                         const double *mean, const double *covariance, double *out,
                         td_error *error) {
    const size_t n = dimension;
    td_arena arena = {0};
    double *copy, *values, *map;
    td_status status = TD_ARENA_NEW(&arena, n * n, &copy, "a whitening", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, n, &values, "a whitening", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, n * n, &map, "a whitening", error);
    if (status == TD_OK) {
        memcpy(copy, covariance, n * n * sizeof *copy);
        status = eigen_top(copy, n, n, values, map, error);
    }
    for (size_t d = 0; status == TD_OK && d < n; d++) {
        const double by = values[d] > least_variance * values[0] ? 1 / sqrt(values[d]) : 0;
        for (size_t k = 0; k < n; k++)
            map[d * n + k] *= by;
    }
    if (status == TD_OK) {
        whitening w = {points, mean, map, stride, n, out};
        td_parallel_each(count, whiten, &w);
    }
    td_arena_free(&arena);
    return status;
}

/* --- weights and scores --- */

/* exp of each eigenvalue, and of the matrix, V diag(exp) Vᵀ. */
static void exponential(const double *values, const double *vectors, size_t n, double *m,
                        double *value) {
    double trace = 0, product = 0;
    memset(m, 0, n * n * sizeof *m);
    for (size_t i = 0; i < n; i++) {
        const double weight = exp(sharpness * (values[i] - 1) / (values[0] - 1));
        const double *v = vectors + i * n;
        trace += weight;
        product += weight * values[i];
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++)
                m[k * n + j] += weight * v[k] * v[j];
    }
    *value = product / trace;
}

static void identity(const double *values, size_t n, double *m, double *value) {
    memset(m, 0, n * n * sizeof *m);
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        m[i * n + i] = 1;
        *value += values[i] / (double)n;
    }
}

td_status quantum_weights(const double *s, size_t n, double *m, double *value, td_error *error) {
    td_arena arena = {0};
    double *copy, *values, *vectors;
    td_status status = TD_ARENA_NEW(&arena, n * n, &copy, "weights", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, n, &values, "weights", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, n * n, &vectors, "weights", error);
    if (status == TD_OK) {
        memcpy(copy, s, n * n * sizeof *copy);
        status = eigen_top(copy, n, n, values, vectors, error);
    }
    if (status == TD_OK && values[0] > 1 + 1e-9)
        exponential(values, vectors, n, m, value);
    else if (status == TD_OK)
        identity(values, n, m, value);
    td_arena_free(&arena);
    return status;
}

typedef struct scoring {
    const double *points, *m;
    size_t n;
    double trace, *scores;
} scoring;

static void score(void *context, size_t i) {
    const scoring *s = context;
    const double *x = s->points + i * s->n;
    double sum = 0;
    for (size_t k = 0; k < s->n; k++)
        for (size_t j = 0; j < s->n; j++)
            sum += x[k] * s->m[k * s->n + j] * x[j];
    s->scores[i] = sum / s->trace;
}

void quantum_scores(const double *points, size_t count, size_t n, const double *m, double *scores) {
    scoring s = {.points = points, .m = m, .n = n, .scores = scores};
    for (size_t i = 0; i < n; i++)
        s.trace += m[i * n + i];
    td_parallel_each(count, score, &s);
}
