/* SPDX-License-Identifier: MIT */
/* Compares a paper's figure with the distribution of our values. This is the only definition of the
 * rule. */
#ifndef TOOLS_REPORT_RESULTS_PLACE_H
#define TOOLS_REPORT_RESULTS_PLACE_H

#include "report/results/verdict.h"

/* The rule as text, for people. */
#define PLACE_RULE                                                                                 \
    "A paper's figure also has a place among ours: the values of all seeds and, if logged, of "    \
    "each training's last ten epochs (of its second half at most). The spread is their standard "  \
    "deviation, at least half a unit of the paper's last digit. Inside is at most two spreads "    \
    "from their mean; the rest is above or below it by so many spreads. A bound such as \"> 97\" " \
    "is inside if the mean keeps it or is at most two spreads short of it. A standard deviation "  \
    "of more than 20 points is marked \"swings\"."

enum { PLACE_EPOCHS = 10 }; /* last epochs of a training that count */

/* Our values, and their spread. */
typedef struct place_spread {
    size_t count;
    double mean, deviation; /* sample deviation; 0 for one value */
    double least, most;
} place_spread;

typedef enum place_side { PLACE_NONE, PLACE_INSIDE, PLACE_ABOVE, PLACE_BELOW } place_side;

enum { PLACE_SIDES = PLACE_BELOW + 1 };

typedef struct place_found {
    place_side side;
    double spreads; /* distance from our mean to the figure in deviations, >= 0 */
} place_found;

/* How many of the last of `epochs` epochs count. */
size_t place_epochs(size_t epochs);

/* For count > 0 values. */
place_spread place_spread_of(const double *values, size_t count);

/* PLACE_NONE for fewer than two values. */
place_found place_of(const verdict_figure *figure, const place_spread *ours);

/* Whether values in percent swing so much that a single one is meaningless. */
bool place_swings(const place_spread *ours);

/* "none", "inside", "above", "below". */
const char *place_name(place_side side);

#endif
