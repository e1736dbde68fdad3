/* How Neural Cleanse weighs the size of the mask against the attack: the cost of a pixel, which
 * follows the success of the steps. It is 0 until `patience` steps in a row have succeeded, then
 * 1e-3; from then on it doubles with each `patience` successes in a row, and is divided by 2^1.5
 * with each `patience` failures in a row. The search is over when the cost has gone both ways and
 * 5·patience successes have passed since the mask that is kept became 1 % smaller.
 *
 * The authors' program counts failures there as well. Its steps are 31 batches each; with one batch
 * a step that would end the search where a cost too high has made the mask vanish. */
#ifndef TOOLS_DEFEND_INSPECT_CLEANSE_SCHEDULE_H
#define TOOLS_DEFEND_INSPECT_CLEANSE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cleanse_schedule {
    size_t patience;
    double cost;          /* of a pixel of the mask, for the next step */
    size_t up, down;      /* successes, failures in a row */
    bool raised, lowered; /* whether the cost has, since it is not 0 */
    double smallest;      /* of the sizes told so far */
    size_t stale;         /* successes since then */
} cleanse_schedule;

cleanse_schedule cleanse_schedule_start(size_t patience);

/* After a step: whether it met the attack rate, and the size of the smallest mask kept so far
 * (INFINITY for none). Returns whether the search is over. */
bool cleanse_schedule_step(cleanse_schedule *schedule, bool success, double smallest);

#endif
