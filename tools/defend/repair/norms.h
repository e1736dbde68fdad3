/* SPDX-License-Identifier: MIT */
/* The batch norms of a net. Repairs that score, prune or mask channels work on them: a channel is
 * pruned by a weight of 0 in its norm, so the net's structure stays. */
#ifndef TOOLS_DEFEND_REPAIR_NORMS_H
#define TOOLS_DEFEND_REPAIR_NORMS_H

#include "base/arena.h"
#include "nn/net.h"

typedef struct repair_norm {
    size_t node;
    size_t channels, first; /* its channels are [first, first + channels) in the list of all */
    size_t weight, bias, mean,
        variance; /* indices of parameters; the last two are running statistics */
    double epsilon;
} repair_norm;

/* In net order. */
typedef struct repair_norms {
    repair_norm *list;
    size_t count, channels; /* channels: the total */
} repair_norms;

/* TD_ERR_USAGE for a net without a batch norm. *out is in `arena`. */
td_status norms_find(const td_net *net, td_arena *arena, repair_norms *out,
                     td_error *error) TD_MUST_USE;

/* Replaces values [norms->channels] by their distance from the mean of their norm, in unbiased
 * standard deviations of the norm's values. NaN stays and is ignored; if all others of a norm are
 * equal, each becomes 0. */
void norms_standardise(const repair_norms *norms, double *values);

/* TD_ERR_USAGE unless a value of a norm can exceed the mean by more than `deviations`: of n values
 * none is farther than (n − 1)/√n. `values` as above: NaN is ignored. */
td_status norms_check_deviations(const repair_norms *norms, const double *values, double deviations,
                                 td_error *error) TD_MUST_USE;

#endif
