/* SPDX-License-Identifier: MIT */
/* Values in a record, by a path such as models[file~enemy].triggers[0].asr. */
#ifndef TOOLS_REPORT_RESULTS_FIND_H
#define TOOLS_REPORT_RESULTS_FIND_H

#include "base/error.h"
#include <jansson.h>

/* A path is names with dots between; behind each may stand selections from an array: [N] the N-th
 * element from 0, [*] all, [KEY=TEXT] those whose KEY is this text, number, true or false, and
 * [KEY~TEXT] those whose KEY is a text that has TEXT in it. */

/* TD_ERR_FORMAT if `path` is no path. */
td_status find_check(const char *path, td_error *error) TD_MUST_USE;

/* All values that the path leads to, in the record's order, as an array that the caller owns. It is
 * empty only where an array of the record is. TD_ERR_FORMAT where the path leads nowhere: the
 * message says which part of it. */
td_status find_values(const json_t *root, const char *path, json_t **values,
                      td_error *error) TD_MUST_USE;

/* How the values that a path finds become one number. */
typedef enum take_kind {
    TAKE_ONLY,    /* there is one, a number */
    TAKE_MEAN,    /* of all numbers; null, which stands for "no such rate", is passed over */
    TAKE_MIN,     /* as TAKE_MEAN */
    TAKE_MAX,     /* as TAKE_MEAN */
    TAKE_SUM,     /* as TAKE_MEAN; 0 of none */
    TAKE_COUNT,   /* how many there are, null or not */
    TAKE_LAST,    /* of the values, a number */
    TAKE_HIGHEST, /* 1 if the K-th of all numbers, from 0, is above all others, else 0 */
    TAKE_HAS,     /* 1 if one of the numbers is K, else 0 */
} take_kind;

typedef struct take {
    take_kind kind;
    size_t k;
} take;

/* "only", "mean", "min", "max", "sum", "count", "last", "highest=K", "has=K". */
td_status take_parse(take *how, const char *text, td_error *error) TD_MUST_USE;

/* TD_ERR_FORMAT with what is wrong: no value, two where one is expected, something that is no
 * number. TD_ERR_NUMERIC where there is nothing but null, which a record has where a number does
 * not exist, such as the size of a trigger that was not found. */
td_status take_number(const take *how, const json_t *values, double *number,
                      td_error *error) TD_MUST_USE;

#endif
