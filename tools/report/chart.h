/* Charts of tables on the page: title, legend, picture, and the picture in words. */
#ifndef TOOLS_REPORT_CHART_H
#define TOOLS_REPORT_CHART_H

#include "report/gnuplot.h"
#include "report/report.h"

/* What the table's charts have beyond their columns; never NULL. */
const tool_axes *chart_axes(const tool_table *table);

/* What the chart draws of the table; `root` (may be NULL) is what its marks point into. The points
 * are in `arena`. A series without a point that can be drawn is left out. */
td_status chart_plot(const tool_table *table, const tool_chart *chart, const json_t *root,
                     td_arena *arena, plot *p, td_error *error) TD_MUST_USE;

/* The plot in words: what is drawn, and where each series begins and ends. */
void chart_describe(FILE *out, const plot *p);

/* Writes a <figure> with a gap for what gnuplot draws; nothing if no point can be drawn. A heat map
 * is whole as it is. */
void chart_write(report *r, const tool_table *table, const tool_chart *chart, const json_t *root);

/* Runs gnuplot for all charts written so far. What it cannot draw is a trouble. */
void chart_draw_all(report *r);

/* Copies the page to `out`, with the charts in their gaps. TD_ERR_IO; messages begin with `name`.
 */
td_status chart_fill_page(const report *r, FILE *out, const char *name,
                          td_error *error) TD_MUST_USE;

/* The columns after x as a table whose cells are shaded by their share of the row. The axes'
 * x_mark is the number of a column that is marked. */
void heat_map_write(FILE *out, const tool_table *table, const tool_chart *chart,
                    const json_t *root);

#endif
