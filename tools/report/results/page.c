/* "Beside the paper", the first section of the page. */
#include "report/html.h"
#include "report/picture.h"
#include "report/results/page_rows.h"
#include "report/results/plot_rows.h"
#include "report/results/results.h"
#include "report/results/verdict.h"
#include "report/section.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void write_numbers(FILE *out, const json_t *numbers) {
    size_t i;
    const json_t *number;
    json_array_foreach(numbers, i, number) {
        if (i < 50)
            fprintf(out, "%s%.2f", i > 0 ? " " : "", json_number_value(number));
    }
}

static void write_lists(FILE *out, const json_t *lists) {
    static const char *const heads[] = {"figure", "paper", "ours, first seed", NULL};
    size_t i;
    const json_t *list;
    if (json_array_size(lists) == 0)
        return;
    html_table_open(out, "Numbers of one image, as the paper gives them", heads);
    json_array_foreach(lists, i, list) {
        const json_t *values = json_object_get(list, "values");
        fputs("<tr>", out);
        html_cell(out, html_get_text(list, "name"));
        fputs("<td class=\"l\">", out);
        write_numbers(out, json_object_get(list, "paper"));
        fputs("</td><td class=\"l\">", out);
        if (values)
            write_numbers(out, values);
        else
            html_text(out, json_object_get(list, "problem") ? html_get_text(list, "problem")
                                                            : "not run");
        fputs("</td></tr>\n", out);
    }
    html_table_close(out);
}

static void write_matrices(FILE *out, const json_t *matrices) {
    size_t i;
    const json_t *matrix;
    if (json_array_size(matrices) == 0)
        return;
    fputs("<div class=\"maps\">\n", out);
    json_array_foreach(matrices, i, matrix) {
        double target;
        const json_t *counts = json_object_get(matrix, "counts");
        const char *name = html_get_text(matrix, "name");
        html_get(matrix, "target", &target);
        if (counts) {
            section_heat_map(out, name, counts, isfinite(target) ? (json_int_t)target : -1);
            continue;
        }
        fputs("<p class=\"note\">", out);
        html_text(out, name);
        fputs(": ", out);
        html_text(out, json_object_get(matrix, "problem") ? html_get_text(matrix, "problem")
                                                          : "not run");
        fputs("</p>\n", out);
    }
    fputs("</div>\n", out);
}

static const report_file *find_file(const report *r, const char *name) {
    for (size_t i = 0; i < r->file_count; i++)
        if (strcmp(r->files[i].name, name) == 0)
            return &r->files[i];
    return NULL;
}

static void write_pictures(report *r, const json_t *pictures) {
    size_t i;
    const json_t *picture;
    if (json_array_size(pictures) == 0)
        return;
    fputs("<div class=\"gallery\">\n", r->out);
    json_array_foreach(pictures, i, picture) {
        const char *name = html_get_text(picture, "name"),
                   *path = json_string_value(json_array_get(json_object_get(picture, "files"), 0));
        const report_file *file = path ? find_file(r, path) : NULL;
        fputs("<figure class=\"picture\">", r->out);
        bool shown = file && picture_write(r, file, name);
        fputs("<figcaption>", r->out);
        html_text(r->out, name);
        fputs(shown ? "" : file ? ": cannot be shown" : ": not run", r->out);
        fputs("</figcaption></figure>\n", r->out);
    }
    fputs("</div>\n", r->out);
}

static void write_table(report *r, const json_t *table) {
    fputs("<h3>", r->out);
    html_text(r->out, html_get_text(table, "title"));
    fputs("</h3>\n", r->out);
    if (json_object_get(table, "note")) {
        fputs("<p class=\"note\">", r->out);
        html_text(r->out, html_get_text(table, "note"));
        fputs("</p>\n", r->out);
    }
    results_plot(r, table);
    results_rows(r->out, json_object_get(table, "rows"));
    write_lists(r->out, json_object_get(table, "lists"));
    write_matrices(r->out, json_object_get(table, "matrices"));
    write_pictures(r, json_object_get(table, "pictures"));
}

static void write_paper(report *r, const json_t *paper) {
    size_t i;
    const json_t *table, *choice, *choices = json_object_get(paper, "choices");
    fputs("<p>", r->out);
    html_text(r->out, html_get_text(paper, "paper"));
    fputs(".</p>\n<p class=\"summary\">", r->out);
    results_summary(r->out, paper);
    fputs("</p>\n", r->out);
    json_array_foreach(json_object_get(paper, "tables"), i, table) write_table(r, table);
    if (json_array_size(choices) == 0)
        return;
    fputs("<h3>Choices where the paper is silent</h3>\n<ul class=\"choices\">\n", r->out);
    json_array_foreach(choices, i, choice) {
        fputs("<li>", r->out);
        html_text(r->out, json_string_value(choice));
        fputs("</li>\n", r->out);
    }
    fputs("</ul>\n", r->out);
}

static void write_settings(FILE *out, const json_t *settings) {
    static const char *const names[][2] = {{"notes", "run"},
                                           {"seeds", "seeds"},
                                           {"machines", "machine"},
                                           {"threads", "threads of a step"},
                                           {"blas_cores", "OpenBLAS core"},
                                           {"versions", "version"}};
    fputs("<h3>Settings</h3>\n<dl class=\"values\">\n", out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *values = json_object_get(settings, names[i][0]);
        if (json_array_size(values) == 0)
            continue;
        fprintf(out, "<div><dt>%s</dt><dd>", names[i][1]);
        html_json(out, values);
        fputs("</dd></div>\n", out);
    }
    fputs("</dl>\n<p class=\"note\">", out);
    fputs(verdict_rule, out);
    fputs("</p>\n", out);
}

void results_page(report *r, const json_t *results) {
    size_t i;
    const json_t *paper;
    if (!results)
        return;
    fputs("<section id=\"paper\"><h2>Beside the paper</h2>\n", r->out);
    json_array_foreach(json_object_get(results, "papers"), i, paper) write_paper(r, paper);
    write_settings(r->out, json_object_get(results, "settings"));
    fputs("</section>\n", r->out);
}
