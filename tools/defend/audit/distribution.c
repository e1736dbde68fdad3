/* SPDX-License-Identifier: MIT */
#include "defend/audit/distribution.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Infinite values are not interpolated. */
static double at(const double *values, size_t count, double share) {
    const double place = share * (double)(count - 1);
    const size_t below = (size_t)place;
    const double rest = place - (double)below;
    return rest == 0 || isinf(values[below])
               ? values[below]
               : values[below] + rest * (values[below + 1] - values[below]);
}

distribution distribution_of(double *values, size_t count) {
    if (count == 0)
        return (distribution){NAN, NAN, NAN, NAN, NAN};
    qsort(values, count, sizeof *values, compare);
    return (distribution){values[0], at(values, count, 0.25), at(values, count, 0.5),
                          at(values, count, 0.75), values[count - 1]};
}
