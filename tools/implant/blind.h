/* SPDX-License-Identifier: MIT */
/* Loss balancing of the blind attack (blind.c). */
#ifndef TOOLS_IMPLANT_BLIND_H
#define TOOLS_IMPLANT_BLIND_H

#include <stdbool.h>
#include <stddef.h>

enum { BLIND_LOSSES = 3 };

/* Normaliser of a gradient, to make two comparable: min(loss · |gradient|, 10) for `plus`, else
 * min(loss, 10), plus a small constant. */
double blind_divisor(double loss, double norm, bool plus);

/* The weight c in [0, 1] of g0 that minimises |c·g0 + (1 − c)·g1|, from the products g0·g0, g0·g1
 * and g1·g1. Half if the two are equal. */
double blind_share(double clean, double both, double stamped);

/* The weights, each at least 0 with sum 1, that minimise |Σ shares[i]·g_i| for three gradients,
 * from the products g_i·g_k. */
void blind_shares(double products[BLIND_LOSSES][BLIND_LOSSES], double *shares);

#endif
