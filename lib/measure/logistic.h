/* SPDX-License-Identifier: MIT */
/* The probability that a score tells: the logistic function of it. */
#ifndef TD_MEASURE_LOGISTIC_H
#define TD_MEASURE_LOGISTIC_H

#include <stdbool.h>
#include <stddef.h>

typedef struct td_logistic {
    double offset, slope;
} td_logistic;

/* 1 / (1 + exp(-(offset + slope·score))), in [0, 1]. */
double td_logistic_at(td_logistic of, double score);

/* Fits it to finite scores whose truth is known, by the greatest likelihood, with targets
 * (n+ + 1) / (n+ + 2) and 1 / (n- + 2) in place of 1 and 0: so that scores that tell the two apart
 * without an error still leave a doubt (Platt, "Probabilistic outputs for support vector machines",
 * 1999; Newton's method with backtracking as in Lin, Lin and Weng, "A note on Platt's probabilistic
 * outputs for support vector machines", 2007). `leave` (count: none) is the place of one that is
 * left out. */
td_logistic td_logistic_fit(const double *scores, const bool *truth, size_t count, size_t leave);

#endif
