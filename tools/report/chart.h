/* SPDX-License-Identifier: MIT */
/* Charts of tables on the page: title, legend, picture, and a text description. gnuplot draws all
 * charts of a page in one run, as SVG documents that are embedded unread. The colours work on
 * light and dark backgrounds; series also differ in dashes and marks. */
#ifndef TOOLS_REPORT_CHART_H
#define TOOLS_REPORT_CHART_H

#include "report/report.h"

enum { GNUPLOT_TEXT = 61 };

typedef struct plot_point {
    double x, y;
    double low, high; /* of the interval; NAN: none. Points that are not finite are not drawn */
} plot_point;

typedef struct plot_series {
    const char *name; /* for the legend; any text */
    plot_point *points;
    size_t count;
} plot_series;

typedef struct plot {
    char x_title[GNUPLOT_TEXT], y_title[GNUPLOT_TEXT]; /* gnuplot_text */
    tool_chart_kind kind;                              /* except heat maps */
    bool percent;                                      /* y ranges from `least` to 100 */
    double least;                                      /* 0 */
    bool whole;                                        /* x values are whole numbers */
    double bar;                                        /* width of a bar */
    double x_mark, y_mark;                             /* thresholds, if finite */
    const char **names; /* [series[0].count] texts for x = 0, 1, ...; NULL: x are numbers */
    plot_series series[TOOL_CHART_SERIES];
    size_t count;
} plot;

/* A series' style, for its legend: the colour, "#2a80c4", and dashes, "8 3". */
const char *gnuplot_colour(size_t series);
const char *gnuplot_dashes(size_t series);

extern const char gnuplot_mark_colour[];

/* A text that is safe for gnuplot: letters, digits, spaces and . , ( ) % - of `text`, at most 60
 * characters. */
void gnuplot_text(char out[GNUPLOT_TEXT], const char *text);

/* Whether a point can be drawn: gnuplot's own arithmetic fails beyond 1e15. */
bool gnuplot_draws(const plot_point *point);

/* Adds the script of one chart. It contains no text from a file, only numbers and plain labels. */
void gnuplot_script(FILE *out, const plot *p);

/* Runs gnuplot with the script, without a shell. It writes an SVG document for each chart into
 * `drawings`, one after the other, and stops at one that it cannot draw. TD_ERR_USAGE if there is
 * no gnuplot, TD_ERR_IO if it cannot be run, TD_ERR_INTERRUPTED if it was told to end,
 * TD_ERR_FORMAT if its exit status is not 0. Both files have descriptors. */
td_status gnuplot_run(FILE *script, FILE *drawings, td_error *error) TD_MUST_USE;

/* --- on the page --- */

/* The further properties of the table's charts; never NULL. */
const tool_axes *chart_axes(const tool_table *table);

/* The number at a pointer of the axes; NAN if there is none, and for NULLs. */
double chart_number_at(const json_t *root, const char *pointer);

/* The plot of a chart; `root` (may be NULL) resolves its marks. The points are in `arena`. A series
 * without a drawable point is left out. */
td_status chart_plot(const tool_table *table, const tool_chart *chart, const json_t *root,
                     td_arena *arena, plot *p, td_error *error) TD_MUST_USE;

/* The plot as text: what is drawn, and the first and last point of each series. */
void chart_describe(FILE *out, const plot *p);

/* Writes a <figure> with a gap for gnuplot's picture; nothing if no point can be drawn. A heat map
 * needs no gap. */
void chart_write(report *r, const tool_table *table, const tool_chart *chart, const json_t *root);

/* Runs gnuplot for all charts written so far. Failures are troubles. */
void chart_draw_all(report *r);

/* Copies the page to `out`, filling the gaps with charts. TD_ERR_IO; messages begin with `name`. */
td_status chart_fill_page(const report *r, FILE *out, const char *name,
                          td_error *error) TD_MUST_USE;

/* The columns after x as a table whose cells are shaded by their share of the row. The axes' x_mark
 * is the number of a column to mark. */
void heat_map_write(FILE *out, const tool_table *table, const tool_chart *chart,
                    const json_t *root);

#endif
