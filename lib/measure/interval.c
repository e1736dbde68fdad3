/* SPDX-License-Identifier: MIT */
#include "measure/rates.h"

#include <math.h>

td_interval td_wilson(double p, size_t n) {
    if (n == 0)
        return (td_interval){0, 1};
    const double z = 1.959963984540054; /* the normal distribution's 97.5 % point */
    double trials = (double)n, z2 = z * z;
    double scale = 1 + z2 / trials;
    double center = (p + z2 / (2 * trials)) / scale;
    double half = z * sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials)) / scale;
    return (td_interval){fmax(0, center - half), fmin(1, center + half)};
}
