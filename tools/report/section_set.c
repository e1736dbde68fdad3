/* Data sets, as trapdoor-data info tells of them: sizes, statistics, and images by class. */
#include "report/html.h"
#include "report/plot.h"
#include "report/section.h"
#include <math.h>

enum { CLASSES = 1000 };

static bool shows(report *r, const report_record *record) {
    (void)r;
    const json_t *set = json_array_get(json_object_get(record->root, "sets"), 0);
    return json_is_array(json_object_get(set, "class_counts"));
}

static void write_counts(report *r, const json_t *set) {
    plot_point points[CLASSES];
    const json_t *counts = json_object_get(set, "class_counts"), *value;
    size_t i, count = 0;
    json_array_foreach(counts, i, value) {
        if (i < CLASSES)
            points[count++] = (plot_point){(double)i, json_number_value(value), NAN, NAN};
    }
    plot p = plot_make(html_get_text(set, "data"), "class", "images", PLOT_BARS);
    p.whole = true;
    plot_add(&p, "images", points, count);
    plot_write(r, &p);
}

static void write_row(FILE *out, const json_t *set) {
    static const char *const lists[] = {"mean", "deviation"};
    fputs("<tr>", out);
    html_cell(out, html_get_text(set, "data"));
    html_cell_number(out, set, "images");
    html_cell_number(out, set, "height");
    html_cell_number(out, set, "width");
    html_cell_number(out, set, "channels");
    html_cell_number(out, set, "classes");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        fputs("<td class=\"n\">", out);
        html_json(out, json_object_get(set, lists[i]));
        fputs("</td>", out);
    }
    html_cell_number(out, json_object_get(set, "duplicates"), "images");
    fputs("</tr>\n", out);
}

static void write(report *r, const report_record *record) {
    static const char *const heads[] = {"data",        "#images",  "#height", "#width",
                                        "#channels",   "#classes", "#mean",   "#deviation",
                                        "#duplicates", NULL};
    const json_t *sets = json_object_get(record->root, "sets"), *set;
    size_t i;
    html_table_open(r->out, "Data sets; mean and deviation of pixel values 0 to 255", heads);
    json_array_foreach(sets, i, set) {
        if (i < REPORT_ROWS)
            write_row(r->out, set);
    }
    html_row_more(r->out, REPORT_ROWS, i, sizeof heads / sizeof *heads - 1);
    html_table_close(r->out);
    fputs("<div class=\"charts\">\n", r->out);
    json_array_foreach(sets, i, set) write_counts(r, set);
    fputs("</div>\n", r->out);
}

static void headline(FILE *out, const json_t *root) {
    double images, classes;
    const json_t *set = json_array_get(json_object_get(root, "sets"), 0);
    if (html_get(set, "images", &images) && html_get(set, "classes", &classes))
        fprintf(out, "%.9g images, %.9g classes", images, classes);
}

const report_section section_set = {"Data sets", shows, write, headline};
