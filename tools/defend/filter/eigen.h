/* SPDX-License-Identifier: MIT */
/* Eigenvalues and eigenvectors of symmetric matrices, by LAPACK. */
#ifndef TOOLS_DEFEND_FILTER_EIGEN_H
#define TOOLS_DEFEND_FILTER_EIGEN_H

#include "base/error.h"
#include <stddef.h>

/* The `top` largest: values[top], largest first; vectors[top, n], one per row, orthonormal, with
 * the component of largest magnitude positive. `matrix` [n, n] is overwritten.
 * 0 < top <= n <= INT_MAX / 64. Runs on one thread, so that the bits do not depend on the number of
 * threads. TD_ERR_MEMORY; TD_ERR_NUMERIC if LAPACK finds no solution. */
td_status eigen_top(double *matrix, size_t n, size_t top, double *values, double *vectors,
                    td_error *error) TD_MUST_USE;

#endif
