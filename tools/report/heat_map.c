/* Counts of classes against classes, as a table whose cells are shaded. */
#include "report/html.h"
#include "report/section.h"

enum {
    MOST_WRITTEN = 20, /* classes up to which cells have their percents in them */
    MOST = 100,        /* classes up to which the table is drawn */
};

static bool is_square(const json_t *counts) {
    size_t i, k, classes = json_array_size(counts);
    const json_t *row, *cell;
    json_array_foreach(counts, i, row) {
        if (json_array_size(row) != classes)
            return false;
        json_array_foreach(row, k, cell) {
            if (!json_is_number(cell) || json_number_value(cell) < 0)
                return false;
        }
    }
    return classes > 0;
}

static void write_head(FILE *out, size_t classes, json_int_t target) {
    fputs("<thead><tr><td></td>", out);
    for (size_t i = 0; i < classes; i++)
        fprintf(out, "<th scope=\"col\"%s>%zu</th>", (json_int_t)i == target ? " class=\"t\"" : "",
                i);
    fputs("</tr></thead>\n", out);
}

static void write_row(FILE *out, const json_t *row, size_t number) {
    double total = 0;
    size_t i, classes = json_array_size(row);
    const json_t *cell;
    json_array_foreach(row, i, cell) total += json_number_value(cell);
    fprintf(out, "<tr><th scope=\"row\">%zu</th>", number);
    json_array_foreach(row, i, cell) {
        double count = json_number_value(cell), share = total > 0 ? count / total : 0;
        if (share < 0.0005) {
            fputs("<td></td>", out);
            continue;
        }
        fprintf(out, "<td%s style=\"--v:%.3g\">", share > 0.55 ? " class=\"h\"" : "", share);
        if (classes <= MOST_WRITTEN && share >= 0.005)
            fprintf(out, "%.0f", 100 * share);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

void section_heat_map(FILE *out, const char *caption, const json_t *counts, json_int_t target) {
    size_t i, classes = json_array_size(counts);
    const json_t *row;
    if (!is_square(counts))
        return;
    fputs("<figure class=\"map\"><figcaption><b>", out);
    html_text(out, caption);
    fputs("</b> <span class=\"k\">rows: true class; columns: predicted; percent of the row", out);
    fprintf(out, "%s</span></figcaption>", target >= 0 ? "; the target is underlined" : "");
    if (classes > MOST) {
        fprintf(out, "<p class=\"note\">%zu classes are too many to draw.</p></figure>\n", classes);
        return;
    }
    fprintf(out,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Heat map\"><table "
            "class=\"heat%s\">",
            classes > MOST_WRITTEN ? " dense" : "");
    write_head(out, classes, target);
    fputs("<tbody>", out);
    json_array_foreach(counts, i, row) write_row(out, row, i);
    fputs("</tbody></table></div></figure>\n", out);
}
