/* SPDX-License-Identifier: MIT */
/* A table on the page: as sortable rows, as a list of values, or as a heat map. */
#include "report/chart.h"
#include "report/html.h"
#include <math.h>
#include <string.h>

enum {
    CELL = 256,
    MOST_WRITTEN = 20, /* most columns of a heat map whose cells show percents */
};

/* The columns that are shown. */
typedef struct layout {
    const tool_table *table;
    size_t shown[TOOL_TABLE_COLUMNS], count;
} layout;

static layout lay_out(const tool_table *table) {
    layout l = {.table = table};
    for (size_t c = 0; c < table->column_count; c++)
        if (table->kind->columns[c].title && !tool_table_lacks(table, c))
            l.shown[l.count++] = c;
    return l;
}

static bool is_named(const tool_column *column, const char *name) {
    return strcmp(column->name, name) == 0;
}

/* The CSS class of a verdict (results/verdict.h). */
static const char *style_of(const char *verdict) {
    return strncmp(verdict, "reached", 7) == 0        ? "v good"
           : strncmp(verdict, "within", 6) == 0       ? "v near"
           : strncmp(verdict, "not reached", 11) == 0 ? "v bad"
                                                      : "v none";
}

/* Text that names a record becomes a link to it, or to `linked`; a checksum becomes code; other
 * text is prose. */
static void write_text(report *r, const report_record *record, const tool_column *column,
                       const report_record *linked, const char *text) {
    if (linked || is_named(column, "record")) {
        report_link(r, linked ? linked : report_find(r, record, text), text);
    } else if (is_named(column, "sha256")) {
        html_put(r->out, "<code>", text, "</code>");
    } else {
        html_prose(r->out, text);
    }
}

static void write_value(report *r, const report_record *record, const tool_column *column,
                        const tool_cell *cell, const report_record *linked) {
    char text[CELL], interval[CELL];
    if (cell->given && column->kind == TOOL_TEXT) {
        write_text(r, record, column, linked, cell->text);
        return;
    }
    html_text(r->out, tool_cell_print_value(column, cell, text, sizeof text));
    tool_cell_print_interval(column, cell, interval, sizeof interval);
    if (*interval)
        fprintf(r->out, " <span class=\"ci\">%s</span>", interval);
}

static void write_cell(report *r, const report_record *record, const tool_column *column,
                       const tool_cell *cell, const report_record *linked) {
    const double order = tool_cell_number(column, cell);
    const bool text = cell->given && column->kind == TOOL_TEXT;
    fputs("<td", r->out);
    if (tool_column_is_right(column))
        fputs(" class=\"n\"", r->out);
    else if (text && is_named(column, "verdict"))
        fprintf(r->out, " class=\"%s\"", style_of(cell->text));
    if (isfinite(order))
        fprintf(r->out, " data-v=\"%.9g\"", order);
    if (cell->given && column->kind == TOOL_RATE)
        fprintf(r->out, " title=\"%zu of %zu\"", cell->rate.hits, cell->rate.trials);
    fputc('>', r->out);
    write_value(r, record, column, cell, linked);
    fputs("</td>", r->out);
}

/* Whether the row has a flag that is set. */
static bool is_flagged(const tool_table *table, const tool_cell *row) {
    for (size_t c = 0; c < table->column_count; c++) {
        const tool_column *column = &table->kind->columns[c];
        if (column->kind == TOOL_FLAG && row[c].given && row[c].flag &&
            (column->flag || is_named(column, "flagged")))
            return true;
    }
    return false;
}

/* The record named in a column without a title, to which the row's first text links. */
static const report_record *source_of(const report *r, const report_record *record,
                                      const tool_table *table, const tool_cell *row) {
    for (size_t c = 0; c < table->column_count; c++)
        if (is_named(&table->kind->columns[c], "record") && !table->kind->columns[c].title &&
            row[c].given)
            return report_find(r, record, row[c].text);
    return NULL;
}

static void write_head(FILE *out, const layout *l) {
    char text[CELL];
    const char *title = l->table->kind->title;
    html_put(out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"",
             *title ? title : "Table", "\"><table class=\"sort\"><caption>");
    html_put(out, "", title, "</caption><thead><tr>");
    for (size_t k = 0; k < l->count; k++) {
        const tool_column *column = &l->table->kind->columns[l->shown[k]];
        fprintf(out, "<th scope=\"col\"%s>", tool_column_is_right(column) ? " class=\"n\"" : "");
        html_put(out, "", tool_column_print(column, text, sizeof text), "</th>");
    }
    fputs("</tr></thead><tbody>\n", out);
}

/* One row, as a list of names and values. */
static void write_single(report *r, const report_record *record, const layout *l) {
    if (*l->table->kind->title) {
        html_put(r->out, "<h3>", l->table->kind->title, "</h3>\n");
    }
    fputs("<dl class=\"values\">\n", r->out);
    for (size_t k = 0; k < l->count; k++) {
        const tool_column *column = &l->table->kind->columns[l->shown[k]];
        char title[CELL];
        html_put(r->out, "<div><dt>", tool_column_print(column, title, sizeof title), "</dt><dd>");
        write_value(r, record, column, &l->table->cells[l->shown[k]], NULL);
        fputs("</dd></div>\n", r->out);
    }
    fputs("</dl>\n", r->out);
}

void report_table(report *r, const report_record *record, const tool_table *table) {
    const layout l = lay_out(table);
    const size_t count = table->row_count, shown = count < REPORT_ROWS ? count : REPORT_ROWS;
    if (l.count == 0)
        return;
    if (table->kind->single) {
        write_single(r, record, &l);
        return;
    }
    write_head(r->out, &l);
    for (size_t i = 0; i < shown; i++) {
        const tool_cell *row = table->cells + i * table->column_count;
        fputs(is_flagged(table, row) ? "<tr class=\"flagged\">" : "<tr>", r->out);
        const report_record *linked = source_of(r, record, table, row);
        for (size_t k = 0; k < l.count; k++) {
            const tool_column *column = &table->kind->columns[l.shown[k]];
            write_cell(r, record, column, &row[l.shown[k]], linked);
            linked = column->kind == TOOL_TEXT ? NULL : linked;
        }
        fputs("</tr>\n", r->out);
    }
    fputs("</tbody>", r->out);
    if (shown < count)
        fprintf(r->out, "<tfoot><tr><td colspan=\"%zu\">%zu more row%s left out.</td></tr></tfoot>",
                l.count, count - shown, count - shown == 1 ? " is" : "s are");
    fputs("</table></div>\n", r->out);
}

/* --- heat maps --- */

/* The numeric columns after the one called `x`. */
static layout lay_out_map(const tool_table *table, const char *name, size_t *x) {
    layout l = {.table = table};
    *x = 0;
    while (*x < table->column_count && !is_named(&table->kind->columns[*x], name))
        ++*x;
    for (size_t c = *x + 1; c < table->column_count; c++) {
        const tool_column *column = &table->kind->columns[c];
        if (column->title && column->kind != TOOL_TEXT && column->kind != TOOL_FLAG)
            l.shown[l.count++] = c;
    }
    return l;
}

static void write_map_head(FILE *out, const layout *l, double marked) {
    fputs("<thead><tr><td></td>", out);
    for (size_t k = 0; k < l->count; k++) {
        fprintf(out, "<th scope=\"col\"%s>", (double)k == marked ? " class=\"t\"" : "");
        html_put(out, "", l->table->kind->columns[l->shown[k]].title, "</th>");
    }
    fputs("</tr></thead>\n", out);
}

/* Cells are shaded by their share of the row; rates by their own value. */
static void write_map_row(FILE *out, const layout *l, size_t x, const tool_cell *row) {
    const tool_column *columns = l->table->kind->columns;
    char head[CELL];
    double values[TOOL_TABLE_COLUMNS], total = 0;
    for (size_t k = 0; k < l->count; k++) {
        const double value = tool_cell_number(&columns[l->shown[k]], &row[l->shown[k]]);
        values[k] = isfinite(value) && value > 0 ? value : 0;
        total += values[k];
    }
    if (columns[l->shown[0]].kind == TOOL_RATE)
        total = 1;
    html_put(out, "<tr><th scope=\"row\">",
             tool_cell_print_value(&columns[x], &row[x], head, sizeof head), "</th>");
    for (size_t k = 0; k < l->count; k++) {
        const double share = total > 0 ? values[k] / total : 0;
        if (!(share >= 0.0005)) {
            fputs("<td></td>", out);
            continue;
        }
        fprintf(out, "<td%s style=\"--v:%.3g\">", share > 0.55 ? " class=\"h\"" : "", share);
        if (l->count <= MOST_WRITTEN && share >= 0.005)
            fprintf(out, "%.0f", 100 * share);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

void heat_map_write(FILE *out, const tool_table *table, const tool_chart *chart,
                    const json_t *root) {
    const tool_axes *axes = chart_axes(table);
    const double marked = chart_number_at(root, axes->x_mark);
    size_t x;
    const layout l = lay_out_map(table, chart->x, &x);
    if (l.count == 0 || table->row_count == 0)
        return;
    html_put(out, "<figure class=\"map\"><figcaption><b>", chart->title,
             "</b> <span class=\"k\">rows: ");
    html_text(out, axes->y_title ? axes->y_title : table->kind->columns[x].title);
    if (axes->x_title)
        html_put(out, "; columns: ", axes->x_title, "");
    fputs("; percent of the row", out);
    if (isfinite(marked) && axes->mark)
        html_put(out, "; underlined: ", axes->mark, "");
    fprintf(out,
            "</span></figcaption><div class=\"scroll\" role=\"region\" tabindex=\"0\" "
            "aria-label=\"Heat map\"><table class=\"heat%s\">",
            l.count > MOST_WRITTEN ? " dense" : "");
    write_map_head(out, &l, marked);
    fputs("<tbody>", out);
    for (size_t i = 0; i < table->row_count && i < REPORT_ROWS; i++)
        write_map_row(out, &l, x, table->cells + i * table->column_count);
    fputs("</tbody></table></div></figure>\n", out);
}
