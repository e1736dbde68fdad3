/* The script for gnuplot. Nothing of it is text from a file: only numbers, and plain labels. */
#include "report/plot.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* Numbers beyond this are not drawn: gnuplot's own arithmetic ends not far above. */
#define LARGEST 1e15

enum { MARKS = 40 }; /* of a series, about; more would hide its line */

/* "rgb #00000N" stands for the page's colour N (plot_svg.c). */
enum { COLOUR_AXIS = 10, COLOUR_GRID = 11, COLOUR_LINE = 12 };

/* By series, in the order of the page's colours: dashes and point types. */
static const char *const dashes[PLOT_SERIES] = {"1",         "(8,3)",  "(2,3)",
                                                "(8,3,2,3)", "(12,4)", "(4,2,2,2)"};
static const int marks[PLOT_SERIES] = {7, 5, 9, 11, 13, 3};

void plot_plain_text(char out[61], const char *text) {
    size_t length = 0;
    for (; *text && length < 60; text++)
        if (isalnum((unsigned char)*text) || strchr(" .,()%-", *text))
            out[length++] = *text;
    out[length] = '\0';
}

static bool is_drawn(const plot_point *point) {
    return isfinite(point->x) && isfinite(point->y) && fabs(point->x) < LARGEST &&
           fabs(point->y) < LARGEST;
}

static bool has_interval(const plot_point *point) {
    return isfinite(point->low) && isfinite(point->high) && fabs(point->low) < LARGEST &&
           fabs(point->high) < LARGEST;
}

static bool has_intervals(const plot_series *series) {
    for (size_t i = 0; i < series->count && i < PLOT_POINTS; i++)
        if (is_drawn(&series->points[i]) && has_interval(&series->points[i]))
            return true;
    return false;
}

static size_t count_drawn(const plot_series *series) {
    size_t drawn = 0;
    for (size_t i = 0; i < series->count && i < PLOT_POINTS; i++)
        drawn += is_drawn(&series->points[i]);
    return drawn;
}

static void write_data(FILE *out, const plot *p) {
    for (size_t s = 0; s < p->count; s++) {
        const plot_series *series = &p->series[s];
        fprintf(out, "$d%zu << END\n", s);
        for (size_t i = 0; i < series->count && i < PLOT_POINTS; i++) {
            const plot_point *point = &series->points[i];
            bool interval = has_interval(point);
            if (is_drawn(point))
                fprintf(out, "%.9g %.9g %.9g %.9g\n", point->x, point->y,
                        interval ? point->low : point->y, interval ? point->high : point->y);
        }
        fputs("END\n", out);
    }
}

/* The step of whole numbers along x that gives at most about ten of them. */
static double whole_step(double low, double high) {
    static const double steps[] = {1, 2, 5};
    for (double power = 1; power < LARGEST; power *= 10)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            if ((high - low) / (steps[i] * power) <= 10)
                return steps[i] * power;
    return LARGEST;
}

static void write_x_range(FILE *out, const plot *p) {
    double low = INFINITY, high = -INFINITY, beyond;
    for (size_t s = 0; s < p->count; s++)
        for (size_t i = 0; i < p->series[s].count && i < PLOT_POINTS; i++)
            if (is_drawn(&p->series[s].points[i])) {
                low = fmin(low, p->series[s].points[i].x);
                high = fmax(high, p->series[s].points[i].x);
            }
    if (p->whole)
        fprintf(out, "set xtics %.9g\n", whole_step(low, high));
    if (isfinite(p->x_line) && fabs(p->x_line) < LARGEST) {
        low = fmin(low, p->x_line);
        high = fmax(high, p->x_line);
    }
    beyond = p->style == PLOT_BARS        ? 0.75
             : p->style == PLOT_HISTOGRAM ? p->bar / 2
             : high > low                 ? 0.03 * (high - low)
                                          : 0.5;
    fprintf(out, "set xrange [%.9g:%.9g]\n", low - beyond, high + beyond);
}

static void write_axes(FILE *out, const plot *p) {
    char x[61], y[61];
    plot_plain_text(x, p->x_label);
    plot_plain_text(y, p->y_label);
    fprintf(
        out,
        "set encoding utf8\nset format x \"%%g\"\nset terminal svg noenhanced size 440,280 font "
        "\"sans-serif,12\"\n"
        "set border 3 lc rgb \"#%06x\"\nset tics nomirror scale 0.4\n"
        "set grid y lt 1 lc rgb \"#%06x\" lw 1\nunset key\nset xlabel \"%s\"\n"
        "set ylabel \"%s\"\n",
        COLOUR_AXIS, COLOUR_GRID, x, y);
    if (p->percent)
        fprintf(out, "set yrange [%.9g:100]\nset ytics %.9g\n", p->least, (100 - p->least) / 5);
    else
        fputs("set yrange [0:*]\n", out);
    write_x_range(out, p);
    if (isfinite(p->x_line) && fabs(p->x_line) < LARGEST)
        fprintf(out,
                "set arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead lw 1.5 dt (6,4) "
                "lc rgb \"#%06x\"\n",
                p->x_line, p->x_line, COLOUR_LINE);
    if (isfinite(p->y_line) && fabs(p->y_line) < LARGEST)
        fprintf(out,
                "set arrow from graph 0, first %.9g to graph 1, first %.9g nohead lw 1.5 dt (6,4) "
                "lc rgb \"#%06x\"\n",
                p->y_line, p->y_line, COLOUR_LINE);
}

static void write_series(FILE *out, const plot *p, size_t s, bool first) {
    fputs(first ? "plot " : ", \\\n", out);
    switch (p->style) {
    case PLOT_LINES:
        if (has_intervals(&p->series[s]))
            fprintf(out, "$d%zu using 1:2:3:4 with yerrorbars lc rgb \"#%06zx\" lw 1 pt 0 ps 0, ",
                    s, s + 1);
        fprintf(out,
                "$d%zu using 1:2 with linespoints lc rgb \"#%06zx\" lw 2 dt %s pt %d ps 0.6 pi %zu",
                s, s + 1, dashes[s], marks[s], 1 + count_drawn(&p->series[s]) / MARKS);
        break;
    case PLOT_BARS:
        fprintf(out,
                "$d%zu using 1:2 with boxes fs transparent solid 0.9 noborder lc rgb \"#%06zx\"", s,
                s + 1);
        break;
    case PLOT_HISTOGRAM:
        fprintf(out,
                "$d%zu using 1:2 with boxes fs transparent solid 0.35 noborder lc rgb \"#%06zx\", "
                "$d%zu using 1:2 with "
                "histeps lc rgb \"#%06zx\" lw 1.5 dt %s",
                s, s + 1, s, s + 1, dashes[s]);
        break;
    }
}

void plot_script(FILE *out, const plot *p) {
    bool first = true;
    write_axes(out, p);
    if (p->style == PLOT_BARS)
        fputs("set boxwidth 0.7\n", out);
    if (p->style == PLOT_HISTOGRAM)
        fprintf(out, "set boxwidth %.9g\n", p->bar);
    write_data(out, p);
    for (size_t s = 0; s < p->count; s++) {
        if (count_drawn(&p->series[s]) == 0)
            continue;
        write_series(out, p, s, first);
        first = false;
    }
    fputc('\n', out);
}

plot plot_make(const char *title, const char *x_label, const char *y_label, plot_style style) {
    return (plot){.title = title,
                  .x_label = x_label,
                  .y_label = y_label,
                  .style = style,
                  .bar = 1,
                  .x_line = NAN,
                  .y_line = NAN};
}

void plot_add(plot *p, const char *name, const plot_point *points, size_t count) {
    const plot_series series = {name, points, count};
    if (p->count < PLOT_SERIES && count_drawn(&series) > 0)
        p->series[p->count++] = series;
}
