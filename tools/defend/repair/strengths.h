/* SPDX-License-Identifier: MIT */
/* Strengths: a repair that replaces what a model has learnt has no share of its way that is a
 * repair (shares.h). Where it takes more accuracy than a clean model should lose, it is done anew
 * and weaker, until held-out clean images allow it. */
#ifndef TOOLS_DEFEND_REPAIR_STRENGTHS_H
#define TOOLS_DEFEND_REPAIR_STRENGTHS_H

#include "defend/repair/shares.h"

enum { MOST_STRENGTHS = 8 };

typedef struct strengths {
    const double *values; /* from the strongest, 1 */
    size_t count;         /* 1 to MOST_STRENGTHS */
    double tolerance;     /* of the accuracy, in [0, 1] */
    bool or_nothing;      /* where none passes, nothing of the last one is taken */
    /* Repairs job->weights; `table`: a name for its epochs that no other strength has. */
    td_status (*repair)(void *context, repair_job *job, double strength, const char *table,
                        td_error *error);
    void *context;
} strengths;

/* The rows --hold-out and --tolerance, of a shares_settings. */
extern const td_key strengths_keys[];

/* A sentence for the help, behind others. */
#define STRENGTHS_HELP " The record has a table of the strengths tried.\n"

/* Repairs the job's weights by the first of the strengths whose loss of accuracy on the images that
 * are held out is no more than the tolerance, once more, on these images as well, which makes up
 * for the luck of the first that passes; else by what shares_take takes of the last, or not at all.
 * Adds a table of those that were tried. TD_ERR_INTERRUPTED. */
td_status strengths_take(repair_job *job, const strengths *s, td_error *error) TD_MUST_USE;

#endif
