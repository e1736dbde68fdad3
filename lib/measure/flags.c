/* SPDX-License-Identifier: MIT */
#include "measure/flags.h"

#include <math.h>

td_flags td_flags_of(size_t hits, size_t flagged, size_t poisoned, size_t all) {
    return (td_flags){.true_positives = hits,
                      .false_negatives = poisoned - hits,
                      .false_positives = flagged - hits,
                      .true_negatives = all - poisoned - (flagged - hits)};
}

static double score(td_flags f, double miss_weight) {
    const double hits = 2 * (double)f.true_positives;
    const double all = hits + (double)f.false_positives + miss_weight * (double)f.false_negatives;
    return all > 0 ? hits / all : (double)NAN;
}

td_f1 td_f1_of(td_flags f) {
    const size_t poisoned = f.true_positives + f.false_negatives;
    const size_t all = poisoned + f.false_positives + f.true_negatives;
    return (td_f1){.prior = all > 0 ? (double)poisoned / (double)all : (double)NAN,
                   .f1 = score(f, 1),
                   .weighted = score(f, TD_F1_MISS_WEIGHT)};
}
