#include "report/results/plot_rows.h"

#include "base/size.h"
#include "report/html.h"
#include "report/plot.h"
#include "report/results/grid.h"
#include <math.h>
#include <string.h>

/* The points of one series, ours or those that the paper prints. */
static size_t fill(plot_point *points, const json_t *rows, const char *column, const char *series,
                   bool paper) {
    size_t i, count = 0;
    const json_t *row;
    json_array_foreach(rows, i, row) {
        double x, y, deviation;
        const char *printed = html_get_text(row, "paper");
        if (strcmp(html_get_text(row, "series"), series) != 0 || !html_get(row, "x", &x) ||
            (column && strcmp(html_get_text(row, "column"), column) != 0) ||
            !html_get(row, paper ? "paper_value" : "mean", &y) ||
            (paper && (*printed == '>' || *printed == '<')))
            continue;
        bool spread = !paper && html_get(row, "deviation", &deviation);
        points[count++] =
            (plot_point){x, y, spread ? y - deviation : NAN, spread ? y + deviation : NAN};
    }
    return count;
}

/* Where the axis of percents begins: rates near 100 are drawn apart. */
static double least_of(const plot *p) {
    double least = 100;
    for (size_t s = 0; s < p->count; s++)
        for (size_t i = 0; i < p->series[s].count; i++) {
            const plot_point *point = &p->series[s].points[i];
            least = fmin(least, isfinite(point->low) ? point->low : point->y);
        }
    return least >= 95 ? 95 : least >= 90 ? 90 : least >= 50 ? 50 : 0;
}

/* The names of the table's series, in their order. */
static size_t list_series(const json_t *rows, const char *names[PLOT_SERIES]) {
    size_t i, count = 0;
    const json_t *row;
    json_array_foreach(rows, i, row) {
        const char *series = html_get_text(row, "series");
        size_t k = 0;
        while (k < count && strcmp(names[k], series) != 0)
            k++;
        if (*series && k == count && count < PLOT_SERIES)
            names[count++] = series;
    }
    return count;
}

/* Of all rows, or of those of a column, which is the chart's title then. */
static void write_plot(report *r, const json_t *table, const char *column) {
    const json_t *rows = json_object_get(table, "rows"), *spec = json_object_get(table, "plot");
    const char *names[PLOT_SERIES];
    char labels[PLOT_SERIES][64];
    size_t count = list_series(rows, names), room = json_array_size(rows) + 1, longest = 0;
    bool both = 2 * count <= PLOT_SERIES;
    td_arena arena = {0};
    plot_point *points;
    if (!spec || count == 0 ||
        TD_ARENA_NEW(&arena, 2 * count * room, &points, "points", NULL) != TD_OK)
        return;
    plot p = plot_make(column ? column : "", html_get_text(spec, "x"), html_get_text(spec, "y"),
                       PLOT_LINES);
    for (size_t i = 0; i < count; i++) {
        plot_point *ours = points + 2 * i * room, *paper = ours + room;
        size_t known = fill(ours, rows, column, names[i], false);
        longest = td_size_max(longest, known);
        plot_add(&p, names[i], ours, known);
        snprintf(labels[i], sizeof labels[i], "%.48s, paper", names[i]);
        if (both)
            plot_add(&p, labels[i], paper, fill(paper, rows, column, names[i], true));
    }
    p.percent = strcmp(html_get_text(json_array_get(rows, 0), "unit"), "%") == 0;
    p.least = least_of(&p);
    if (longest > 1)
        plot_write(r, &p);
    td_arena_free(&arena);
}

void results_plot(report *r, const json_t *table) {
    const json_t *spec = json_object_get(table, "plot");
    results_grid grid;
    if (!spec)
        return;
    fputs("<div class=\"charts\">\n", r->out);
    if (*html_get_text(spec, "each") && results_grid_make(&grid, json_object_get(table, "rows")))
        for (size_t k = 0; k < grid.column_count; k++)
            write_plot(r, table, grid.columns[k]);
    else
        write_plot(r, table, NULL);
    fputs("</div>\n", r->out);
}
