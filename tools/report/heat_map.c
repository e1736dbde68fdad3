/* Counts of classes against classes, or other numbers, as a table whose cells are shaded. */
#include "report/chart.h"
#include "report/html.h"
#include <math.h>
#include <string.h>

enum { MOST_WRITTEN = 20 /* columns up to which cells have their percents in them */ };

/* The columns of the map. */
typedef struct map {
    const tool_table *table;
    size_t x, columns[TOOL_TABLE_COLUMNS], count;
    double marked; /* the column that is; NAN: none */
} map;

static bool is_number(const tool_column *column) {
    return column->kind != TOOL_TEXT && column->kind != TOOL_FLAG;
}

static map map_of(const tool_table *table, const tool_chart *chart, const json_t *root) {
    const tool_axes *axes = chart_axes(table);
    const json_t *mark = root && axes->x_mark ? tool_json_at(root, axes->x_mark) : NULL;
    map m = {.table = table, .marked = json_is_number(mark) ? json_number_value(mark) : NAN};
    while (m.x < table->column_count && strcmp(table->kind->columns[m.x].name, chart->x) != 0)
        m.x++;
    for (size_t c = m.x + 1; c < table->column_count; c++)
        if (table->kind->columns[c].title && is_number(&table->kind->columns[c]))
            m.columns[m.count++] = c;
    return m;
}

static double value_of(const map *m, size_t row, size_t k) {
    const size_t c = m->columns[k];
    const double value = tool_cell_number(&m->table->kind->columns[c],
                                          &m->table->cells[row * m->table->column_count + c]);
    return isfinite(value) && value > 0 ? value : 0;
}

static void write_head(FILE *out, const map *m) {
    fputs("<thead><tr><td></td>", out);
    for (size_t k = 0; k < m->count; k++) {
        fprintf(out, "<th scope=\"col\"%s>", (double)k == m->marked ? " class=\"t\"" : "");
        html_put(out, "", m->table->kind->columns[m->columns[k]].title, "</th>");
    }
    fputs("</tr></thead>\n", out);
}

static void write_row(FILE *out, const map *m, size_t row) {
    char head[128];
    double total = 0;
    for (size_t k = 0; k < m->count; k++)
        total += value_of(m, row, k);
    if (m->table->kind->columns[m->columns[0]].kind == TOOL_RATE)
        total = 1; /* rates are shares of their own */
    html_put(out, "<tr><th scope=\"row\">",
             tool_cell_print_value(&m->table->kind->columns[m->x],
                                   &m->table->cells[row * m->table->column_count + m->x], head,
                                   sizeof head),
             "</th>");
    for (size_t k = 0; k < m->count; k++) {
        const double share = total > 0 ? value_of(m, row, k) / total : 0;
        if (!(share >= 0.0005)) {
            fputs("<td></td>", out);
            continue;
        }
        fprintf(out, "<td%s style=\"--v:%.3g\">", share > 0.55 ? " class=\"h\"" : "", share);
        if (m->count <= MOST_WRITTEN && share >= 0.005)
            fprintf(out, "%.0f", 100 * share);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

void heat_map_write(FILE *out, const tool_table *table, const tool_chart *chart,
                    const json_t *root) {
    const tool_axes *axes = chart_axes(table);
    const map m = map_of(table, chart, root);
    if (m.count == 0 || table->row_count == 0)
        return;
    html_put(out, "<figure class=\"map\"><figcaption><b>", chart->title,
             "</b> <span class=\"k\">rows: ");
    html_text(out, axes->y_title ? axes->y_title : table->kind->columns[m.x].title);
    if (axes->x_title) {
        html_put(out, "; columns: ", axes->x_title, "");
    }
    fputs("; percent of the row", out);
    if (isfinite(m.marked) && axes->mark) {
        html_put(out, "; underlined: ", axes->mark, "");
    }
    fprintf(out,
            "</span></figcaption><div class=\"scroll\" role=\"region\" tabindex=\"0\" "
            "aria-label=\"Heat map\"><table class=\"heat%s\">",
            m.count > MOST_WRITTEN ? " dense" : "");
    write_head(out, &m);
    fputs("<tbody>", out);
    for (size_t i = 0; i < table->row_count && i < REPORT_ROWS; i++)
        write_row(out, &m, i);
    fputs("</tbody></table></div></figure>\n", out);
}
