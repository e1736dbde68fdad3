/* SPDX-License-Identifier: MIT */
/* Shares of the way: a repair that changes weights smoothly, by training, may take more accuracy
 * than a clean model should lose. Then less of its change is made: a share of the way from the
 * weights before it to those after, as much as held-out clean images allow. */
#ifndef TOOLS_DEFEND_REPAIR_SHARES_H
#define TOOLS_DEFEND_REPAIR_SHARES_H

#include "defend/repair/repair.h"

/* The settings of a repair that takes a share begin with these, and it selects (repair.h). */
typedef struct shares_settings {
    repair_selection selection;
    double tolerance; /* of the accuracy, in [0, 1] */
} shares_settings;

/* A sentence for the help, behind others. */
#define SHARES_HELP " The record has a table of the shares of the change that were tried.\n"

/* The rows --hold-out and --tolerance. */
extern const td_key shares_keys[];

/* job->weights are what the repair made of `before`[net->weight_count]. Sets them to the largest of
 * the shares 1, 3/4, 1/2, 1/4 and 0 of that change that takes no more than the tolerance from the
 * accuracy on the images that are held out, and adds a table of all. TD_ERR_INTERRUPTED. */
td_status shares_take(repair_job *job, const float *before, double tolerance,
                      td_error *error) TD_MUST_USE;

/* A copy of the job's weights, for shares_take, in the run's arena. */
td_status shares_before(repair_job *job, float **out, td_error *error) TD_MUST_USE;

#endif
