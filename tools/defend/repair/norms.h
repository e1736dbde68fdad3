/* SPDX-License-Identifier: MIT */
/* The batch norms of a net, whose channels the pruning-like repairs judge, prune or mask: a channel
 * is pruned by a weight of 0 in its norm, so that the net stays what it is. */
#ifndef TOOLS_DEFEND_REPAIR_NORMS_H
#define TOOLS_DEFEND_REPAIR_NORMS_H

#include "base/arena.h"
#include "nn/net.h"

typedef struct repair_norm {
    size_t node;
    size_t channels, first; /* its channels are [first, first + channels) among those of all */
    size_t weight, bias, mean, variance; /* their places in the weights; the last two running */
    double epsilon;
} repair_norm;

/* In the order of the net. */
typedef struct repair_norms {
    repair_norm *list;
    size_t count, channels; /* channels: of all together */
} repair_norms;

/* TD_ERR_USAGE for a net without a batch norm. *out is in `arena`. */
td_status norms_find(const td_net *net, td_arena *arena, repair_norms *out,
                     td_error *error) TD_MUST_USE;

/* Replaces values [norms->channels] by their distance from the mean of their norm's, in unbiased
 * standard deviations of these. NaN stays, and counts in neither; where all others of a norm are
 * equal, each is 0. */
void norms_standardise(const repair_norms *norms, double *values);

/* TD_ERR_USAGE unless a value of a norm can lie more than `deviations` above the mean: of n values
 * none lies further than (n − 1)/√n. `values` as above: NaN does not count. */
td_status norms_check_deviations(const repair_norms *norms, const double *values, double deviations,
                                 td_error *error) TD_MUST_USE;

#endif
