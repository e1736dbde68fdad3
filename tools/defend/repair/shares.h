/* SPDX-License-Identifier: MIT */
/* Shares of the way: a repair that changes weights smoothly, by training, may take more accuracy
 * than a clean model should lose. Then less of its change is made: a share of the way from the
 * weights before it to those after, as much as held-out clean images allow. A few hundred of them
 * know a loss to a point or so, and the largest of several shares that seem to pass is the luckiest
 * one; so a share passes by its loss and one standard error of that. */
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

/* The accuracy that is lost between two models, of the same `count` images, > 0, each of which a
 * model is right about or not; *deviation: its standard error, to which only the images count that
 * one of them alone is right about. */
double shares_lost(const bool *before, const bool *after, size_t count, double *deviation);

/* Whether a loss of accuracy is no more than the tolerance, one standard error included. */
bool shares_allowed(double lost, double deviation, double tolerance);

/* Which of the held-out images weights of the job's net are right about. TD_ERR_INTERRUPTED. */
td_status shares_right(const repair_job *job, const float *weights, bool *right, td_rate *accuracy,
                       td_error *error) TD_MUST_USE;

/* job->weights are what the repair made of `before`[net->weight_count]. Sets them to the largest of
 * the shares 1, 7/8, ..., 1/8 and 0 of that change whose loss of accuracy on the images that are
 * held out, with one standard error, is no more than the tolerance, and adds a table of all.
 * TD_ERR_INTERRUPTED. */
td_status shares_take(repair_job *job, const float *before, double tolerance,
                      td_error *error) TD_MUST_USE;

/* A copy of the job's weights, for shares_take, in the run's arena. */
td_status shares_before(repair_job *job, float **out, td_error *error) TD_MUST_USE;

#endif
