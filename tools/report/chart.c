/* SPDX-License-Identifier: MIT */
#include "report/chart.h"

#include "base/size.h"
#include "base/text.h"
#include "frame/options.h"
#include "report/html.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS = 5000, /* most drawn points of a series; later ones are left out */
    NAMED = 60,    /* most bars with texts below them */
    CELL = 256,
    LARGEST_SVG = 8 << 20,
};

const tool_axes *chart_axes(const tool_table *table) {
    static const tool_axes none = {0};
    return table->kind->axes ? table->kind->axes : &none;
}

/* --- data of a plot --- */

static size_t column_of(const tool_table *table, const char *name) {
    size_t c = 0;
    while (name && c < table->column_count && strcmp(table->kind->columns[c].name, name) != 0)
        c++;
    return name ? c : table->column_count;
}

static bool is_percent(const tool_column *column) {
    return column->kind == TOOL_RATE || (column->unit && strcmp(column->unit, "%") == 0);
}

/* A cell as a point at `x`: rates in percent. */
static plot_point point_of(const tool_column *column, const tool_cell *cell, double x) {
    const double unit = column->kind == TOOL_RATE ? 100 : 1;
    const td_interval none = {NAN, NAN},
                      interval = !cell->given                    ? none
                                 : column->kind == TOOL_RATE     ? cell->rate.interval
                                 : column->kind == TOOL_ESTIMATE ? cell->estimate.interval
                                                                 : none;
    return (plot_point){x, unit * tool_cell_number(column, cell), unit * interval.low,
                        unit * interval.high};
}

static double number_in(const tool_table *table, size_t row, size_t column) {
    return point_of(&table->kind->columns[column],
                    &table->cells[row * table->column_count + column], 0)
        .y;
}

/* The x value: a number, or the middle of a bin; for bars with texts the row's index. */
static double x_of(const tool_table *table, const plot *p, size_t x, size_t row) {
    const bool bin = p->kind == TOOL_CHART_HISTOGRAM && x + 1 < table->column_count;
    return p->names ? (double)row
           : bin    ? (number_in(table, row, x) + number_in(table, row, x + 1)) / 2
                    : number_in(table, row, x);
}

/* The row's group: the text in the column `by`, or a flag's word. */
static const char *group_of(const tool_table *table, size_t by, size_t row, char out[CELL]) {
    const tool_column *column = &table->kind->columns[by];
    const tool_cell *cell = &table->cells[row * table->column_count + by];
    if (column->kind == TOOL_FLAG)
        snprintf(out, CELL, "%s%.200s", cell->given && cell->flag ? "" : "not ",
                 column->flag ? column->flag : column->title);
    else
        tool_cell_print_value(column, cell, out, CELL);
    return out;
}

static int compare(const void *a, const void *b) {
    const plot_point *x = a, *y = b;
    return (x->x > y->x) - (x->x < y->x);
}

/* Adds the column y for all rows or, with `group`, only for rows of that group. */
static td_status add_series(const tool_table *table, plot *p, size_t x, size_t y, size_t by,
                            const char *group, td_arena *arena, td_error *error) {
    plot_series *series = &p->series[p->count];
    char text[CELL];
    size_t drawn = 0;
    double sum = 0;
    if (p->count == TOOL_CHART_SERIES)
        return TD_OK;
    *series = (plot_series){.name = group ? group : table->kind->columns[y].title};
    TD_TRY(TD_ARENA_NEW(arena, table->row_count, &series->points, "points", error));
    for (size_t i = 0; i < table->row_count && series->count < POINTS; i++) {
        const tool_cell *cell = &table->cells[i * table->column_count + y];
        if (group && strcmp(group_of(table, by, i, text), group) != 0)
            continue;
        series->points[series->count] =
            point_of(&table->kind->columns[y], cell, x_of(table, p, x, i));
        const plot_point *point = &series->points[series->count++];
        drawn += gnuplot_draws(point);
        sum += gnuplot_draws(point) ? point->y : 0;
    }
    for (size_t i = 0; i < series->count && p->kind == TOOL_CHART_HISTOGRAM; i++)
        series->points[i].y *= 100 / sum;
    if (group && p->kind == TOOL_CHART_LINES && series->count > 0)
        qsort(series->points, series->count, sizeof *series->points, compare);
    p->count += drawn > 0 && (p->kind != TOOL_CHART_HISTOGRAM || sum > 0);
    return TD_OK;
}

/* A series for each text in the column `by`, in the order of the rows. */
static td_status add_groups(const tool_table *table, plot *p, size_t x, size_t y, size_t by,
                            td_arena *arena, td_error *error) {
    const char *names[TOOL_CHART_SERIES];
    char text[CELL], *copy;
    size_t count = 0;
    for (size_t i = 0; i < table->row_count && count < TOOL_CHART_SERIES; i++) {
        size_t k = 0;
        group_of(table, by, i, text);
        while (k < count && strcmp(names[k], text) != 0)
            k++;
        if (k < count)
            continue;
        TD_TRY(td_arena_text(arena, text, strlen(text), &copy, error));
        names[count++] = copy;
        TD_TRY(add_series(table, p, x, y, by, copy, arena, error));
    }
    return TD_OK;
}

/* Places bars of several columns side by side. */
static void set_bars(const tool_table *table, size_t x, plot *p) {
    const tool_axes *axes = chart_axes(table);
    p->bar = 0.7 / (double)(axes->by || p->count == 0 ? 1 : p->count);
    if (p->kind == TOOL_CHART_HISTOGRAM && table->row_count > 0 && x + 1 < table->column_count)
        p->bar = number_in(table, 0, x + 1) - number_in(table, 0, x);
    if (!(p->bar > 0) || !(p->bar < INFINITY))
        p->bar = 1;
    for (size_t s = 0; p->kind == TOOL_CHART_BARS && !axes->by && s < p->count; s++)
        for (size_t i = 0; i < p->series[s].count; i++)
            p->series[s].points[i].x += p->bar * ((double)s - 0.5 * (double)(p->count - 1));
}

/* The start of a percent axis: lines near 100 are magnified. */
static double least_of(const plot *p) {
    double least = 100;
    for (size_t s = 0; s < p->count; s++)
        for (size_t i = 0; i < p->series[s].count; i++) {
            const plot_point *point = &p->series[s].points[i];
            least = fmin(least, isfinite(point->low) ? point->low : point->y);
        }
    return p->kind != TOOL_CHART_LINES ? 0
           : least >= 95               ? 95
           : least >= 90               ? 90
           : least >= 50               ? 50
                                       : 0;
}

/* "size (pixels)" for one column; the common part for several. */
static void name_axis(const tool_column *column, bool alone, char out[GNUPLOT_TEXT]) {
    char text[2 * CELL];
    const char *unit = column->unit ? column->unit : is_percent(column) ? "%" : NULL;
    snprintf(text, sizeof text, "%s%s%s%s",
             alone                ? column->title
             : is_percent(column) ? "share"
                                  : "",
             unit ? " (" : "", unit ? unit : "", unit ? ")" : "");
    gnuplot_text(out, text);
}

static void name_axes(const tool_table *table, const tool_chart *chart, size_t x, size_t y,
                      plot *p) {
    const tool_column *columns = table->kind->columns;
    const tool_axes *axes = chart_axes(table);
    name_axis(&columns[x], true, p->x_title);
    if (p->kind == TOOL_CHART_HISTOGRAM)
        gnuplot_text(p->y_title, "share (%)");
    else
        name_axis(&columns[y], axes->by || !chart->y[1], p->y_title);
    if (axes->x_title)
        gnuplot_text(p->x_title, axes->x_title);
    if (axes->y_title)
        gnuplot_text(p->y_title, axes->y_title);
}

static td_status name_bars(const tool_table *table, size_t x, plot *p, td_arena *arena,
                           td_error *error) {
    char text[CELL], *copy;
    TD_TRY(TD_ARENA_NEW(arena, table->row_count, &p->names, "names", error));
    for (size_t i = 0; i < table->row_count; i++) {
        tool_cell_print_value(&table->kind->columns[x], &table->cells[i * table->column_count + x],
                              text, sizeof text);
        TD_TRY(td_arena_text(arena, text, strlen(text), &copy, error));
        p->names[i] = copy;
    }
    return TD_OK;
}

double chart_number_at(const json_t *root, const char *pointer) {
    const json_t *value = root && pointer ? tool_json_at(root, pointer) : NULL;
    return json_is_number(value) ? json_number_value(value) : NAN;
}

td_status chart_plot(const tool_table *table, const tool_chart *chart, const json_t *root,
                     td_arena *arena, plot *p, td_error *error) {
    const tool_axes *axes = chart_axes(table);
    const size_t x = column_of(table, chart->x), none = table->column_count,
                 first = column_of(table, chart->y[0]), by = column_of(table, axes->by);
    *p = (plot){.kind = chart->kind,
                .x_mark = chart_number_at(root, axes->x_mark),
                .y_mark = chart_number_at(root, axes->y_mark)};
    if (x == none || first == none || table->row_count == 0)
        return TD_OK;
    const tool_column *columns = table->kind->columns;
    if (columns[x].kind == TOOL_TEXT || columns[x].kind == TOOL_FLAG) {
        if (table->row_count > NAMED)
            return TD_OK;
        TD_TRY(name_bars(table, x, p, arena, error));
    }
    p->whole = columns[x].kind == TOOL_COUNT || columns[x].kind == TOOL_CLASS;
    p->percent = true;
    for (size_t i = 0; i < TOOL_CHART_SERIES && chart->y[i]; i++) {
        for (size_t y = column_of(table, chart->y[i]); y < none; y++) {
            if (strcmp(columns[y].name, chart->y[i]) != 0)
                continue; /* those of a list have one name */
            p->percent = p->percent && is_percent(&columns[y]);
            if (by < none)
                TD_TRY(add_groups(table, p, x, y, by, arena, error));
            else
                TD_TRY(add_series(table, p, x, y, by, NULL, arena, error));
        }
    }
    p->percent = p->percent && p->kind != TOOL_CHART_HISTOGRAM;
    p->least = least_of(p);
    set_bars(table, x, p);
    name_axes(table, chart, x, first, p);
    return TD_OK;
}

/* --- the figure --- */

/* A short line sample in the series' style. */
static void write_key(FILE *out, tool_chart_kind kind, const char *colour, const char *dashes) {
    fprintf(out,
            "<svg class=\"key\" viewBox=\"0 0 28 12\" width=\"28\" height=\"12\" "
            "aria-hidden=\"true\" style=\"color:%s\">",
            colour);
    if (kind == TOOL_CHART_LINES)
        fprintf(out, "<path d=\"M0 6h28\" stroke-dasharray=\"%s\"/>", dashes);
    else
        fprintf(out, "<path fill-opacity=\"%s\" d=\"M4 1h20v10H4z\"/>",
                kind == TOOL_CHART_BARS ? ".9" : ".35");
    fputs("</svg>", out);
}

static void write_legend(FILE *out, tool_chart_kind kind, const char *colour, const char *dashes,
                         const char *name) {
    fputs(" <span class=\"k\">", out);
    write_key(out, kind, colour, dashes);
    html_put(out, "", name, "</span>");
}

static void write_caption(FILE *out, const tool_chart *chart, const tool_axes *axes,
                          const plot *p) {
    html_put(out, "<figcaption><b>", chart->title, "</b>");
    for (size_t s = 0; s < p->count && (p->count > 1 || p->kind != TOOL_CHART_BARS); s++)
        write_legend(out, p->kind, gnuplot_colour(s), gnuplot_dashes(s), p->series[s].name);
    if (axes->mark && (isfinite(p->x_mark) || isfinite(p->y_mark)))
        write_legend(out, TOOL_CHART_LINES, gnuplot_mark_colour, "6 4", axes->mark);
    fputs("</figcaption>", out);
}

void chart_describe(FILE *out, const plot *p) {
    fprintf(out, "Chart of %s by %s.", p->y_title, p->x_title);
    for (size_t s = 0; s < p->count; s++) {
        char name[GNUPLOT_TEXT];
        const plot_series *series = &p->series[s];
        const plot_point *first = NULL, *last = NULL, *top = NULL;
        for (size_t i = 0; i < series->count; i++) {
            const plot_point *point = &series->points[i];
            if (!gnuplot_draws(point))
                continue;
            first = first ? first : point;
            top = top && top->y >= point->y ? top : point;
            last = point;
        }
        gnuplot_text(name, series->name);
        if (p->kind == TOOL_CHART_LINES)
            fprintf(out, " %s: %.4g at %.4g to %.4g at %.4g.", name, first->y, first->x, last->y,
                    last->x);
        else
            fprintf(out, " %s: highest %.4g at %.4g.", name, top->y, top->x);
    }
}

/* Stores the chart's position and text, and adds its script. */
static td_status add_chart(report *r, const plot *p, td_error *error) {
    td_text text;
    char *copy;
    if (!r->script)
        TD_TRY(report_memory(&r->script, error));
    if (!td_text_open(&text))
        return td_fail_memory(error, "a chart");
    chart_describe(text.stream, p);
    char *bytes = td_text_close(&text);
    td_status status = bytes ? td_arena_text(&r->arena, bytes, text.size, &copy, error)
                             : td_fail_memory(error, "a chart");
    free(bytes);
    TD_TRY(status);
    gnuplot_script(r->script, p);
    r->charts[r->chart_count++] = (report_chart){ftello(r->out), copy};
    return TD_OK;
}

void chart_write(report *r, const tool_table *table, const tool_chart *chart, const json_t *root) {
    td_arena arena = {0};
    td_error error;
    plot p;
    if (chart->kind == TOOL_CHART_HEAT) {
        heat_map_write(r->out, table, chart, root);
        return;
    }
    td_status status = chart_plot(table, chart, root, &arena, &p, &error);
    if (status != TD_OK || p.count > 0) {
        fputs("<figure class=\"chart\">", r->out);
        write_caption(r->out, chart, chart_axes(table), &p);
        if (r->chart_count == REPORT_CHARTS)
            fputs("<p class=\"note\">No chart: the page has too many.</p>", r->out);
        else if (status != TD_OK || (status = add_chart(r, &p, &error)) != TD_OK)
            report_trouble_failed(r, "a chart", status, &error);
        fputs("</figure>\n", r->out);
    }
    td_arena_free(&arena);
}

/* --- embedding gnuplot's pictures --- */

void chart_draw_all(report *r) {
    td_error error;
    if (r->chart_count == 0)
        return;
    td_status status = report_memory(&r->drawings, &error);
    if (status == TD_OK)
        status = gnuplot_run(r->script, r->drawings, &error);
    r->gnuplot_missing = status == TD_ERR_USAGE;
    if (status == TD_OK)
        return;
    if (!r->gnuplot_missing)
        report_trouble_failed(r, "a chart", status, &error);
    else if (!r->quiet)
        tool_note("note: gnuplot: not found, so the page has no charts (Debian: gnuplot-nox)");
}

/* Copies up to `size` bytes; false if one cannot be written. */
static bool copy_bytes(FILE *from, FILE *to, size_t size) {
    char block[1 << 14];
    while (size > 0) {
        const size_t count = fread(block, 1, size < sizeof block ? size : sizeof block, from);
        if (count == 0)
            return true;
        if (fwrite(block, 1, count, to) != count)
            return false;
        size -= count;
    }
    return true;
}

/* Reads the next of gnuplot's documents. *size is 0 if there is none that is whole, and LARGEST_SVG
 * if it is larger than that. */
static td_status read_drawing(const report *r, uint8_t *bytes, size_t *size, td_error *error) {
    static const char begin[] = "<?xml", end[] = "</svg>\n";
    char *line = NULL;
    size_t room = 0, done = 0;
    ssize_t length;
    bool whole = false;
    errno = 0;
    while (r->drawings && !whole && (length = getline(&line, &room, r->drawings)) > 0) {
        if (done == 0 && strncmp(line, begin, strlen(begin)) != 0)
            continue; /* an empty line between two */
        const size_t fits = td_size_min((size_t)length, LARGEST_SVG - done);
        memcpy(bytes + done, line, fits);
        done += fits;
        whole = strcmp(line, end) == 0;
    }
    free(line);
    *size = whole ? done : 0;
    return whole || !r->drawings || feof(r->drawings)
               ? TD_OK
               : td_fail(error, TD_ERR_IO, "a chart: %s", strerror(errno ? errno : EIO));
}

static td_status write_drawing(const report *r, size_t number, FILE *out, td_error *error) {
    size_t size;
    uint8_t *bytes = malloc(LARGEST_SVG);
    const td_status status =
        bytes ? read_drawing(r, bytes, &size, error) : td_fail_memory(error, "a chart");
    if (status != TD_OK) {
        free(bytes);
        return status;
    }
    if (size > 0 && size < LARGEST_SVG) {
        html_put(out, "<img class=\"plot\" width=\"440\" height=\"280\" alt=\"",
                 r->charts[number].label, "\" src=\"data:image/svg+xml;base64,");
        html_base64(out, bytes, size);
        fputs("\">", out);
    } else {
        fprintf(out, "<p class=\"note\">No chart: gnuplot %s.</p>",
                r->gnuplot_missing ? "is not installed" : "could not draw it");
    }
    free(bytes);
    return TD_OK;
}

td_status chart_fill_page(const report *r, FILE *out, const char *name, td_error *error) {
    off_t done = 0;
    bool good = true;
    errno = 0;
    rewind(r->out);
    if (r->drawings)
        rewind(r->drawings);
    for (size_t i = 0; i < r->chart_count && good; i++) {
        good = copy_bytes(r->out, out, (size_t)(r->charts[i].place - done));
        done = r->charts[i].place;
        if (!good)
            break;
        TD_TRY(write_drawing(r, i, out, error));
        good = good && !ferror(out); /* while errno has the reason */
    }
    good = good && copy_bytes(r->out, out, SIZE_MAX) && !ferror(out);
    if (ferror(r->out))
        return td_fail(error, TD_ERR_IO, "reading a temporary file: %s",
                       strerror(errno ? errno : EIO));
    return good ? TD_OK : td_fail(error, TD_ERR_IO, "%s: %s", name, strerror(errno ? errno : EIO));
}
