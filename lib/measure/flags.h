/* SPDX-License-Identifier: MIT */
/* How well flags separate poisoned inputs, the positive class, from clean ones. */
#ifndef TD_MEASURE_FLAGS_H
#define TD_MEASURE_FLAGS_H

#include <stddef.h>

/* The weight of a false negative in BackdoorBench's weighted F1. */
#define TD_F1_MISS_WEIGHT 9.0

typedef struct td_flags {
    size_t true_positives, false_negatives; /* poisoned: flagged, not flagged */
    size_t false_positives, true_negatives; /* clean: flagged, not flagged */
} td_flags;

/* F1 scores for one prior: the same detector scores differently on another mixture of poisoned and
 * clean. */
typedef struct td_f1 {
    double prior;    /* share of poisoned inputs; NaN if there are no inputs */
    double f1;       /* 2·TP / (2·TP + FP + FN) */
    double weighted; /* 2·TP / (2·TP + FP + 9·FN): the harmonic mean of the precision and of
                        TP / (TP + 9·FN), as BackdoorBench's detectors compute it */
} td_f1;

/* Counts for `flagged` images, `hits` of them poisoned, out of `all` with `poisoned`. */
td_flags td_flags_of(size_t hits, size_t flagged, size_t poisoned, size_t all);

/* 0 if there are poisoned or flagged inputs but no hit; NaN if nothing is poisoned and nothing is
 * flagged. */
td_f1 td_f1_of(td_flags flags);

#endif
