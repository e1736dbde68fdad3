/* The chart of a table of results, such as rates over the share of backdoor samples. */
#ifndef TOOLS_REPORT_RESULTS_PLOT_ROWS_H
#define TOOLS_REPORT_RESULTS_PLOT_ROWS_H

#include "report/report.h"

/* The rows that have `series` and `x`, with the standard deviation; the paper's figures beside
 * them, where there is room for both. Nothing without `plot`, or where ours are points that
 * no line joins. */
void results_plot(report *r, const json_t *table);

#endif
