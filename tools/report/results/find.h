/* SPDX-License-Identifier: MIT */
/* Values in a record, by a path such as models[file~enemy].triggers[0].asr. */
#ifndef TOOLS_REPORT_RESULTS_FIND_H
#define TOOLS_REPORT_RESULTS_FIND_H

#include "base/error.h"
#include <jansson.h>

/* A path is names separated by dots. A name may be followed by selections from an array: [N] the
 * N-th element from 0, [*] all, [KEY=TEXT] those whose KEY is this text, number, true or false, and
 * [KEY~TEXT] those whose KEY is a text that contains TEXT. */

/* TD_ERR_FORMAT if `path` is not a valid path. */
td_status find_check(const char *path, td_error *error) TD_MUST_USE;

/* All values at the path, in the record's order, as an array that the caller owns. It is empty only
 * if an array of the record is. TD_ERR_FORMAT if the path does not exist, naming the missing part.
 */
td_status find_values(const json_t *root, const char *path, json_t **values,
                      td_error *error) TD_MUST_USE;

/* How to reduce the values at a path to one number. */
typedef enum take_kind {
    TAKE_ONLY,    /* the only one, a number */
    TAKE_MEAN,    /* of all numbers; ignores null, which means "no such rate" */
    TAKE_MIN,     /* as TAKE_MEAN */
    TAKE_MAX,     /* as TAKE_MEAN */
    TAKE_SUM,     /* as TAKE_MEAN; 0 for none */
    TAKE_COUNT,   /* number of values, including null */
    TAKE_LAST,    /* the last of the values, a number */
    TAKE_HIGHEST, /* 1 if the K-th of all numbers, from 0, is above all others, else 0 */
    TAKE_HAS,     /* 1 if one of the numbers is K, else 0 */
} take_kind;

typedef struct take {
    take_kind kind;
    size_t k;
} take;

/* "only", "mean", "min", "max", "sum", "count", "last", "highest=K", "has=K". */
td_status take_parse(take *how, const char *text, td_error *error) TD_MUST_USE;

/* TD_ERR_FORMAT with the reason: no value, two values where one is expected, a value that is not a
 * number. TD_ERR_NUMERIC if all values are null, which a record has for a number that does not
 * exist, such as the size of a trigger that was not found. */
td_status take_number(const take *how, const json_t *values, double *number,
                      td_error *error) TD_MUST_USE;

#endif
