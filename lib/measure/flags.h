/* SPDX-License-Identifier: MIT */
/* How well flags find what is poisoned, the positive class, among what is clean. */
#ifndef TD_MEASURE_FLAGS_H
#define TD_MEASURE_FLAGS_H

#include <stddef.h>

/* The weight of a false negative in BackdoorBench's weighted F1. */
#define TD_F1_MISS_WEIGHT 9.0

typedef struct td_flags {
    size_t true_positives, false_negatives; /* poisoned: flagged, not flagged */
    size_t false_positives, true_negatives; /* clean: flagged, not flagged */
} td_flags;

/* The scores of flags, for one prior: on another mixture of poisoned and clean the same detector
 * has other scores. */
typedef struct td_f1 {
    double prior;    /* share of what is poisoned; NaN of nothing */
    double f1;       /* 2·TP / (2·TP + FP + FN) */
    double weighted; /* 2·TP / (2·TP + FP + 9·FN): the harmonic mean of the precision and of
                        TP / (TP + 9·FN), as BackdoorBench's detectors compute it */
} td_f1;

/* Of `flagged` images, `hits` of them poisoned, out of `all` with `poisoned`. */
td_flags td_flags_of(size_t hits, size_t flagged, size_t poisoned, size_t all);

/* 0 where something is poisoned or flagged and nothing poisoned is flagged; NaN where nothing is
 * poisoned and nothing is flagged, which no score measures. */
td_f1 td_f1_of(td_flags flags);

#endif
