/* Eigenvalues and eigenvectors of symmetric matrices that are positive semidefinite, as a
 * covariance is. */
#ifndef TOOLS_DEFEND_FILTER_EIGEN_H
#define TOOLS_DEFEND_FILTER_EIGEN_H

#include "base/error.h"
#include <stddef.h>

/* All of them by cyclic Jacobi rotations (Golub and Van Loan, "Matrix computations", 8.5): for
 * small matrices. values[n], the largest first; vectors[n, n], a row each, orthonormal. `matrix`
 * [n, n] is overwritten. */
void eigen_all(double *matrix, size_t n, double *values, double *vectors);

/* The `top` largest, by orthogonal iteration: a few more directions than asked for are multiplied
 * by the matrix and made orthonormal again, and by eigen_all on what the matrix is within them
 * (Rayleigh and Ritz) turned to the eigenvectors, until none of the top ones is off by more than
 * 1e-10 of the largest eigenvalue; where eigenvalues are so alike that this takes too long, what
 * there is after 500 steps. It starts from directions that are drawn, always the same ones.
 * values[top], vectors[top, n]; 0 < top <= n. The same bits at any number of threads.
 * TD_ERR_MEMORY. */
td_status eigen_top(const double *matrix, size_t n, size_t top, double *values, double *vectors,
                    td_error *error) TD_MUST_USE;

#endif
