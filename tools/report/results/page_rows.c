#include "report/results/page_rows.h"

#include "report/html.h"
#include "report/results/grid.h"
#include "report/results/results.h"
#include "report/results/verdict.h"
#include <math.h>
#include <string.h>

static void write_cell(FILE *out, const char *text, double sort_by) {
    fputs("<td class=\"n\"", out);
    if (isfinite(sort_by))
        fprintf(out, " data-v=\"%.9g\"", sort_by);
    fputc('>', out);
    html_text(out, text);
    fputs("</td>", out);
}

/* The class of the style of a verdict. */
static const char *style_of(const json_t *row) {
    const char *judged = html_get_text(row, "verdict");
    return strcmp(judged, verdict_name(VERDICT_REACHED)) == 0  ? "good"
           : strcmp(judged, verdict_name(VERDICT_WITHIN)) == 0 ? "near"
           : strcmp(judged, verdict_name(VERDICT_MISSED)) == 0 ? "bad"
                                                               : "none";
}

static void write_verdict(FILE *out, const json_t *row) {
    char words[64];
    results_verdict(words, sizeof words, row);
    fprintf(out, "<td class=\"v %s\">", style_of(row));
    html_text(out, words);
    fputs("</td>", out);
}

static void write_unit(FILE *out, const char *unit) {
    fputs(" <span class=\"u\">", out);
    html_text(out, unit);
    fputs("</span>", out);
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
    if (!common)
        write_unit(out, html_get_text(row, "unit"));
    fputs("</td>", out);
    write_cell(out, *printed ? printed : "no number", paper);
    write_cell(out, ours, mean);
    write_cell(out, difference, distance);
    write_verdict(out, row);
    fprintf(out, "<td class=\"n\">%zu</td></tr>\n",
            json_array_size(json_object_get(row, "values")));
}

static void write_list(FILE *out, const char *caption, const json_t *rows) {
    static const char *const heads[] = {"figure",  "#paper", "#ours", "#difference",
                                        "verdict", "#seeds", NULL};
    size_t i;
    const json_t *row;
    html_table_open(out, caption, heads);
    json_array_foreach(rows, i, row) write_row(out, row, results_unit(rows));
    html_table_close(out);
}

/* Ours, and below it the paper's with a mark for the verdict. */
static void write_grid_cell(FILE *out, const json_t *row) {
    char ours[128], difference[64], words[64];
    const char *printed = html_get_text(row, "paper");
    double mean;
    if (!row) {
        fputs("<td></td>", out);
        return;
    }
    results_ours(ours, sizeof ours, row);
    results_difference(difference, sizeof difference, row);
    results_verdict(words, sizeof words, row);
    fputs("<td class=\"n\"", out);
    if (html_get(row, "mean", &mean))
        fprintf(out, " data-v=\"%.9g\"", mean);
    fprintf(out, " title=\"seeds: %zu", json_array_size(json_object_get(row, "values")));
    fprintf(out, "%s%s%s%s\">", *difference ? "; difference: " : "", difference, *words ? "; " : "",
            words);
    if (isfinite(mean))
        html_text(out, ours);
    else
        fprintf(out, "<span class=\"u\">%s</span>", ours);
    if (*printed) {
        fputs(" <span class=\"ci\">paper ", out);
        html_text(out, printed);
        fprintf(out, " <span class=\"v %s\">%s</span></span>", style_of(row), results_mark(row));
    }
    fputs("</td>", out);
}

static void write_grid(FILE *out, const char *caption, const json_t *rows,
                       const results_grid *grid) {
    const char *common = results_unit(rows);
    html_table_open_columns(out, caption, "figure", grid->columns, grid->column_count);
    for (size_t i = 0; i < grid->name_count; i++) {
        const char *unit = results_grid_unit(rows, grid->names[i]);
        fputs("<tr><td class=\"f\">", out);
        html_text(out, grid->names[i]);
        if (!common && unit)
            write_unit(out, unit);
        fputs("</td>", out);
        for (size_t k = 0; k < grid->column_count; k++)
            write_grid_cell(out, results_grid_cell(rows, grid->names[i], grid->columns[k]));
        fputs("</tr>\n", out);
    }
    html_table_close(out);
}

static void write_problems(FILE *out, const json_t *row) {
    size_t i;
    const json_t *problem;
    json_array_foreach(json_object_get(row, "problems"), i, problem) {
        if (json_is_true(json_object_get(problem, "none")))
            continue;
        fputs("<p class=\"note troubles\"><b>", out);
        html_text(out, html_get_text(problem, "record"));
        fputs("</b>: ", out);
        html_text(out, html_get_text(problem, "reason"));
        fputs("</p>\n", out);
    }
}

void results_rows(FILE *out, const json_t *rows) {
    char caption[512];
    size_t i;
    const json_t *row;
    const char *unit = results_unit(rows);
    results_grid grid;
    bool folded = !results_ran(rows);
    if (json_array_size(rows) == 0)
        return;
    bool gridded = results_grid_make(&grid, rows);
    snprintf(caption, sizeof caption, "%.300s%sMean over the seeds ± standard deviation%s",
             unit ? unit : "", unit ? ". " : "",
             gridded && results_printed(rows)
                 ? "; below, the paper's: ✓ reached, ≈ within the tolerance, ✗ not reached"
                 : "");
    fputs(folded ? "<details><summary>Not run</summary>\n" : "", out);
    if (gridded)
        write_grid(out, caption, rows, &grid);
    else
        write_list(out, caption, rows);
    fputs(folded ? "</details>\n" : "", out);
    json_array_foreach(rows, i, row) write_problems(out, row);
}
