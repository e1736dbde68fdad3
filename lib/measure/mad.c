/* SPDX-License-Identifier: MIT */
#include "measure/mad.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 1/Φ⁻¹(3/4): the standard deviation of normally distributed values in units of their MAD. */
static const double NORMAL_SCALE = 1.4826;

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_in_place(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare);
    const double upper = values[count / 2];
    return count % 2 ? upper : values[count / 2 - 1] / 2 + upper / 2;
}

double td_median(const double *values, size_t count, double *scratch) {
    if (scratch != values)
        memcpy(scratch, values, count * sizeof *values);
    return median_in_place(scratch, count);
}

double td_mad(const double *values, size_t count, double median, double *scratch) {
    for (size_t i = 0; i < count; i++)
        scratch[i] = fabs(values[i] - median);
    return median_in_place(scratch, count);
}

double td_mad_below(const double *values, size_t count, double median, double *scratch) {
    size_t below = 0;
    for (size_t i = 0; i < count; i++)
        if (values[i] <= median)
            scratch[below++] = median - values[i];
    return median_in_place(scratch, below);
}

double td_anomaly_index(double value, double median, double mad) {
    const double distance = fabs(value - median);
    return distance > 0 ? distance / (NORMAL_SCALE * mad) : 0;
}

bool td_is_small_outlier(double value, double median, double mad) {
    return value < median && td_anomaly_index(value, median, mad) > TD_ANOMALY_CUTOFF;
}
