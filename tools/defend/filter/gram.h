/* SPDX-License-Identifier: MIT */
/* Gram matrices of feature maps, as Beatrix compares them (Ma, Wang, Sun, Zhu, Wang and Zhang, "The
 * Beatrix resurrections: robust backdoor detection via Gram matrices", NDSS 2023, section IV). */
#ifndef TOOLS_DEFEND_FILTER_GRAM_H
#define TOOLS_DEFEND_FILTER_GRAM_H

#include "base/error.h"
#include <stddef.h>

enum { GRAM_ORDERS = 8 };

/* Entries of the upper triangle, including the diagonal. */
static inline size_t gram_count(size_t channels) {
    return channels * (channels + 1) / 2;
}

/* out[gram_count(channels)], row by row: the signed p-th root, sign(g)·|g|^(1/p), of the entries of
 * F^p (F^p)ᵀ, where F [channels, positions] has each value taken to the power p, 1 to GRAM_ORDERS.
 * scratch [channels, positions + channels]. */
void gram_of(const float *map, size_t channels, size_t positions, unsigned order, double *scratch,
             double *out);

/* The range of the Gram matrices of a class's clean images: median ± 10·MAD of each entry. */
typedef struct gram_bounds {
    double *low, *high; /* [entries] */
    double floor;       /* lower bound of the denominator of deviations */
} gram_bounds;

/* The bounds from `count` values column[0], column[stride], ... , without those whose number modulo
 * `folds` is `fold` (fold >= folds: all). scratch [2, count]. */
void gram_bound(const double *column, size_t count, size_t stride, size_t fold, size_t folds,
                double *low, double *high, double *scratch);

/* How far entries are outside their bounds: Σ max(0, low - g) / max(|low|, floor) +
 * max(0, g - high) / max(|high|, floor). */
double gram_deviation(const double *entries, size_t count, const gram_bounds *bounds);

/* The difference between two sets of points: the squared maximum mean discrepancy (Gretton et al.
 * 2012, biased) of x [m, dimension] and y [n, dimension], with the sum of two Gaussian kernels
 * exp(-d²/b), b being half the mean squared distance of all pairs, and that distance. 0 if all
 * points are equal, and if m or n is 0. */
double gram_discrepancy(const float *x, size_t m, const float *y, size_t n, size_t dimension);

#endif
