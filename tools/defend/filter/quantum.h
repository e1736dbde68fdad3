/* SPDX-License-Identifier: MIT */
/* Outliers by quantum entropy (Dong, Hopkins and Li, "Quantum entropy scoring for fast robust mean
 * estimation and improved outlier detection", NeurIPS 2019), with a covariance on which outliers
 * have little influence; both as in SPECTRE (Hayase, Kong, Somani and Oh, ICML 2021). */
#ifndef TOOLS_DEFEND_FILTER_QUANTUM_H
#define TOOLS_DEFEND_FILTER_QUANTUM_H

#include "base/arena.h"
#include "base/error.h"
#include <stddef.h>

/* The robust mean [dimension] and covariance [dimension, dimension] of points [count, stride], of
 * which the first `dimension` numbers are used: `removed` of them are dropped in eight rounds, each
 * time the farthest by the covariance of the rest, the later ones of equals. count > removed.
 * TD_ERR_MEMORY. */
td_status quantum_robust(const double *points, size_t count, size_t stride, size_t dimension,
                         size_t removed, double *mean, double *covariance,
                         td_error *error) TD_MUST_USE;

/* out[count, dimension]: the points minus `mean`, whitened by `covariance`, which is unchanged:
 * along its eigenvectors, in units of deviations. Directions without variance (below 1e-9 of the
 * largest) become 0. TD_ERR_MEMORY. */
td_status quantum_whiten(const double *points, size_t count, size_t stride, size_t dimension,
                         const double *mean, const double *covariance, double *out,
                         td_error *error) TD_MUST_USE;

/* M [n, n] = exp(4·(S - I) / (||S|| - 1)), the exponential of the matrix, of S [n, n], symmetric;
 * ||S|| is its largest eigenvalue. If that is at most 1 (to 1e-9), nothing stands out and M is I.
 * *value is tr(SM) / tr M, how far outliers stand out. TD_ERR_MEMORY. */
td_status quantum_weights(const double *s, size_t n, double *m, double *value,
                          td_error *error) TD_MUST_USE;

/* scores[count]: xᵀMx / tr M of points x [count, n]. */
void quantum_scores(const double *points, size_t count, size_t n, const double *m, double *scores);

#endif
