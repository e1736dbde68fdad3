/* SPDX-License-Identifier: MIT */
/* Partial repairs: a repair that trains the weights may cost a clean model too much accuracy. Then
 * only a share of its change is applied, interpolating between the weights before and after, as
 * much as held-out clean images allow. */
#ifndef TOOLS_DEFEND_REPAIR_SHARES_H
#define TOOLS_DEFEND_REPAIR_SHARES_H

#include "defend/repair/repair.h"

/* The settings of a repair that applies a share begin with these; it must select (repair.h). */
typedef struct shares_settings {
    repair_selection selection;
    double tolerance; /* of the accuracy, in [0, 1] */
} shares_settings;

/* A sentence to append to the help. */
#define SHARES_HELP " The record has a table of the shares of the change that were tried.\n"

/* The rows --hold-out and --tolerance. */
extern const td_key shares_keys[];

/* job->weights are the repair of `before`[net->weight_count]. Sets them to the largest of the
 * shares 1, 3/4, 1/2, 1/4 and 0 of that change that costs no more than the tolerance of the
 * accuracy on the held-out images, and adds a table of all. TD_ERR_INTERRUPTED. */
td_status shares_take(repair_job *job, const float *before, double tolerance,
                      td_error *error) TD_MUST_USE;

/* A copy of the job's weights, for shares_take, in the run's arena. */
td_status shares_before(repair_job *job, float **out, td_error *error) TD_MUST_USE;

#endif
