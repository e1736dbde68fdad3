/* SPDX-License-Identifier: MIT */
/* The normal distribution. */
#ifndef TD_MEASURE_NORMAL_H
#define TD_MEASURE_NORMAL_H

#include <stddef.h>

typedef struct td_normal {
    double mean, sigma;
} td_normal;

/* Maximum likelihood fit: the mean, and the square root of the mean squared distance from it. count
 * > 0. */
td_normal td_normal_fit(const double *values, size_t count);

/* Φ⁻¹(p), the p quantile of the standard normal distribution, p in (0, 1). */
double td_normal_quantile(double p);

#endif
