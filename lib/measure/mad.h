/* SPDX-License-Identifier: MIT */
/* Outliers by the median absolute deviation (MAD), as model inspectors look for them among the
 * sizes of recovered triggers: one value per class, the backdoored one far below the others (Wang
 * et al., "Neural Cleanse: identifying and mitigating backdoor attacks in neural networks", IEEE
 * S&P 2019, section IV-C). */
#ifndef TD_MEASURE_MAD_H
#define TD_MEASURE_MAD_H

#include <stdbool.h>
#include <stddef.h>

/* An index above this is an outlier: for normally distributed values with a chance of 5 %. */
#define TD_ANOMALY_CUTOFF 2.0

/* The median; for an even count the mean of the middle two. count > 0, no value is NaN. `scratch`
 * holds `count` values and may be `values` itself, which is then sorted. */
double td_median(const double *values, size_t count, double *scratch);

/* The median of |value − median|. `scratch` holds `count` values. */
double td_mad(const double *values, size_t count, double median, double *scratch);

/* The same over only the values up to `median`, of which there must be at least one: the low side
 * of the double MAD, for skewed values (Chen et al., "DeepInspect", IJCAI 2019). */
double td_mad_below(const double *values, size_t count, double median, double *scratch);

/* The distance from the median, |value − median| / (1.4826·MAD), which for normally distributed
 * values counts standard deviations. If the MAD is 0 (at least half of the values are equal), it is
 * 0 for the median itself and INFINITY for any other value. */
double td_anomaly_index(double value, double median, double mad);

/* Whether the value is a small outlier: below the median, with an index above TD_ANOMALY_CUTOFF. */
bool td_is_small_outlier(double value, double median, double mad);

#endif
