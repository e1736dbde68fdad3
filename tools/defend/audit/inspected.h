/* What an inspector's record says of a model's classes. */
#ifndef TOOLS_DEFEND_AUDIT_INSPECTED_H
#define TOOLS_DEFEND_AUDIT_INSPECTED_H

#include "base/arena.h"
#include "measure/rates.h"
#include <jansson.h>
#include <stdbool.h>

typedef struct inspected_class {
    size_t number;
    bool found, flagged; /* whether a trigger was found */
    double size;         /* of the trigger; 0 without */
    double index;        /* above 0 for a trigger smaller than the median, below for a larger one;
                            infinite where the MAD is 0; NAN without a trigger or a verdict */
    td_rate asr;
} inspected_class;

typedef struct inspected {
    inspected_class *classes; /* in the arena */
    size_t count;             /* of them: those that were searched */
    size_t unsearched;        /* left out, since the time was up */
    size_t flagged;
    bool judged; /* whether there were triggers enough for a verdict */
} inspected;

/* TD_ERR_FORMAT for a record that is not an inspector's. */
td_status inspected_read(const json_t *record, td_arena *arena, inspected *out,
                         td_error *error) TD_MUST_USE;

/* The class of the smallest trigger, or of the largest index, the first of equal ones; NULL if
 * there is none. */
const inspected_class *inspected_smallest(const inspected *of);
const inspected_class *inspected_largest_index(const inspected *of);

/* The class of this number, or NULL. */
const inspected_class *inspected_find(const inspected *of, size_t number);

#endif
