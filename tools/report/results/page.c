/* "Beside the paper", the first section of the page. */
#include "report/html.h"
#include "report/picture.h"
#include "report/plot.h"
#include "report/results/results.h"
#include "report/results/verdict.h"
#include "report/section.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void write_cell(FILE *out, const char *text, double sort_by) {
    fputs("<td class=\"n\"", out);
    if (isfinite(sort_by))
        fprintf(out, " data-v=\"%.9g\"", sort_by);
    fputc('>', out);
    html_text(out, text);
    fputs("</td>", out);
}

static void write_verdict(FILE *out, const json_t *row) {
    const char *judged = html_get_text(row, "verdict");
    char words[64];
    results_verdict(words, sizeof words, row);
    const char *kind = strcmp(judged, verdict_name(VERDICT_REACHED)) == 0  ? "good"
                       : strcmp(judged, verdict_name(VERDICT_WITHIN)) == 0 ? "near"
                       : strcmp(judged, verdict_name(VERDICT_MISSED)) == 0 ? "bad"
                                                                           : "none";
    fprintf(out, "<td class=\"v %s\">", kind);
    html_text(out, words);
    fputs("</td>", out);
}

/* `common` is the unit of all rows of the table, or NULL. */
static void write_row(FILE *out, const json_t *row, const char *common) {
    char ours[128], difference[64];
    const char *printed = html_get_text(row, "paper");
    double paper, mean, distance;
    html_get(row, "paper_value", &paper);
    html_get(row, "mean", &mean);
    html_get(row, "difference", &distance);
    results_ours(ours, sizeof ours, row);
    results_difference(difference, sizeof difference, row);
    fputs("<tr><td class=\"f\">", out);
    html_text(out, html_get_text(row, "name"));
    if (!common) {
        fputs(" <span class=\"u\">", out);
        html_text(out, html_get_text(row, "unit"));
        fputs("</span>", out);
    }
    fputs("</td>", out);
    write_cell(out, *printed ? printed : "no number", paper);
    write_cell(out, ours, mean);
    write_cell(out, difference, distance);
    write_verdict(out, row);
    fprintf(out, "<td class=\"n\">%zu</td></tr>\n",
            json_array_size(json_object_get(row, "values")));
}

static void write_rows(FILE *out, const json_t *table) {
    static const char *const heads[] = {"figure",  "#paper", "#ours", "#difference",
                                        "verdict", "#seeds", NULL};
    char caption[400];
    const json_t *rows = json_object_get(table, "rows"), *row, *problem;
    size_t i, k;
    if (json_array_size(rows) == 0)
        return;
    const char *unit = results_unit(rows);
    snprintf(caption, sizeof caption, "%s%sMean over the seeds ± standard deviation",
             unit ? unit : "", unit ? ". " : "");
    html_table_open(out, caption, heads);
    json_array_foreach(rows, i, row) write_row(out, row, unit);
    html_table_close(out);
    json_array_foreach(rows, i, row) {
        json_array_foreach(json_object_get(row, "problems"), k, problem) {
            fputs("<p class=\"note troubles\"><b>", out);
            html_text(out, html_get_text(problem, "record"));
            fputs("</b>: ", out);
            html_text(out, html_get_text(problem, "reason"));
            fputs("</p>\n", out);
        }
    }
}

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

/* The points of one series, ours or those that the paper prints. */
static size_t fill(plot_point *points, const json_t *rows, const char *series, bool paper) {
    size_t i, count = 0;
    const json_t *row;
    json_array_foreach(rows, i, row) {
        double x, y, deviation;
        const char *printed = html_get_text(row, "paper");
        if (strcmp(html_get_text(row, "series"), series) != 0 || !html_get(row, "x", &x) ||
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

/* Ours; and the paper's too, where there is room for both. Nothing where there is none of ours. */
static void write_plot(report *r, const json_t *table) {
    const json_t *rows = json_object_get(table, "rows"), *spec = json_object_get(table, "plot");
    const char *names[PLOT_SERIES];
    char labels[PLOT_SERIES][64];
    size_t count = list_series(rows, names), room = json_array_size(rows) + 1, drawn = 0;
    bool both = 2 * count <= PLOT_SERIES;
    td_arena arena = {0};
    plot_point *points;
    if (!spec || count == 0 ||
        TD_ARENA_NEW(&arena, 2 * count * room, &points, "points", NULL) != TD_OK)
        return;
    plot p = plot_make("", html_get_text(spec, "x"), html_get_text(spec, "y"), PLOT_LINES);
    for (size_t i = 0; i < count; i++) {
        plot_point *ours = points + 2 * i * room, *paper = ours + room;
        size_t known = fill(ours, rows, names[i], false);
        drawn += known;
        plot_add(&p, names[i], ours, known);
        snprintf(labels[i], sizeof labels[i], "%.48s, paper", names[i]);
        if (both)
            plot_add(&p, labels[i], paper, fill(paper, rows, names[i], true));
    }
    p.percent = strcmp(html_get_text(json_array_get(rows, 0), "unit"), "%") == 0;
    p.least = least_of(&p);
    if (drawn > 0)
        plot_write(r, &p);
    td_arena_free(&arena);
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
    write_plot(r, table);
    write_rows(r->out, table);
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
