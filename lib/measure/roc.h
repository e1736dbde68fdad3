/* SPDX-License-Identifier: MIT */
/* How well a score separates suspects, the positive class, from benign inputs. Higher scores are
 * more suspicious. */
#ifndef TD_MEASURE_ROC_H
#define TD_MEASURE_ROC_H

#include "base/error.h"
#include "measure/rates.h"

/* The area under the receiver operating characteristic: the probability that a suspect has a higher
 * score than a benign input, ties counting half (Mann and Whitney 1947). */
typedef struct td_auroc {
    double value;
    td_interval interval; /* 95 %, by td_auroc_interval */
} td_auroc;

/* Both counts are above 0, no score is NaN. TD_ERR_MEMORY. */
td_status td_auroc_of(const double *benign, size_t benign_count, const double *suspects,
                      size_t suspect_count, td_auroc *out, td_error *error) TD_MUST_USE;

/* All areas that a test at 5 % does not reject, with the variance of Hanley and McNeil 1982 at the
 * tested area (Newcombe 2006, part 2, method 5). Unlike estimate ± 1.96 standard errors, it does
 * not collapse to a point when the two are perfectly separated. */
td_interval td_auroc_interval(double area, size_t benign_count, size_t suspect_count);

/* The error rates of a detector. */
typedef struct td_detection {
    td_rate frr; /* false rejections: benign inputs that are flagged */
    td_rate far; /* false acceptances: suspects that are not */
} td_detection;

/* Of the detector that flags scores of at least `boundary`. */
td_detection td_detection_at(const double *benign, size_t benign_count, const double *suspects,
                             size_t suspect_count, double boundary);

/* How many scores are at least `boundary`. */
size_t td_count_flagged(const double *scores, size_t count, double boundary);

/* The smallest of the scores such that at most the share `rate` of them is above it; count > 0,
 * rate in [0, 1). Sorts the scores, lowest first. */
double td_threshold_above(double *scores, size_t count, double rate);

#endif
