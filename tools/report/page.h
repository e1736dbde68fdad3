/* The whole page. */
#ifndef TOOLS_REPORT_PAGE_H
#define TOOLS_REPORT_PAGE_H

#include "report/report.h"

/* Writes the page to r->out, with gaps for its charts, and draws them. `results` (may be NULL) are
 * papers' figures beside ours (results/results.h). TD_ERR_INTERRUPTED. */
td_status page_write(report *r, const json_t *results, td_error *error) TD_MUST_USE;

#endif
