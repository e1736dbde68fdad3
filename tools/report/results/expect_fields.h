/* The values that fields of a file of expectations may have. */
#ifndef TOOLS_REPORT_RESULTS_EXPECT_FIELDS_H
#define TOOLS_REPORT_RESULTS_EXPECT_FIELDS_H

#include "base/error.h"
#include <jansson.h>

/* The file, and where in it: "tables[2].rows[0]". */
typedef struct expect_place {
    const char *path;
    char where[128];
} expect_place;

/* The i-th of a list of what stands at `outer`. */
expect_place expect_place_in(const expect_place *outer, const char *list, size_t i);

/* TD_ERR_FORMAT: "FILE: PLACE: expected ..." */
td_status expect_fail(const expect_place *at, td_error *error, const char *format, ...)
    TD_PRINTF(3, 4);

/* Each checks the value of a field: a text of 1 to EXPECT_TEXT bytes, a number, a pattern of
 * records or files, a path into a record, what becomes of several values, what is better, a figure
 * as it is printed or null, a tolerance, a list of numbers or null, a list of texts, "column", an
 * object of at most EXPECT_COLUMNS texts. */
td_status expect_check_text(const expect_place *at, const char *key, const json_t *value,
                            td_error *error) TD_MUST_USE;
td_status expect_check_number(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) TD_MUST_USE;
td_status expect_check_pattern(const expect_place *at, const char *key, const json_t *value,
                               td_error *error) TD_MUST_USE;
td_status expect_check_path(const expect_place *at, const char *key, const json_t *value,
                            td_error *error) TD_MUST_USE;
td_status expect_check_take(const expect_place *at, const char *key, const json_t *value,
                            td_error *error) TD_MUST_USE;
td_status expect_check_better(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) TD_MUST_USE;
td_status expect_check_figure(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) TD_MUST_USE;
td_status expect_check_within(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) TD_MUST_USE;
td_status expect_check_numbers(const expect_place *at, const char *key, const json_t *value,
                               td_error *error) TD_MUST_USE;
td_status expect_check_texts(const expect_place *at, const char *key, const json_t *value,
                             td_error *error) TD_MUST_USE;
td_status expect_check_column(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) TD_MUST_USE;
td_status expect_check_columns(const expect_place *at, const char *key, const json_t *value,
                               td_error *error) TD_MUST_USE;

#endif
