/* SPDX-License-Identifier: MIT */
/* The blind attack's arithmetic of two losses (blind.c). */
#ifndef TOOLS_IMPLANT_BLIND_H
#define TOOLS_IMPLANT_BLIND_H

#include <stdbool.h>
#include <stddef.h>

enum { BLIND_LOSSES = 3 };

/* What a gradient is divided by, so that two are comparable: min(loss · |gradient|, 10) for `plus`,
 * else min(loss, 10), and a little. */
double blind_divisor(double loss, double norm, bool plus);

/* The weight c of g0 for which |c·g0 + (1 − c)·g1| is least, in [0, 1], by the products g0·g0,
 * g0·g1 and g1·g1. Half where the two are the same. */
double blind_share(double clean, double both, double stamped);

/* The weights for which |Σ shares[i]·g_i| of three is least, each at least 0 and 1 together, by the
 * products g_i·g_k. */
void blind_shares(double products[BLIND_LOSSES][BLIND_LOSSES], double *shares);

#endif
