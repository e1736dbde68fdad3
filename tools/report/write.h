/* The files that trapdoor-report writes: the page, its record, and results.json and results.md. */
#ifndef TOOLS_REPORT_WRITE_H
#define TOOLS_REPORT_WRITE_H

#include "frame/options.h"
#include "report/results/results.h"

typedef struct write_request {
    tool_common common; /* `output` is given */
    results_request results;
} write_request;

/* Makes and writes all of them, or none: refuses what stands in their places, before the work.
 * r->folder and r->title are given; the caller frees r. */
td_status write_report(const write_request *q, report *r, td_error *error) TD_MUST_USE;

#endif
