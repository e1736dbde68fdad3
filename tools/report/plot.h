/* Charts, drawn by gnuplot and put into the page as SVG. Their colours are the page's own, so that
 * they follow its light and dark dress; series differ in dashes and marks as well as in colour. */
#ifndef TOOLS_REPORT_PLOT_H
#define TOOLS_REPORT_PLOT_H

#include "report/report.h"

enum {
    PLOT_SERIES = 6,
    PLOT_POINTS = 5000, /* of a series that are drawn; those behind are left out */
};

typedef struct plot_point {
    double x, y;
    double low, high; /* of the interval; NAN: none. One that is not finite is not drawn */
} plot_point;

typedef struct plot_series {
    const char *name; /* for the legend; any text */
    const plot_point *points;
    size_t count;
} plot_series;

typedef enum plot_style {
    PLOT_LINES,     /* with a mark at each point, and its interval */
    PLOT_BARS,      /* at whole x, side by side for no more than one series at an x */
    PLOT_HISTOGRAM, /* adjoining bars, x their middles; several series lie over each other */
} plot_style;

typedef struct plot {
    const char *title;             /* any text */
    const char *x_label, *y_label; /* with units; of any other than plain text only that is drawn */
    plot_style style;
    bool percent;          /* y goes from `least` to 100 */
    double least;          /* 0 */
    bool whole;            /* x are whole numbers */
    double bar;            /* width of a histogram's bars */
    double x_line, y_line; /* a threshold, where finite */
    const char *line_name; /* what it is, for the legend */
    plot_series series[PLOT_SERIES];
    size_t count;
} plot;

/* A plot without series, and without thresholds. */
plot plot_make(const char *title, const char *x_label, const char *y_label, plot_style style);

/* Adds a series; those above PLOT_SERIES are left out. `points` must live until plot_write. */
void plot_add(plot *p, const char *name, const plot_point *points, size_t count);

/* Writes a <figure>: title, legend and chart, or, without gnuplot, a line that says so. Nothing if
 * no point can be drawn. */
void plot_write(report *r, const plot *p);

/* A text that gnuplot may see: letters, digits, spaces and . , ( ) % - of `text`, at most 60. */
void plot_plain_text(char out[61], const char *text);

/* The script for gnuplot. */
void plot_script(FILE *out, const plot *p);

/* Turns what gnuplot wrote, `size` bytes of SVG, into an element of the page: ids begin with
 * "PREFIX-", colours are the page's, and the text alternative is `label`. False if it is not what
 * gnuplot's svg terminal writes. */
bool plot_inline(FILE *out, const char *svg, size_t size, const char *prefix, const char *label);

#endif
