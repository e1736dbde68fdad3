/* SPDX-License-Identifier: MIT */
/* Shows results as the same tables on the page and in Markdown. */
#include "report/chart.h"
#include "report/html.h"
#include "report/results/expect.h"
#include "report/results/place.h"
#include "report/results/results.h"
#include "report/results/verdict.h"
#include <math.h>
#include <string.h>

enum {
    WIDEST = 20,                /* classes of a matrix that is written out in Markdown */
    NAME = 2 * EXPECT_TEXT + 16 /* bytes of a figure's name with its unit, and the like */
};

static const char mean[] = "Mean over the seeds ± standard deviation";

/* The destination, and the tables being shown. */
typedef struct view {
    report *r; /* the page's; NULL for Markdown */
    FILE *out;
    tool_tables tables;
    json_t *derived; /* the source of some of them */
    td_json json;
} view;

/* --- text --- */

/* `before` text `after`, where the outer parts are markup of the page, or of Markdown. */
static void put_in(const view *v, const char *html_before, const char *html_after,
                   const char *before, const char *after, const char *text) {
    fputs(v->r ? html_before : before, v->out);
    if (v->r)
        html_prose(v->out, text);
    else
        report_text_markdown(v->out, text);
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

static void put_folded(view *v, const char *summary, const tool_table *table) {
    fprintf(v->out, "<details><summary>%s</summary>\n", summary);
    put_table(v, table);
    fputs("</details>\n", v->out);
}

/* The last derived table, whose ownership it takes; NULL if there is none. */
static td_status read_derived(view *v, json_t *derived, const tool_table **out, td_error *error) {
    const tool_table *last = v->tables.last;
    td_json_append(&v->json, v->derived, derived);
    TD_TRY(td_json_end(&v->json, NULL, "results", error));
    TD_TRY(tool_tables_read(&v->tables, derived, NULL, NULL, error));
    *out = v->tables.last == last ? NULL : v->tables.last;
    return TD_OK;
}

/* --- common properties of rows --- */

/* The distinct texts of a field in the rows, in order; returns how many. */
static size_t list_texts(const json_t *rows, const char *field, const char *texts[EXPECT_ENTRIES]) {
    size_t i, k, count = 0;
    const json_t *row;
    json_array_foreach(rows, i, row) {
        texts[count] = html_get_text(row, field);
        for (k = 0; strcmp(texts[k], texts[count]) != 0;)
            k++;
        count += k == count;
    }
    return count;
}

/* The unit of all rows, or of those with this name; NULL if they differ. */
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
    return unit;
}

static bool are_percent(const json_t *rows) {
    const char *unit = unit_of(rows, NULL);
    return unit && strcmp(unit, "%") == 0;
}

/* The heading of the first column, and the name in it, with its unit if units differ. */
static const char *head_of(const json_t *rows) {
    const char *unit = unit_of(rows, NULL);
    return are_percent(rows) ? "Percent" : unit ? unit : "Figure";
}

static const char *name_of(const json_t *rows, const char *name, char out[NAME]) {
    const char *unit = unit_of(rows, NULL) ? NULL : unit_of(rows, name);
    snprintf(out, NAME, "%s%s%s%s", name, unit ? " (" : "", unit ? unit : "", unit ? ")" : "");
    return out;
}

/* --- tables of texts --- */

/* A table filled by tool_table_fill from arrays of texts. `sides` has a letter per column, r for
 * right alignment, else l; the last letter applies to all further columns. Titles are borrowed. */
static td_status add_table(view *v, const char *title, const char *const *titles, size_t count,
                           const char *sides, tool_table **out, td_error *error) {
    tool_table_kind *kind;
    tool_column *columns;
    TD_TRY(TD_ARENA_NEW(&v->tables.arena, 1, &kind, "results", error));
    TD_TRY(TD_ARENA_NEW(&v->tables.arena, count + 1, &columns, "results", error));
    for (size_t i = 0; i < count; i++) {
        columns[i] = (tool_column){titles[i], titles[i], TOOL_TEXT, i * sizeof *titles,
                                   .right = *sides == 'r'};
        sides += sides[1] != '\0';
    }
    *kind = (tool_table_kind){.title = title, .columns = columns};
    return tool_table_add(&v->tables, kind, out, error);
}

/* One row per figure. */
static td_status add_list(view *v, const json_t *rows, tool_table **out, td_error *error) {
    const char *const titles[] = {head_of(rows), "paper",  "ours",          "difference",
                                  "verdict",     "spread", "paper's place", "seeds"};
    char name[NAME], column[NAME], ours[128], difference[64], judged[64], seeds[24], spread[128],
        placed[64];
    size_t i;
    const json_t *row;
    TD_TRY(add_table(v, mean, titles, 8, "lrrrlrlr", out, error));
    json_array_foreach(rows, i, row) {
        const char *printed = html_get_text(row, "paper"), *of = html_get_text(row, "column");
        results_ours(ours, sizeof ours, row);
        results_difference(difference, sizeof difference, row);
        results_verdict(judged, sizeof judged, row);
        results_spread(spread, sizeof spread, row);
        results_place(placed, sizeof placed, row);
        name_of(rows, html_get_text(row, "name"), name);
        snprintf(column, sizeof column, "%.300s%s%.300s", name, *of ? ", " : "", of);
        snprintf(seeds, sizeof seeds, "%zu", json_array_size(json_object_get(row, "values")));
        const char *const texts[] = {
            column, *printed ? printed : "no number", ours, difference, judged, spread, placed,
            seeds};
        TD_TRY(tool_table_fill(&v->tables, *out, texts, error));
    }
    return TD_OK;
}

/* "63.04 ± 10.36 (73 ✗)" */
static void print_grid_cell(const json_t *row, char out[NAME]) {
    static const char *const signs[VERDICT_KINDS] = {" ✓", " ≈", " ✗", "", "", ""};
    const char *printed = html_get_text(row, "paper");
    results_ours(out, 128, row);
    if (*printed)
        snprintf(out + strlen(out), NAME - 128, " (%.300s%s)", printed,
                 signs[verdict_named(html_get_text(row, "verdict"))]);
}

/* "47.87 ± 12.30, 18.00 to 61.20: above by 2.4" */
static void print_place_cell(const json_t *row, char out[NAME]) {
    results_spread(out, 128, row);
    const size_t used = strlen(out);
    if (used > 0) {
        results_place(out + used + 2, 64, row);
        memcpy(out + used, out[used + 2] ? ": " : "", out[used + 2] ? 2 : 1);
    }
}

/* Arranges rows with a `column` in a grid like the paper's table. *out is NULL if none has one, or
 * there are too many. */
static td_status add_grid(view *v, const json_t *rows, void (*print)(const json_t *row, char *out),
                          tool_table **out, td_error *error) {
    const char *names[EXPECT_ENTRIES], *columns[EXPECT_ENTRIES + 1] = {head_of(rows)};
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
        const char *texts[TOOL_TABLE_COLUMNS] = {name_of(rows, names[n], name)};
        json_array_foreach(rows, i, row) {
            size_t c = 1;
            while (strcmp(columns[c], html_get_text(row, "column")) != 0)
                c++;
            if (strcmp(names[n], html_get_text(row, "name")) != 0 || texts[c])
                continue;
            print(row, cells[c]);
            texts[c] = cells[c];
        }
        TD_TRY(tool_table_fill(&v->tables, *out, texts, error));
    }
    return TD_OK;
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

/* The grid's spreads and places, if it has any. */
static td_status write_places(view *v, const json_t *rows, td_error *error) {
    tool_table *places;
    size_t i;
    const json_t *row;
    double values = 0;
    json_array_foreach(rows, i, row) {
        if (values < 2)
            html_get(json_object_get(row, "spread"), "values", &values);
    }
    if (values < 2)
        return TD_OK;
    TD_TRY(add_grid(v, rows, print_place_cell, &places, error));
    put_table(v, places);
    put_note(v, "How ours spread, and where the paper's figure lies in it.");
    return TD_OK;
}

static td_status write_rows(view *v, const json_t *rows, td_error *error) {
    const char *texts[EXPECT_ENTRIES];
    tool_table *list, *grid;
    size_t i;
    const json_t *row;
    if (json_array_size(rows) == 0)
        return TD_OK;
    TD_TRY(add_list(v, rows, &list, error));
    TD_TRY(add_grid(v, rows, print_grid_cell, &grid, error));
    if (list_texts(rows, "verdict", texts) == 1 && verdict_named(texts[0]) == VERDICT_NOT_RUN) {
        if (v->r)
            put_folded(v, "Not run", grid ? grid : list);
        else
            put_note(v, "Not run.");
        return TD_OK;
    }
    put_table(v, grid ? grid : list);
    if (grid && (list_texts(rows, "paper", texts) > 1 || *texts[0]))
        put_note(v, "Ours, and in brackets the paper's: ✓ reached, ≈ within the tolerance, ✗ not "
                    "reached.");
    if (grid)
        TD_TRY(write_places(v, rows, error));
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
        TD_TRY(tool_table_fill(&v->tables, table, texts, error));
    }
    put_table(v, table);
    return TD_OK;
}

/* --- matrices --- */

/* Counts of classes by classes, shown as in any record: a heat map; in Markdown numbers. */
static td_status write_matrix(view *v, const json_t *matrix, td_error *error) {
    const char *name = html_get_text(matrix, "name");
    json_t *counts = json_object_get(matrix, "counts"),
           *alone = td_json_pack(&v->json, "{sO* sO*}", "target", json_object_get(matrix, "target"),
                                 name, counts),
           *derived = report_derive(alone);
    const tool_table *table;
    json_decref(alone);
    TD_TRY(read_derived(v, derived, &table, error));
    const bool square = table && table->kind->drawn;
    if (v->r && square) {
        chart_write(v->r, table, table->kind->charts, derived);
        return TD_OK;
    }
    put_in(v, "<p class=\"note\">", ": ", "**", "**: ", name);
    if (square && json_array_size(counts) <= WIDEST) {
        put_in(v, "", "", "rows are true classes, columns predicted ones (", ")\n\n",
               html_get_text(matrix, "record"));
        put_table(v, table);
    } else {
        put_in(v, "", "</p>\n", "", "\n\n",
               counts ? "no square, or too many classes to show" : state_of(matrix));
    }
    return TD_OK;
}

/* --- pictures --- */

/* A path as a link's target, with special bytes encoded. */
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
    if (v->r) {
        const report_file *file = v->r->files, *end = file + v->r->file_count;
        while (file < end && (!path || strcmp(file->name, path) != 0))
            file++;
        fputs("<figure class=\"picture\">", v->out);
        const bool shown = file < end && report_picture_write(v->r, file, name);
        put_in(v, "<figcaption>", "", "", "", name);
        fprintf(v->out, "%s</figcaption></figure>\n",
                shown        ? ""
                : file < end ? ": cannot be shown"
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

typedef struct point {
    const char *series;
    double x;
    tool_estimate y; /* with the deviation around it, or NAN */
} point;

/* The points of all series, or of one column's; *points is the number of ours. */
static td_status add_points(view *v, tool_table *table, const json_t *rows, const char *column,
                            bool paper, size_t *points, td_error *error) {
    char name[EXPECT_TEXT + 16];
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row) {
        point p = {.series = name};
        double deviation = NAN;
        const char *printed = html_get_text(row, "paper"), *series = html_get_text(row, "series");
        if (!*series || !html_get(row, "x", &p.x) ||
            (column && strcmp(html_get_text(row, "column"), column) != 0) ||
            !html_get(row, paper ? "paper_value" : "mean", &p.y.value) ||
            (paper && (*printed == '>' || *printed == '<')))
            continue;
        if (!paper)
            html_get(row, "deviation", &deviation);
        p.y.interval = (td_interval){p.y.value - deviation, p.y.value + deviation};
        snprintf(name, sizeof name, "%.300s%s", series, paper ? ", paper" : "");
        TD_TRY(tool_table_fill(&v->tables, table, &p, error));
        *points += !paper;
    }
    return TD_OK;
}

/* Plots all rows, or those of a column, which is then the chart's title. */
static td_status write_plot(view *v, const json_t *table, const char *column, td_error *error) {
    const json_t *rows = json_object_get(table, "rows"), *spec = json_object_get(table, "plot");
    const tool_column columns[] = {
        {"series", "series", TOOL_TEXT, offsetof(point, series)},
        {"x", html_get_text(spec, "x"), TOOL_REAL, offsetof(point, x)},
        {"y", html_get_text(spec, "y"), TOOL_ESTIMATE, offsetof(point, y),
         .unit = are_percent(rows) ? "%" : NULL},
        {0},
    };
    const tool_axes axes = {
        .x_title = columns[1].title, .y_title = columns[2].title, .by = "series"};
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
    const char *columns[EXPECT_ENTRIES] = {NULL};
    const bool each = *html_get_text(json_object_get(table, "plot"), "each");
    const size_t count = each ? list_texts(json_object_get(table, "rows"), "column", columns) : 1;
    fputs("<div class=\"charts\">\n", v->out);
    for (size_t i = 0; i < count; i++)
        TD_TRY(write_plot(v, table, columns[i], error));
    fputs("</div>\n", v->out);
    return TD_OK;
}

/* --- everything --- */

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

static td_status write_settings(view *v, const json_t *settings, td_error *error) {
    const tool_table *table;
    put_heading(v, "Settings");
    TD_TRY(read_derived(v, report_derive_values(settings), &table, error));
    put_table(v, table);
    put_in(v, "<p class=\"note\">", "</p>\n", "## How a verdict is made\n\n", "\n\n", VERDICT_RULE);
    put_in(v, "<p class=\"note\">", "</p>\n", "", "\n", PLACE_RULE);
    return TD_OK;
}

static td_status write_all(report *r, FILE *out, const json_t *results, td_error *error) {
    view v = {.r = r, .out = out};
    v.derived = td_json_array(&v.json);
    td_status status = TD_OK;
    size_t i;
    const json_t *paper;
    json_array_foreach(json_object_get(results, "papers"), i, paper) {
        if (status == TD_OK)
            status = write_paper(&v, paper, error);
        tool_tables_free(&v.tables);
    }
    if (status == TD_OK)
        status = write_settings(&v, json_object_get(results, "settings"), error);
    tool_tables_free(&v.tables);
    json_decref(v.derived);
    return status;
}

td_status results_markdown(FILE *out, const json_t *results, td_error *error) {
    return write_all(NULL, out, results, error);
}

td_status results_page(report *r, const json_t *results, td_error *error) {
    if (!results)
        return TD_OK;
    fputs("<section id=\"paper\"><h2>Beside the paper</h2>\n", r->out);
    td_status status = write_all(r, r->out, results, error);
    fputs("</section>\n", r->out);
    return status;
}
