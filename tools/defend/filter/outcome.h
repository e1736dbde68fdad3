/* What a filter found, as its record says. */
#ifndef TOOLS_DEFEND_FILTER_OUTCOME_H
#define TOOLS_DEFEND_FILTER_OUTCOME_H

#include "base/arena.h"
#include <jansson.h>
#include <stdbool.h>

typedef struct filter_outcome_class {
    size_t number, images, suspects;
    bool flagged;
    double silhouette; /* of its division; NAN: the filter does not divide */
} filter_outcome_class;

typedef struct filter_outcome {
    bool ranks; /* it ranks the images of every class, and flags no class */
    size_t images;
    filter_outcome_class *classes;
    size_t class_count;
    size_t *suspects; /* numbers of images, ascending */
    size_t suspect_count;
} filter_outcome;

/* The families' read: *outcome is a filter_outcome. */
td_status filter_read(const json_t *record, td_arena *arena, const void **outcome,
                      td_error *error) TD_MUST_USE;

#endif
