/* SPDX-License-Identifier: MIT */
/* Outliers by the median absolute deviation (MAD), as inspectors of models look for them among the
 * sizes of recovered triggers: one value for each class, the backdoored one far below the others
 * (Wang et al., "Neural Cleanse: identifying and mitigating backdoor attacks in neural networks",
 * IEEE S&P 2019, section IV-C). */
#ifndef TD_MEASURE_MAD_H
#define TD_MEASURE_MAD_H

#include <stdbool.h>
#include <stddef.h>

/* An index above this is an outlier: for normally distributed values with a chance of 5 %. */
#define TD_ANOMALY_CUTOFF 2.0

/* The middle value; of an even number of values the mean of the two in the middle. count > 0, no
 * value is NaN. `scratch` holds `count` values and may be `values` itself, which is then sorted. */
double td_median(const double *values, size_t count, double *scratch);

/* The median of |value − median|. `scratch` holds `count` values. */
double td_mad(const double *values, size_t count, double median, double *scratch);

/* The same over the values up to the median alone, of which there must be one: the low side of the
 * double MAD, for values that are spread unevenly (Chen et al., "DeepInspect", IJCAI 2019). */
double td_mad_below(const double *values, size_t count, double median, double *scratch);

/* How far a value lies from the median, |value − median| / (1.4826·MAD), which for normally
 * distributed values counts standard deviations. With a MAD of 0, where at least half of the values
 * are equal, it is 0 for the median itself and INFINITY for any other value. */
double td_anomaly_index(double value, double median, double mad);

/* Whether the value is an outlier on the small side: below the median, with an index above
 * TD_ANOMALY_CUTOFF. */
bool td_is_small_outlier(double value, double median, double mad);

#endif
