#include "defend/filter/eigen.h"

#include "base/arena.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    SWEEPS = 60, /* of Jacobi rotations; ten are many */
    SPARE = 8,   /* directions iterated beyond those asked for, which makes it quick */
    STEPS = 500, /* of orthogonal iteration */
    STRIP = 64,  /* columns of a product that one chunk computes */
    START = 0    /* epoch of its draws */
};

static const double tolerance = 1e-10;

/* Rotates rows and columns p and q of the matrix so that its element (p, q) becomes 0, and the rows
 * p and q of the vectors with them. */
static void rotate(double *a, size_t n, size_t p, size_t q, double *vectors) {
    const double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double c = 1 / sqrt(t * t + 1), s = t * c;
    for (size_t i = 0; i < n; i++) {
        const double ip = a[i * n + p], iq = a[i * n + q];
        a[i * n + p] = c * ip - s * iq;
        a[i * n + q] = s * ip + c * iq;
    }
    for (size_t i = 0; i < n; i++) {
        const double pi = a[p * n + i], qi = a[q * n + i];
        a[p * n + i] = c * pi - s * qi;
        a[q * n + i] = s * pi + c * qi;
    }
    a[p * n + q] = a[q * n + p] = 0; /* but for rounding */
    for (size_t i = 0; i < n; i++) {
        const double pi = vectors[p * n + i], qi = vectors[q * n + i];
        vectors[p * n + i] = c * pi - s * qi;
        vectors[q * n + i] = s * pi + c * qi;
    }
}

/* Whether an element off the diagonal is lost in the rounding of those on it. */
static bool negligible(const double *a, size_t n, size_t p, size_t q) {
    return fabs(a[p * n + q]) <= 1e-17 * (fabs(a[p * n + p]) + fabs(a[q * n + q]));
}

static void swap(double *a, double *b) {
    const double kept = *a;
    *a = *b;
    *b = kept;
}

/* Sorts by value, the largest first. */
static void sort_pairs(double *values, double *vectors, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t k = i + 1; k < n; k++)
            if (values[k] > values[best])
                best = k;
        if (best == i)
            continue;
        swap(&values[i], &values[best]);
        for (size_t k = 0; k < n; k++)
            swap(&vectors[i * n + k], &vectors[best * n + k]);
    }
}

void eigen_all(double *matrix, size_t n, double *values, double *vectors) {
    memset(vectors, 0, n * n * sizeof *vectors);
    for (size_t i = 0; i < n; i++)
        vectors[i * n + i] = 1;
    bool rotated = true;
    for (size_t sweep = 0; rotated && sweep < SWEEPS; sweep++) {
        rotated = false;
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++)
                if (!negligible(matrix, n, p, q)) {
                    rotate(matrix, n, p, q, vectors);
                    rotated = true;
                }
    }
    for (size_t i = 0; i < n; i++)
        values[i] = matrix[i * n + i];
    sort_pairs(values, vectors, n);
}

/* The state of an orthogonal iteration: `width` directions in a space of n. */
typedef struct iteration {
    const double *matrix;
    size_t n, width;
    double *rows, *images; /* [width, n]: directions, and the matrix times each */
    double *spare;         /* [width, n] */
    double *within, *turn; /* [width, width]: the matrix within the directions; its eigenvectors */
    double *values;        /* [width] */
    td_arena arena;
} iteration;

static td_status start(iteration *it, td_error *error) {
    const size_t w = it->width;
    size_t size;
    if (!td_size_mul(w, it->n, &size))
        return td_fail_memory(error, "eigenvectors");
    TD_TRY(TD_ARENA_NEW(&it->arena, size, &it->rows, "eigenvectors", error));
    TD_TRY(TD_ARENA_NEW(&it->arena, size, &it->images, "eigenvectors", error));
    TD_TRY(TD_ARENA_NEW(&it->arena, size, &it->spare, "eigenvectors", error));
    TD_TRY(TD_ARENA_NEW(&it->arena, w * w, &it->within, "eigenvectors", error));
    TD_TRY(TD_ARENA_NEW(&it->arena, w * w, &it->turn, "eigenvectors", error));
    TD_TRY(TD_ARENA_NEW(&it->arena, w, &it->values, "eigenvectors", error));
    for (size_t i = 0; i < w; i++) {
        td_random random = td_random_for(0, TD_FOR_FILTER, START, (uint32_t)i);
        for (size_t k = 0; k < it->n; k++)
            it->rows[i * it->n + k] = (double)td_random_normal(&random);
    }
    return TD_OK;
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Takes from a row what lies within the rows before it, twice, since once is not exact enough, and
 * makes its length 1. False if hardly anything is left. */
static bool make_unit(double *rows, size_t number, size_t n) {
    double *row = rows + number * n;
    const double before = sqrt(dot(row, row, n));
    for (int time = 0; time < 2; time++)
        for (size_t k = 0; k < number; k++) {
            const double *other = rows + k * n, part = dot(row, other, n);
            for (size_t i = 0; i < n; i++)
                row[i] -= part * other[i];
        }
    const double after = sqrt(dot(row, row, n));
    if (after <= 1e-12 * before)
        return false;
    for (size_t i = 0; i < n; i++)
        row[i] /= after;
    return true;
}

/* Makes the rows orthonormal (Gram and Schmidt). A row that lies within those before it, as images
 * under a matrix of low rank do, is replaced by the first axis that does not. */
static void orthonormalise(double *rows, size_t count, size_t n) {
    for (size_t i = 0; i < count; i++)
        for (size_t axis = 0; !make_unit(rows, i, n); axis++) {
            memset(rows + i * n, 0, n * sizeof *rows);
            rows[i * n + axis] = 1;
        }
}

/* Columns [begin, end) of the images: rows · matrix, which is symmetric. */
static void multiply_strip(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const iteration *it = context;
    const int n = (int)it->n;
    (void)chunk, (void)thread;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)it->width, (int)(end - begin), n, 1,
                it->rows, n, it->matrix + begin, n, 0, it->images + begin, n);
}

/* rows = turn · rows. */
static void turn_rows(iteration *it, double *rows) {
    const size_t n = it->n, w = it->width;
    memset(it->spare, 0, w * n * sizeof *it->spare);
    for (size_t i = 0; i < w; i++)
        for (size_t k = 0; k < w; k++)
            for (size_t j = 0; j < n; j++)
                it->spare[i * n + j] += it->turn[i * w + k] * rows[k * n + j];
    memcpy(rows, it->spare, w * n * sizeof *rows);
}

/* How far the images are from the values times the rows, at most, over the first `top`. */
static double residual(const iteration *it, size_t top) {
    double most = 0;
    for (size_t i = 0; i < top; i++) {
        double sum = 0;
        for (size_t k = 0; k < it->n; k++) {
            const double off = it->images[i * it->n + k] - it->values[i] * it->rows[i * it->n + k];
            sum += off * off;
        }
        most = fmax(most, sqrt(sum));
    }
    return most;
}

static void iterate(iteration *it, size_t top) {
    const size_t n = it->n, w = it->width;
    orthonormalise(it->rows, w, n);
    for (size_t step = 0; step < STEPS; step++) {
        td_parallel_for(n, STRIP, multiply_strip, it);
        for (size_t i = 0; i < w; i++)
            for (size_t k = 0; k <= i; k++)
                it->within[i * w + k] = it->within[k * w + i] =
                    dot(it->rows + i * n, it->images + k * n, n);
        eigen_all(it->within, w, it->values, it->turn);
        turn_rows(it, it->rows);
        turn_rows(it, it->images);
        if (residual(it, top) <= tolerance * fabs(it->values[0]))
            return;
        if (step + 1 < STEPS) {
            memcpy(it->rows, it->images, w * n * sizeof *it->rows);
            orthonormalise(it->rows, w, n);
        }
    }
}

td_status eigen_top(const double *matrix, size_t n, size_t top, double *values, double *vectors,
                    td_error *error) {
    iteration it = {.matrix = matrix, .n = n, .width = td_size_min(n, top + SPARE)};
    td_status status = start(&it, error);
    if (status == TD_OK) {
        iterate(&it, top);
        memcpy(values, it.values, top * sizeof *values);
        memcpy(vectors, it.rows, top * n * sizeof *vectors);
    }
    td_arena_free(&it.arena);
    return status;
}
