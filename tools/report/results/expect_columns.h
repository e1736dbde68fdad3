/* A table's rows with its "columns" (expect.h), as rows of one column each. */
#ifndef TOOLS_REPORT_RESULTS_EXPECT_COLUMNS_H
#define TOOLS_REPORT_RESULTS_EXPECT_COLUMNS_H

#include "report/results/expect_fields.h"

/* Appends to `out` what stands for the row: itself if it has a column or the table none, or else a
 * copy for each column. TD_ERR_FORMAT if "paper" is a list of another length, or a plotted row gets
 * no number from its column. The row is an object. */
td_status expect_columns_spread(const expect_place *at, const json_t *table, const json_t *row,
                                json_t *out, td_error *error) TD_MUST_USE;

#endif
