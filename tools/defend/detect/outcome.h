/* What a detector found, as its record says. */
#ifndef TOOLS_DEFEND_DETECT_OUTCOME_H
#define TOOLS_DEFEND_DETECT_OUTCOME_H

#include "base/arena.h"
#include "measure/rates.h"
#include <jansson.h>
#include <stdbool.h>

typedef struct detect_outcome_set {
    const char *data; /* as it was given */
    bool suspect;     /* else benign */
    td_rate flagged;
    bool above; /* of suspects: flagged above the expected rate, beyond chance */
} detect_outcome_set;

typedef struct detect_outcome {
    detect_outcome_set *sets; /* in the order in which they were given, benign ones first */
    size_t count;
} detect_outcome;

/* The families' read: *outcome is a detect_outcome. */
td_status detect_read(const json_t *record, td_arena *arena, const void **outcome,
                      td_error *error) TD_MUST_USE;

#endif
