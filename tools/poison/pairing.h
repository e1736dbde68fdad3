/* SPDX-License-Identifier: MIT */
/* Greedy pairing of n images with n others. */
#ifndef TOOLS_POISON_PAIRING_H
#define TOOLS_POISON_PAIRING_H

#include <stddef.h>

/* Pairs the two nearest, then the nearest of the rest, and so on; the first of equals, by row and
 * column. Overwrites distances [n, n]. pairs[i]: the column of row i. Returns the sum of the pairs'
 * distances. */
double poison_pair(double *distances, size_t n, size_t *pairs);

#endif
