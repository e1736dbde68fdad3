/* results.md. */
#include "report/html.h"
#include "report/results/grid.h"
#include "report/results/results.h"
#include "report/results/verdict.h"
#include <math.h>
#include <string.h>

enum { WIDEST = 20 }; /* classes of a matrix that is written out */

/* Text for a line or a table's cell: nothing of it is markup. */
static void put(FILE *out, const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            fputc(' ', out);
        else if (strchr("\\`*_|<>[]#~&", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

/* A path as a link's target: bytes that would end it are encoded. */
static void put_target(FILE *out, const char *path) {
    for (; *path; path++) {
        unsigned char byte = (unsigned char)*path;
        if (byte <= 0x20 || byte >= 0x7F || strchr("()<>\\%\"", byte))
            fprintf(out, "%%%02X", byte);
        else
            fputc(byte, out);
    }
}

/* `common` is the unit of all rows of the table, or NULL. */
static void write_row(FILE *out, const json_t *row, const char *common) {
    char ours[128], difference[64], judged[64];
    const char *printed = html_get_text(row, "paper");
    results_ours(ours, sizeof ours, row);
    results_difference(difference, sizeof difference, row);
    results_verdict(judged, sizeof judged, row);
    fputs("| ", out);
    put(out, html_get_text(row, "name"));
    if (!common) {
        fputs(" (", out);
        put(out, html_get_text(row, "unit"));
        fputc(')', out);
    }
    fputs(" | ", out);
    put(out, *printed ? printed : "no number");
    fprintf(out, " | %s | %s | %s | %zu |\n", ours, difference, judged,
            json_array_size(json_object_get(row, "values")));
}

static void write_list_of_rows(FILE *out, const json_t *rows) {
    size_t i;
    const json_t *row;
    const char *unit = results_unit(rows);
    fputs("| ", out);
    put(out, unit ? unit : "Figure");
    fputs(" | paper | ours | difference | verdict | seeds |\n|---|--:|--:|--:|---|--:|\n", out);
    json_array_foreach(rows, i, row) write_row(out, row, unit);
}

/* "63.04 ± 10.36 (73 ✗)" */
static void write_cell(FILE *out, const json_t *row) {
    char ours[128];
    const char *printed = html_get_text(row, "paper"), *mark = results_mark(row);
    fputs(" | ", out);
    if (!row)
        return;
    results_ours(ours, sizeof ours, row);
    fputs(ours, out);
    if (!*printed)
        return;
    fputs(" (", out);
    put(out, printed);
    fprintf(out, "%s%s)", *mark ? " " : "", mark);
}

static void write_grid_head(FILE *out, const char *unit, const results_grid *grid) {
    fputs("| ", out);
    put(out, unit ? unit : "Figure");
    for (size_t k = 0; k < grid->column_count; k++) {
        fputs(" | ", out);
        put(out, grid->columns[k]);
    }
    fputs(" |\n|---|", out);
    for (size_t k = 0; k < grid->column_count; k++)
        fputs("--:|", out);
}

static void write_grid(FILE *out, const json_t *rows, const results_grid *grid) {
    const char *common = results_unit(rows);
    write_grid_head(out, common, grid);
    for (size_t i = 0; i < grid->name_count; i++) {
        const char *unit = results_grid_unit(rows, grid->names[i]);
        fputs("\n| ", out);
        put(out, grid->names[i]);
        if (!common && unit) {
            fputs(" (", out);
            put(out, unit);
            fputc(')', out);
        }
        for (size_t k = 0; k < grid->column_count; k++)
            write_cell(out, results_grid_cell(rows, grid->names[i], grid->columns[k]));
        fputs(" |", out);
    }
    fputs(results_printed(rows) ? "\n\nOurs, and in brackets the paper's: ✓ reached, ≈ within the "
                                  "tolerance, ✗ not reached.\n"
                                : "\n",
          out);
}

static void write_problems(FILE *out, const json_t *row) {
    size_t i;
    const json_t *problem;
    json_array_foreach(json_object_get(row, "problems"), i, problem) {
        if (json_is_true(json_object_get(problem, "none")))
            continue;
        fputs("No value of ", out);
        put(out, html_get_text(row, "name"));
        fputs(": ", out);
        put(out, html_get_text(problem, "record"));
        fputs(": ", out);
        put(out, html_get_text(problem, "reason"));
        fputs("\n\n", out);
    }
}

static void write_rows(FILE *out, const json_t *rows) {
    size_t i;
    const json_t *row;
    results_grid grid;
    if (json_array_size(rows) == 0)
        return;
    if (!results_ran(rows)) {
        fputs("Not run.\n\n", out);
        return;
    }
    if (results_grid_make(&grid, rows))
        write_grid(out, rows, &grid);
    else
        write_list_of_rows(out, rows);
    fputc('\n', out);
    json_array_foreach(rows, i, row) write_problems(out, row);
}

static void write_numbers(FILE *out, const json_t *numbers) {
    size_t i;
    const json_t *number;
    json_array_foreach(numbers, i, number)
        fprintf(out, "%s%.2f", i > 0 ? " " : "", json_number_value(number));
}

static void write_lists(FILE *out, const json_t *lists) {
    size_t i;
    const json_t *list;
    if (json_array_size(lists) == 0)
        return;
    fputs("| | paper | ours |\n|---|---|---|\n", out);
    json_array_foreach(lists, i, list) {
        fputs("| ", out);
        put(out, html_get_text(list, "name"));
        fputs(" | ", out);
        write_numbers(out, json_object_get(list, "paper"));
        fputs(" | ", out);
        if (json_object_get(list, "values"))
            write_numbers(out, json_object_get(list, "values"));
        else
            put(out, json_object_get(list, "problem") ? html_get_text(list, "problem") : "not run");
        fputs(" |\n", out);
    }
    fputc('\n', out);
}

/* Percents of each row. */
static void write_counts(FILE *out, const json_t *counts) {
    size_t i, k, classes = json_array_size(counts);
    const json_t *row, *count;
    fputs("| |", out);
    for (i = 0; i < classes; i++)
        fprintf(out, " %zu |", i);
    fputs("\n|--:|", out);
    for (i = 0; i < classes; i++)
        fputs("--:|", out);
    fputc('\n', out);
    json_array_foreach(counts, i, row) {
        double sum = 0;
        fprintf(out, "| **%zu** |", i);
        json_array_foreach(row, k, count) sum += json_number_value(count);
        json_array_foreach(row, k, count) {
            double share = sum > 0 ? 100 * json_number_value(count) / sum : 0;
            if (k == classes)
                break;
            if (share >= 0.5)
                fprintf(out, " %.0f |", share);
            else
                fputs(" |", out);
        }
        fputc('\n', out);
    }
}

static void write_matrices(FILE *out, const json_t *matrices) {
    size_t i;
    const json_t *matrix;
    json_array_foreach(matrices, i, matrix) {
        const json_t *counts = json_object_get(matrix, "counts");
        fputs("**", out);
        put(out, html_get_text(matrix, "name"));
        fputs("**", out);
        if (!counts) {
            fputs(": ", out);
            put(out,
                json_object_get(matrix, "problem") ? html_get_text(matrix, "problem") : "not run");
            fputs("\n\n", out);
            continue;
        }
        fputs(": rows are true classes, columns predicted ones, percent of the row (", out);
        put(out, html_get_text(matrix, "record"));
        fputs(")\n\n", out);
        if (json_array_size(counts) <= WIDEST)
            write_counts(out, counts);
        else
            fputs("Too many classes to write out.\n", out);
        fputc('\n', out);
    }
}

static void write_pictures(FILE *out, const json_t *pictures) {
    size_t i;
    const json_t *picture;
    json_array_foreach(pictures, i, picture) {
        const char *file = json_string_value(json_array_get(json_object_get(picture, "files"), 0));
        if (file) {
            fputs("![", out);
            put(out, html_get_text(picture, "name"));
            fputs("](", out);
            put_target(out, file);
            fputs(")\n\n", out);
        } else {
            put(out, html_get_text(picture, "name"));
            fputs(": not run\n\n", out);
        }
    }
}

static void write_table(FILE *out, const json_t *table) {
    fputs("## ", out);
    put(out, html_get_text(table, "title"));
    fputs("\n\n", out);
    if (json_object_get(table, "note")) {
        put(out, html_get_text(table, "note"));
        fputs("\n\n", out);
    }
    write_rows(out, json_object_get(table, "rows"));
    write_lists(out, json_object_get(table, "lists"));
    write_matrices(out, json_object_get(table, "matrices"));
    write_pictures(out, json_object_get(table, "pictures"));
}

static void write_paper(FILE *out, const json_t *paper) {
    size_t i;
    const json_t *table, *choice;
    fputs("# Beside the paper\n\n", out);
    put(out, html_get_text(paper, "paper"));
    fputs(".\n\n", out);
    results_summary(out, paper);
    fputs("\n\n", out);
    json_array_foreach(json_object_get(paper, "tables"), i, table) write_table(out, table);
    if (json_array_size(json_object_get(paper, "choices")) > 0)
        fputs("## Choices where the paper is silent\n\n", out);
    json_array_foreach(json_object_get(paper, "choices"), i, choice) {
        fputs("- ", out);
        put(out, json_string_value(choice));
        fputc('\n', out);
    }
    if (i > 0)
        fputc('\n', out);
}

static void write_setting(FILE *out, const json_t *settings, const char *key, const char *name) {
    size_t i;
    const json_t *values = json_object_get(settings, key), *value;
    if (json_array_size(values) == 0)
        return;
    fprintf(out, "- %s: ", name);
    json_array_foreach(values, i, value) {
        fputs(i > 0 ? "; " : "", out);
        if (json_is_integer(value))
            fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_string(value))
            put(out, json_string_value(value));
    }
    fputc('\n', out);
}

void results_markdown(FILE *out, const json_t *results) {
    size_t i;
    const json_t *paper, *settings = json_object_get(results, "settings");
    double seconds;
    json_array_foreach(json_object_get(results, "papers"), i, paper) write_paper(out, paper);
    fputs("## Settings\n\n", out);
    write_setting(out, settings, "notes", "run");
    write_setting(out, settings, "seeds", "seeds");
    write_setting(out, settings, "machines", "machine");
    write_setting(out, settings, "threads", "threads of a step");
    write_setting(out, settings, "blas_cores", "OpenBLAS core");
    write_setting(out, settings, "versions", "version");
    html_get(settings, "seconds", &seconds);
    fprintf(out,
            "- records: %" JSON_INTEGER_FORMAT ", which took %.1f minutes one after the other\n\n",
            json_integer_value(json_object_get(settings, "records")),
            isfinite(seconds) ? seconds / 60 : 0);
    fprintf(out, "## How a verdict is made\n\n%s\n", verdict_rule);
}
