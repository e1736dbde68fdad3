/* One figure of a paper, beside what the records of all seeds say. */
#ifndef TOOLS_REPORT_RESULTS_ROW_H
#define TOOLS_REPORT_RESULTS_ROW_H

#include "report/results/gather.h"

/* Fills `row` (results.h) with what `asked`, a row of a table of expectations, asks for. */
td_status results_row(gatherer *g, const json_t *table, const json_t *asked, json_t *row,
                      td_error *error) TD_MUST_USE;

/* Copies the fields that stand as they are, `keys` up to NULL. Nonzero when out of memory. */
int results_keep(json_t *to, const json_t *from, const char *const *keys);

#endif
