/* SPDX-License-Identifier: MIT */
/* Summary statistics of a distribution of values. */
#ifndef TOOLS_DEFEND_AUDIT_DISTRIBUTION_H
#define TOOLS_DEFEND_AUDIT_DISTRIBUTION_H

#include <stddef.h>

typedef struct distribution {
    double least, lower, median, upper, most; /* `lower` and `upper` are the quartiles */
} distribution;

/* Sorts the values, none of which is NaN, and summarises them. A quartile between two values is
 * interpolated (the usual 1 + (n − 1)·p); values may be infinite. All NaN for no values. */
distribution distribution_of(double *values, size_t count);

#endif
