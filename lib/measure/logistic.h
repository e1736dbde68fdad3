/* SPDX-License-Identifier: MIT */
/* Logistic calibration: the probability of the positive class as a function of a score. */
#ifndef TD_MEASURE_LOGISTIC_H
#define TD_MEASURE_LOGISTIC_H

#include <stdbool.h>
#include <stddef.h>

typedef struct td_logistic {
    double offset, slope;
} td_logistic;

/* 1 / (1 + exp(-(offset + slope·score))), in [0, 1]. */
double td_logistic_at(td_logistic of, double score);

/* Fits it by maximum likelihood to finite scores with known labels, with targets
 * (n+ + 1) / (n+ + 2) and 1 / (n- + 2) in place of 1 and 0, so that perfectly separated scores do
 * not give certainty (Platt, "Probabilistic outputs for support vector machines", 1999; Newton's
 * method with backtracking as in Lin, Lin and Weng, "A note on Platt's probabilistic outputs for
 * support vector machines", 2007). `leave` is the index of a score to leave out (count: none). */
td_logistic td_logistic_fit(const double *scores, const bool *truth, size_t count, size_t leave);

#endif
