/* Results for people, on the page and in Markdown: the same tables. */
#include "report/chart.h"
#include "report/html.h"
#include "report/picture.h"
#include "report/results/expect.h"
#include "report/results/results.h"
#include "report/results/verdict.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDEST = 20,                /* classes of a matrix that is written out in Markdown */
    NAME = 2 * EXPECT_TEXT + 16 /* bytes of a figure's name with its unit, and the like */
};

static const char mean[] = "Mean over the seeds ± standard deviation";

/* Where the results go, and the tables that are being shown. */
typedef struct view {
    report *r; /* the page's; NULL for Markdown */
    FILE *out;
    tool_tables tables;
} view;

/* --- text --- */

static void put(const view *v, const char *text) {
    if (v->r)
        html_prose(v->out, text);
    else
        report_text_markdown(v->out, text);
}

/* `before` text `after`, of which the outer ones are markup: of the page, or of Markdown. */
static void put_in(const view *v, const char *html_before, const char *html_after,
                   const char *before, const char *after, const char *text) {
    fputs(v->r ? html_before : before, v->out);
    put(v, text);
    fputs(v->r ? html_after : after, v->out);
}

static void put_heading(const view *v, const char *text) {
    put_in(v, "<h3>", "</h3>\n", "## ", "\n\n", text);
}

static void put_note(const view *v, const char *text) {
    put_in(v, "<p class=\"note\">", "</p>\n", "", "\n\n", text);
}

static void put_table(view *v, const tool_table *table) {
    if (v->r) {
        report_table(v->r, NULL, table);
        return;
    }
    report_table_markdown(v->out, table);
    fputc('\n', v->out);
}

/* --- tables --- */

static td_status keep_text(view *v, const char *text, const char **out, td_error *error) {
    char *copy;
    TD_TRY(td_arena_text(&v->tables.arena, text, strlen(text), &copy, error));
    *out = copy;
    return TD_OK;
}

static const tool_axes matrix_axes = {
    .x_title = "predicted class", .x_mark = "/target", .mark = "the target"};

/* A table of texts. `sides` has an r for a column at the right, n for one of numbers, and else l;
 * the last letter is for all columns that follow. Titles are borrowed. */
static td_status add_table(view *v, const char *title, const char *const *titles, size_t count,
                           const char *sides, tool_table **out, td_error *error) {
    tool_table_kind *kind;
    tool_column *columns;
    TD_TRY(TD_ARENA_NEW(&v->tables.arena, 1, &kind, "results", error));
    TD_TRY(TD_ARENA_NEW(&v->tables.arena, count + 1, &columns, "results", error));
    for (size_t i = 0; i < count; i++) {
        columns[i] = (tool_column){.name = titles[i],
                                   .title = titles[i],
                                   .kind = *sides == 'n' ? TOOL_REAL : TOOL_TEXT,
                                   .right = *sides != 'l'};
        sides += sides[1] != '\0';
    }
    *kind = (tool_table_kind){.title = title, .columns = columns, .axes = &matrix_axes};
    return tool_table_add(&v->tables, kind, out, error);
}

/* A row of as many texts as the table has columns; NULL leaves a cell empty. */
static td_status add_row(view *v, tool_table *table, const char *const *texts, td_error *error) {
    tool_cell *cells;
    TD_TRY(tool_table_row(&v->tables, table, &cells, error));
    for (size_t i = 0; i < table->column_count; i++)
        TD_TRY(tool_cell_text(&v->tables, &cells[i], texts[i], error));
    return TD_OK;
}

/* The unit that all rows have, or those of this name, "Percent" for "%"; or NULL. */
static const char *unit_of(const json_t *rows, const char *name) {
    const char *unit = NULL;
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row) {
        if (name && strcmp(html_get_text(row, "name"), name) != 0)
            continue;
        if (unit && strcmp(html_get_text(row, "unit"), unit) != 0)
            return NULL;
        unit = html_get_text(row, "unit");
    }
    return unit && !name && strcmp(unit, "%") == 0 ? "Percent" : unit;
}

/* What the first column is headed by, and the name in it, with its unit where there are several. */
static const char *head_of(const json_t *rows) {
    const char *unit = unit_of(rows, NULL);
    return unit ? unit : "Figure";
}

static const char *name_of(const json_t *rows, const char *name, char out[NAME]) {
    const char *unit = unit_of(rows, NULL) ? NULL : unit_of(rows, name);
    snprintf(out, NAME, "%s%s%s%s", name, unit ? " (" : "", unit ? unit : "", unit ? ")" : "");
    return out;
}

/* Figure by figure. */
static td_status add_list(view *v, const json_t *rows, tool_table **out, td_error *error) {
    const char *const titles[] = {head_of(rows), "paper", "ours", "difference", "verdict", "seeds"};
    char name[NAME], column[NAME], ours[128], difference[64], judged[64], seeds[24];
    size_t i;
    const json_t *row;
    TD_TRY(add_table(v, mean, titles, 6, "lrrrlr", out, error));
    json_array_foreach(rows, i, row) {
        const char *printed = html_get_text(row, "paper"), *of = html_get_text(row, "column");
        results_ours(ours, sizeof ours, row);
        results_difference(difference, sizeof difference, row);
        results_verdict(judged, sizeof judged, row);
        name_of(rows, html_get_text(row, "name"), name);
        snprintf(column, sizeof column, "%.300s%s%.300s", name, *of ? ", " : "", of);
        snprintf(seeds, sizeof seeds, "%zu", json_array_size(json_object_get(row, "values")));
        const char *const texts[] = {
            column, *printed ? printed : "no number", ours, difference, judged, seeds};
        TD_TRY(add_row(v, *out, texts, error));
    }
    return TD_OK;
}

static size_t add_once(const char **texts, size_t count, const char *text) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(texts[i], text) == 0)
            return count;
    texts[count] = text;
    return count + 1;
}

/* The texts that rows have in a field, each once, in their order; returns how many. */
static size_t list_texts(const json_t *rows, const char *field, const char *texts[EXPECT_ENTRIES]) {
    size_t i, count = 0;
    const json_t *row;
    json_array_foreach(rows, i, row) count = add_once(texts, count, html_get_text(row, field));
    return count;
}

/* "63.04 ± 10.36 (73 ✗)" */
static void print_grid_cell(const json_t *row, char out[NAME]) {
    static const char *const signs[VERDICT_KINDS] = {" ✓", " ≈", " ✗", "", "", ""};
    const char *printed = html_get_text(row, "paper");
    int judged = 0;
    while (strcmp(html_get_text(row, "verdict"), verdict_name((verdict)judged)) != 0)
        judged++;
    results_ours(out, 128, row);
    if (*printed)
        snprintf(out + strlen(out), NAME - 128, " (%.300s%s)", printed, signs[judged]);
}

/* Rows that have a `column` stand in a grid, as the paper's table does. *out is NULL if none has,
 * or there are too many. */
static td_status add_grid(view *v, const json_t *rows, tool_table **out, td_error *error) {
    const char *names[EXPECT_ENTRIES], *columns[EXPECT_ENTRIES + 1] = {head_of(rows)},
                                                                 *texts[TOOL_TABLE_COLUMNS];
    const size_t name_count = list_texts(rows, "name", names),
                 column_count = list_texts(rows, "column", columns + 1);
    char name[NAME], cells[TOOL_TABLE_COLUMNS][NAME];
    size_t i;
    const json_t *row;
    *out = NULL;
    if ((column_count == 1 && *columns[1] == '\0') || column_count >= TOOL_TABLE_COLUMNS)
        return TD_OK;
    TD_TRY(add_table(v, mean, columns, column_count + 1, "lr", out, error));
    for (size_t n = 0; n < name_count; n++) {
        memset(texts, 0, sizeof texts);
        texts[0] = name_of(rows, names[n], name);
        json_array_foreach(rows, i, row) {
            size_t c = 1;
            while (strcmp(columns[c], html_get_text(row, "column")) != 0)
                c++;
            if (strcmp(names[n], html_get_text(row, "name")) != 0 || texts[c])
                continue;
            print_grid_cell(row, cells[c]);
            texts[c] = cells[c];
        }
        TD_TRY(add_row(v, *out, texts, error));
    }
    return TD_OK;
}

/* Whether any record of the rows was found, and whether the paper prints any of their figures. */
static bool was_run(const json_t *rows) {
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (strcmp(html_get_text(json_array_get(rows, i), "verdict"),
                   verdict_name(VERDICT_NOT_RUN)) != 0)
            return true;
    return false;
}

static bool is_printed(const json_t *rows) {
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (*html_get_text(json_array_get(rows, i), "paper"))
            return true;
    return false;
}

static void write_problems(view *v, const json_t *row) {
    char line[4 * EXPECT_TEXT];
    size_t i;
    const json_t *problem;
    json_array_foreach(json_object_get(row, "problems"), i, problem) {
        if (json_is_true(json_object_get(problem, "none")))
            continue;
        snprintf(line, sizeof line, "No value of %.300s: %.300s: %.290s",
                 html_get_text(row, "name"), html_get_text(problem, "record"),
                 html_get_text(problem, "reason"));
        put_note(v, line);
    }
}

static void put_folded(view *v, const char *summary, const tool_table *table) {
    fprintf(v->out, "<details><summary>%s</summary>\n", summary);
    put_table(v, table);
    fputs("</details>\n", v->out);
}

static td_status write_rows(view *v, const json_t *rows, td_error *error) {
    tool_table *list, *grid;
    size_t i;
    const json_t *row;
    if (json_array_size(rows) == 0)
        return TD_OK;
    TD_TRY(add_list(v, rows, &list, error));
    TD_TRY(add_grid(v, rows, &grid, error));
    if (!was_run(rows)) {
        if (v->r)
            put_folded(v, "Not run", grid ? grid : list);
        else
            put_note(v, "Not run.");
        return TD_OK;
    }
    put_table(v, grid ? grid : list);
    if (grid && is_printed(rows))
        put_note(v, "Ours, and in brackets the paper's: ✓ reached, ≈ within the tolerance, ✗ not "
                    "reached.");
    if (v->r && grid)
        put_folded(v, "Figure by figure", list);
    json_array_foreach(rows, i, row) write_problems(v, row);
    return TD_OK;
}

/* --- lists of numbers --- */

static const char *state_of(const json_t *entry) {
    return json_object_get(entry, "problem") ? html_get_text(entry, "problem") : "not run";
}

static const char *print_numbers(const json_t *numbers, char *out, size_t size) {
    size_t i, used = 0;
    const json_t *number;
    *out = '\0';
    json_array_foreach(numbers, i, number) {
        const double value = json_number_value(number);
        if (used + 24 > size)
            break;
        used += (size_t)snprintf(out + used, size - used, fabs(value) < 1e9 ? "%s%.2f" : "%s%.3g",
                                 i > 0 ? " " : "", value);
    }
    return out;
}

static td_status write_lists(view *v, const json_t *lists, td_error *error) {
    static const char *const titles[] = {"Figure", "paper", "ours"};
    char paper[16 * EXPECT_ENTRIES], ours[16 * EXPECT_ENTRIES];
    tool_table *table;
    size_t i;
    const json_t *list;
    if (json_array_size(lists) == 0)
        return TD_OK;
    TD_TRY(add_table(v, "Numbers of one image, ours of the first seed", titles, 3, "l", &table,
                     error));
    json_array_foreach(lists, i, list) {
        const json_t *values = json_object_get(list, "values");
        const char *const texts[] = {
            html_get_text(list, "name"),
            print_numbers(json_object_get(list, "paper"), paper, sizeof paper),
            values ? print_numbers(values, ours, sizeof ours) : state_of(list)};
        TD_TRY(add_row(v, table, texts, error));
    }
    put_table(v, table);
    return TD_OK;
}

/* --- matrices --- */

/* A square of counts as a table: as they are on the page, in Markdown as percents of the row. NULL
 * if it is none. */
static td_status add_matrix(view *v, const json_t *counts, tool_table **out, td_error *error) {
    const size_t classes = json_array_size(counts);
    const char *titles[TOOL_TABLE_COLUMNS] = {"true class"};
    char numbers[TOOL_TABLE_COLUMNS][8], text[32];
    tool_cell *cells;
    *out = NULL;
    if (classes >= TOOL_TABLE_COLUMNS)
        return TD_OK;
    for (size_t i = 0; i < classes; i++) {
        if (json_array_size(json_array_get(counts, i)) != classes)
            return TD_OK;
        snprintf(numbers[i], sizeof numbers[i], "%zu", i);
        TD_TRY(keep_text(v, numbers[i], &titles[i + 1], error));
    }
    TD_TRY(add_table(v, "", titles, classes + 1, v->r ? "ln" : "lr", out, error));
    for (size_t i = 0; i < classes; i++) {
        const json_t *row = json_array_get(counts, i);
        double sum = 0;
        TD_TRY(tool_table_row(&v->tables, *out, &cells, error));
        tool_cell_word(&cells[0], titles[i + 1]);
        for (size_t k = 0; k < classes; k++)
            sum += json_number_value(json_array_get(row, k));
        for (size_t k = 0; k < classes; k++) {
            const double count = json_number_value(json_array_get(row, k)),
                         share = sum > 0 ? 100 * count / sum : 0;
            snprintf(text, sizeof text, "%.0f", share);
            if (v->r)
                tool_cell_real(&cells[k + 1], count);
            else if (share >= 0.5)
                TD_TRY(tool_cell_text(&v->tables, &cells[k + 1], text, error));
        }
    }
    return TD_OK;
}

static td_status write_matrix(view *v, const json_t *matrix, td_error *error) {
    const tool_chart chart = {html_get_text(matrix, "name"), TOOL_CHART_HEAT, "true class", {NULL}};
    const json_t *counts = json_object_get(matrix, "counts");
    tool_table *table;
    TD_TRY(add_matrix(v, counts, &table, error));
    if (v->r && counts && table) {
        chart_write(v->r, table, &chart, matrix);
        return TD_OK;
    }
    put_in(v, "<p class=\"note\">", "", "**", "**", chart.title);
    if (!counts) {
        put_in(v, ": ", "</p>\n", ": ", "\n\n", state_of(matrix));
        return TD_OK;
    }
    if (v->r) {
        fputs(": too many classes to draw.</p>\n", v->out);
        return TD_OK;
    }
    put_in(v, "", "", ": rows are true classes, columns predicted ones, percent of the row (",
           ")\n\n", html_get_text(matrix, "record"));
    if (table && json_array_size(counts) <= WIDEST)
        put_table(v, table);
    else
        put_note(v, "Too many classes to write out.");
    return TD_OK;
}

/* --- pictures --- */

static const report_file *find_file(const report *r, const char *name) {
    for (size_t i = 0; i < r->file_count && name; i++)
        if (strcmp(r->files[i].name, name) == 0)
            return &r->files[i];
    return NULL;
}

/* A path as a link's target: bytes that would end it are encoded. */
static void put_target(FILE *out, const char *path) {
    for (; *path; path++) {
        const unsigned char byte = (unsigned char)*path;
        if (byte <= 0x20 || byte >= 0x7F || strchr("()<>\\%\"", byte))
            fprintf(out, "%%%02X", byte);
        else
            fputc(byte, out);
    }
}

static void write_picture(view *v, const json_t *picture) {
    const char *name = html_get_text(picture, "name"),
               *path = json_string_value(json_array_get(json_object_get(picture, "files"), 0));
    const report_file *file = v->r ? find_file(v->r, path) : NULL;
    if (v->r) {
        fputs("<figure class=\"picture\">", v->out);
        const bool shown = file && picture_write(v->r, file, name);
        fputs("<figcaption>", v->out);
        put(v, name);
        fprintf(v->out, "%s</figcaption></figure>\n",
                shown  ? ""
                : file ? ": cannot be shown"
                       : ": not run");
    } else if (path) {
        put_in(v, "", "", "![", "](", name);
        put_target(v->out, path);
        fputs(")\n\n", v->out);
    } else {
        put_in(v, "", "", "", ": not run\n\n", name);
    }
}

/* --- charts --- */

enum { SERIES, X, Y };

/* The points of all series, or of a column's; *most is how many the longest of ours has. */
static td_status add_points(view *v, tool_table *table, const json_t *rows, const char *column,
                            bool paper, size_t *points, td_error *error) {
    char name[EXPECT_TEXT + 16];
    size_t i;
    const json_t *row;
    tool_cell *cells;
    json_array_foreach(rows, i, row) {
        double x, y, deviation;
        const char *printed = html_get_text(row, "paper"), *series = html_get_text(row, "series");
        if (!*series || !html_get(row, "x", &x) ||
            (column && strcmp(html_get_text(row, "column"), column) != 0) ||
            !html_get(row, paper ? "paper_value" : "mean", &y) ||
            (paper && (*printed == '>' || *printed == '<')))
            continue;
        const bool spread = !paper && html_get(row, "deviation", &deviation);
        TD_TRY(tool_table_row(&v->tables, table, &cells, error));
        snprintf(name, sizeof name, "%.300s%s", series, paper ? ", paper" : "");
        TD_TRY(tool_cell_text(&v->tables, &cells[SERIES], name, error));
        tool_cell_real(&cells[X], x);
        tool_cell_estimate(&cells[Y], y,
                           spread ? (td_interval){y - deviation, y + deviation}
                                  : (td_interval){NAN, NAN});
        *points += !paper;
    }
    return TD_OK;
}

/* Of all rows, or of those of a column, which is the chart's title then. */
static td_status write_plot(view *v, const json_t *table, const char *column, td_error *error) {
    const json_t *rows = json_object_get(table, "rows"), *spec = json_object_get(table, "plot");
    const char *unit = unit_of(rows, NULL);
    const tool_column columns[] = {
        {"series", "series", .kind = TOOL_TEXT},
        {"x", html_get_text(spec, "x"), .kind = TOOL_REAL},
        {"y", html_get_text(spec, "y"), .kind = TOOL_ESTIMATE,
         .unit = unit && strcmp(unit, "Percent") == 0 ? "%" : NULL},
        {0},
    };
    const tool_axes axes = {
        .x_title = columns[X].title, .y_title = columns[Y].title, .by = "series"};
    const tool_table_kind kind = {.title = "", .columns = columns, .axes = &axes};
    const tool_chart chart = {column ? column : "", TOOL_CHART_LINES, "x", {"y"}};
    const char *names[EXPECT_ENTRIES];
    const size_t listed = list_texts(rows, "series", names);
    size_t points = 0, series = 0;
    tool_table *plotted;
    for (size_t i = 0; i < listed; i++)
        series += *names[i] != '\0';
    TD_TRY(tool_table_add(&v->tables, &kind, &plotted, error));
    TD_TRY(add_points(v, plotted, rows, column, false, &points, error));
    if (2 * series <= TOOL_CHART_SERIES)
        TD_TRY(add_points(v, plotted, rows, column, true, &points, error));
    if (points > series)
        chart_write(v->r, plotted, &chart, NULL);
    return TD_OK;
}

static td_status write_plots(view *v, const json_t *table, td_error *error) {
    const json_t *rows = json_object_get(table, "rows"), *spec = json_object_get(table, "plot");
    const char *columns[EXPECT_ENTRIES];
    const size_t count = list_texts(rows, "column", columns);
    fputs("<div class=\"charts\">\n", v->out);
    if (*html_get_text(spec, "each"))
        for (size_t i = 0; i < count; i++)
            TD_TRY(write_plot(v, table, columns[i], error));
    else
        TD_TRY(write_plot(v, table, NULL, error));
    fputs("</div>\n", v->out);
    return TD_OK;
}

/* --- all of them --- */

static td_status write_table(view *v, const json_t *table, td_error *error) {
    const json_t *matrices = json_object_get(table, "matrices"),
                 *pictures = json_object_get(table, "pictures"), *entry;
    size_t i;
    put_heading(v, html_get_text(table, "title"));
    if (json_object_get(table, "note"))
        put_note(v, html_get_text(table, "note"));
    if (v->r && json_object_get(table, "plot"))
        TD_TRY(write_plots(v, table, error));
    TD_TRY(write_rows(v, json_object_get(table, "rows"), error));
    TD_TRY(write_lists(v, json_object_get(table, "lists"), error));
    fputs(v->r && json_array_size(matrices) > 0 ? "<div class=\"maps\">\n" : "", v->out);
    json_array_foreach(matrices, i, entry) {
        TD_TRY(write_matrix(v, entry, error));
    }
    fputs(v->r && json_array_size(matrices) > 0 ? "</div>\n" : "", v->out);
    fputs(v->r && json_array_size(pictures) > 0 ? "<div class=\"gallery\">\n" : "", v->out);
    json_array_foreach(pictures, i, entry) write_picture(v, entry);
    fputs(v->r && json_array_size(pictures) > 0 ? "</div>\n" : "", v->out);
    return TD_OK;
}

static td_status write_paper(view *v, const json_t *paper, td_error *error) {
    const json_t *choices = json_object_get(paper, "choices"), *entry;
    size_t i;
    fputs(v->r ? "" : "# Beside the paper\n\n", v->out);
    put_in(v, "<p>", ".</p>\n<p class=\"summary\">", "", ".\n\n", html_get_text(paper, "paper"));
    results_summary(v->out, paper);
    fputs(v->r ? "</p>\n" : "\n\n", v->out);
    json_array_foreach(json_object_get(paper, "tables"), i, entry) {
        TD_TRY(write_table(v, entry, error));
    }
    if (json_array_size(choices) == 0)
        return TD_OK;
    put_heading(v, "Choices where the paper is silent");
    fputs(v->r ? "<ul class=\"choices\">\n" : "", v->out);
    json_array_foreach(choices, i, entry)
        put_in(v, "<li>", "</li>\n", "- ", "\n", json_string_value(entry));
    fputs(v->r ? "</ul>\n" : "\n", v->out);
    return TD_OK;
}

static void write_setting(const view *v, const json_t *values, const char *name) {
    size_t i;
    const json_t *value;
    if (json_array_size(values) == 0)
        return;
    fprintf(v->out, v->r ? "<div><dt>%s</dt><dd>" : "- %s: ", name);
    json_array_foreach(values, i, value) {
        fputs(i > 0 ? "; " : "", v->out);
        if (json_is_integer(value))
            fprintf(v->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_string(value))
            put(v, json_string_value(value));
    }
    fputs(v->r ? "</dd></div>\n" : "\n", v->out);
}

static void write_settings(const view *v, const json_t *settings) {
    static const char *const names[][2] = {{"notes", "run"},
                                           {"seeds", "seeds"},
                                           {"machines", "machine"},
                                           {"threads", "threads of a step"},
                                           {"blas_cores", "OpenBLAS core"},
                                           {"versions", "version"}};
    double seconds;
    put_heading(v, "Settings");
    fputs(v->r ? "<dl class=\"values\">\n" : "", v->out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        write_setting(v, json_object_get(settings, names[i][0]), names[i][1]);
    html_get(settings, "seconds", &seconds);
    fprintf(v->out,
            v->r ? "<div><dt>records</dt><dd>%" JSON_INTEGER_FORMAT
                   ", which took %.1f minutes one after the other</dd></div>\n</dl>\n"
                 : "- records: %" JSON_INTEGER_FORMAT
                   ", which took %.1f minutes one after the other\n\n",
            json_integer_value(json_object_get(settings, "records")),
            isfinite(seconds) && seconds < 1e12 ? seconds / 60 : 0);
    if (v->r)
        fprintf(v->out, "<p class=\"note\">%s</p>\n", VERDICT_RULE);
    else
        fprintf(v->out, "## How a verdict is made\n\n%s\n", VERDICT_RULE);
}

static td_status write_all(view *v, const json_t *results, td_error *error) {
    td_status status = TD_OK;
    size_t i;
    const json_t *paper;
    json_array_foreach(json_object_get(results, "papers"), i, paper) {
        if (status == TD_OK)
            status = write_paper(v, paper, error);
        tool_tables_free(&v->tables);
    }
    write_settings(v, json_object_get(results, "settings"));
    return status;
}

td_status results_markdown(FILE *out, const json_t *results, td_error *error) {
    view v = {.out = out};
    return write_all(&v, results, error);
}

td_status results_page(report *r, const json_t *results, td_error *error) {
    view v = {.r = r, .out = r->out};
    if (!results)
        return TD_OK;
    fputs("<section id=\"paper\"><h2>Beside the paper</h2>\n", r->out);
    td_status status = write_all(&v, results, error);
    fputs("</section>\n", r->out);
    return status;
}
