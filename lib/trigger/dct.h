/* SPDX-License-Identifier: MIT */
/* The orthonormal DCT-II of square blocks, in doubles. */
#ifndef TD_TRIGGER_DCT_H
#define TD_TRIGGER_DCT_H

#include <stddef.h>

/* `matrix` [n, n]: row k is the k-th cosine. */
void td_dct_matrix(size_t n, double *matrix);

/* Transforms `block` [n, n] in place, and back. `spare` [n, n] is scratch. */
void td_dct_forward(const double *matrix, size_t n, double *block, double *spare);
void td_dct_inverse(const double *matrix, size_t n, double *block, double *spare);

#endif
