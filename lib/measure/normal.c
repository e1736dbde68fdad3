/* SPDX-License-Identifier: MIT */
#include "measure/normal.h"

#include <math.h>

td_normal td_normal_fit(const double *values, size_t count) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return (td_normal){mean, sqrt(squares / (double)count)};
}

/* Bisection of Φ(x) = erfc(−x/√2)/2, on the lower half, where erfc loses no digits. */
double td_normal_quantile(double p) {
    enum { HALVINGS = 80 };
    if (p > 0.5)
        return -td_normal_quantile(1 - p);
    double low = -40, high = 0; /* Φ(−40) underflows to 0 */
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (erfc(-middle / sqrt(2.0)) / 2 < p)
            low = middle;
        else
            high = middle;
    }
    return p == 0.5 ? 0 : (low + high) / 2;
}
