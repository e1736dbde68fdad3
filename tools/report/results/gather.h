/* The records that results are read from, and what they tell of where they were made. */
#ifndef TOOLS_REPORT_RESULTS_GATHER_H
#define TOOLS_REPORT_RESULTS_GATHER_H

#include "report/report.h"

/* A file that a pattern matches. */
typedef struct gathered {
    const report_file *file;
    const char *seed; /* what stands for the pattern's star */
} gathered;

typedef struct gatherer {
    report *r;
    json_t *settings;  /* lists of what the records say, each thing once */
    gathered *matches; /* of the last pattern, by seed */
    size_t match_count;
    td_arena arena; /* matches and values of one row */
} gatherer;

/* Fills `matches` with the files below the folder that match the pattern (expect.h). */
td_status gather_matches(gatherer *g, const char *pattern, td_error *error) TD_MUST_USE;

/* Reads a record and notes its settings. TD_ERR_FORMAT if it is none. The caller owns *root. */
td_status gather_open(gatherer *g, const gathered *match, json_t **root,
                      td_error *error) TD_MUST_USE;

/* Adds a value, which is stolen, to a list of settings, once. */
td_status gather_setting(gatherer *g, const char *list, json_t *value, td_error *error) TD_MUST_USE;

/* Adds how many records the folder has and the seconds that they took. */
td_status gather_finish(gatherer *g, td_error *error) TD_MUST_USE;

#endif
