/* SPDX-License-Identifier: MIT */
/* The mean and covariance of points that arrive block by block, so that only one block at a time is
 * in memory. */
#ifndef TOOLS_DEFEND_FILTER_MOMENTS_H
#define TOOLS_DEFEND_FILTER_MOMENTS_H

#include "base/arena.h"
#include "base/error.h"
#include <stddef.h>

enum { MOMENTS_ROWS = 512 /* most points in a block */ };

typedef struct moments {
    size_t dimension, count;
    double *shift;    /* [dimension]: the mean of the first block, subtracted before summing */
    double *sum;      /* [dimension]: Σ (x − shift) */
    double *products; /* [dimension, dimension]: Σ (x − shift)(x − shift)ᵀ */
    double *rows;     /* [MOMENTS_ROWS, dimension] */
} moments;

/* For points of `dimension` numbers, in `arena`. */
td_status moments_new(moments *m, size_t dimension, td_arena *arena, td_error *error) TD_MUST_USE;

/* Forgets all points. */
void moments_clear(moments *m);

/* Adds the points rows[count, dimension], at most MOMENTS_ROWS. The same blocks in the same order
 * give the same bits at any number of threads. */
void moments_add(moments *m, const float *rows, size_t count);

/* mean[dimension] and covariance[dimension, dimension], the mean of (x − mean)(x − mean)ᵀ, of the
 * points so far; count > 0. */
void moments_get(const moments *m, double *mean, double *covariance);

/* For a few points rows[count, dimension] at once: mean[dimension]; centred[count, dimension], the
 * points minus the mean; and products[count, count], their inner products divided by `count`. The
 * same bits at any number of threads. */
void moments_inner(const float *rows, size_t count, size_t dimension, double *mean, double *centred,
                   double *products);

#endif
