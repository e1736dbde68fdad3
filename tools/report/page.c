/* SPDX-License-Identifier: MIT */
/* The page: an overview, then an article per record, and notes. */
#include "report/report.h"

#include "frame/interrupt.h"
#include "frame/record.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/matrix/matrix.h"
#include "report/results/results.h"
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

/* style.css and page.js, line by line. */
static const char *const style[] = {
#include "style.inc"
};
static const char *const script[] = {
#include "page.inc"
};

enum { STYLE_LINES = sizeof style / sizeof *style, SCRIPT_LINES = sizeof script / sizeof *script };

enum {
    FOLDED = 12, /* most rows of a table with a chart before it is collapsed */
    TEXT = 1000, /* bytes of a record's kind and summary */
};

static void put_lines(FILE *out, const char *const *lines, size_t count) {
    for (size_t i = 0; i < count; i++)
        fputs(lines[i], out);
}

/* The hash by which the page's policy allows its own script. */
static void write_script_hash(FILE *out) {
    struct sha256_ctx hash;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&hash);
    for (size_t i = 0; i < SCRIPT_LINES; i++)
        sha256_update(&hash, strlen(script[i]), (const uint8_t *)script[i]);
    sha256_digest(&hash, sizeof digest, digest);
    html_base64(out, digest, sizeof digest);
}

static void write_head(const report *r) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src "
          "data:; style-src 'unsafe-inline'; script-src 'sha256-",
          r->out);
    write_script_hash(r->out);
    html_put(r->out, "'\">\n<title>", r->title, "</title>\n<style>\n");
    put_lines(r->out, style, STYLE_LINES);
    html_put(r->out, "</style>\n</head>\n<body>\n<header><h1>", r->title, "");
    fprintf(r->out, "</h1><p>%zu record%s, by trapdoor-report %s</p></header>\n<main>\n",
            r->record_count, r->record_count == 1 ? "" : "s", TD_VERSION);
}

/* --- a record's subject --- */

/* The method, rule or net of the run. */
static const char *subject_of(const json_t *root) {
    static const char *const keys[] = {"method", "rule", "command", "net"};
    const json_t *options = json_object_get(root, "options");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = html_get_text(options ? options : root, keys[i]);
        if (*text)
            return text;
    }
    return "";
}

/* "Defence: prune" */
static void name_record(const report_record *record, char out[TEXT]) {
    const char *subject = subject_of(record->root);
    snprintf(out, TEXT, "%s%s%.300s", record->kind->title, *subject ? ": " : "", subject);
}

/* The first rates of the tables: "accuracy 94.89 %, ASR 98.20 %". */
static void list_rates(const tool_tables *tables, char out[TEXT]) {
    char text[128];
    size_t count = 0, used = 0;
    for (const tool_table *table = tables->first; table; table = table->next)
        for (size_t c = 0; c < table->column_count && table->row_count > 0 && count < 3; c++) {
            const tool_column *column = &table->kind->columns[c];
            if (column->kind != TOOL_RATE || !table->cells[c].given)
                continue;
            tool_cell_print_value(column, &table->cells[c], text, sizeof text);
            used += (size_t)snprintf(out + used, TEXT - used, "%s%.100s %s %%",
                                     count++ > 0 ? ", " : "", column->title, text);
        }
}

/* The result in words: the record's own summary, or else its trigger, or rates. */
static const char *result_of(const report_record *record, char out[TEXT]) {
    const char *summary = html_get_text(record->root, "summary"),
               *trigger = json_string_value(tool_json_at(record->root, "/triggers/0/trigger"));
    *out = '\0';
    if (*summary || trigger)
        return *summary ? summary : trigger;
    list_rates(record->tables.first ? &record->tables : &record->derived, out);
    return out;
}

/* --- the table of all records --- */

typedef struct overview_row {
    const char *record, *stage, *what, *result;
    size_t seed;
} overview_row;

#define AT(field) offsetof(overview_row, field)
static const tool_column overview_columns[] = {
    {"record", "record", TOOL_TEXT, AT(record)}, {"stage", "step", TOOL_TEXT, AT(stage)},
    {"what", "what", TOOL_TEXT, AT(what)},       {"result", "result", TOOL_TEXT, AT(result)},
    {"seed", "seed", TOOL_COUNT, AT(seed)},      {0},
};
#undef AT

static const tool_table_kind overview = {
    .title = "All records", .columns = overview_columns, .row = sizeof(overview_row)};

/* A table of these rows; nothing without any. */
static td_status write_rows(report *r, const report_record *record, const tool_table_kind *kind,
                            const void *rows, size_t count, td_error *error) {
    tool_tables tables = {0};
    tool_table *table;
    td_status status = tool_table_rows(&tables, kind, rows, count, &table, error);
    if (status == TD_OK && count > 0)
        report_table(r, record, table);
    tool_tables_free(&tables);
    return status;
}

static td_status fill_row(report *r, const report_record *record, overview_row *row,
                          td_error *error) {
    static const char *const stages[REPORT_STAGES] = {"verdict", "planted",  "found",
                                                      "removed", "measured", NULL};
    const json_t *seed = json_object_get(record->root, "seed");
    const bool seeded = json_is_integer(seed) && json_integer_value(seed) >= 0;
    char text[TEXT], *what, *result;
    name_record(record, text);
    TD_TRY(td_arena_text(&r->arena, text, strlen(text), &what, error));
    const char *found = result_of(record, text);
    TD_TRY(td_arena_text(&r->arena, found, strlen(found), &result, error));
    *row = (overview_row){record->file.name, stages[record->kind->stage], what, result,
                          seeded ? (size_t)json_integer_value(seed) : TOOL_NO_COUNT};
    return TD_OK;
}

/* Planted, found and removed backdoors come first. */
static td_status write_overview(report *r, td_error *error) {
    overview_row *rows;
    size_t count = 0;
    TD_TRY(TD_ARENA_NEW(&r->arena, r->record_count, &rows, "records", error));
    for (int stage = 0; stage < REPORT_STAGES; stage++)
        for (size_t i = 0; i < r->record_count; i++)
            if ((int)r->records[i].kind->stage == stage)
                TD_TRY(fill_row(r, &r->records[i], &rows[count++], error));
    fputs("<section id=\"overview\">\n", r->out);
    TD_TRY(write_rows(r, NULL, &overview, rows, count, error));
    fputs("</section>\n", r->out);
    return TD_OK;
}

/* --- one record --- */

static bool is_full(const report *r) {
    return ftello(r->out) > REPORT_PAGE_BYTES;
}

/* All charts of the tables, or all heat maps. */
static void write_charts(report *r, const tool_tables *tables, const json_t *root, bool heat) {
    bool any = false;
    for (const tool_table *table = tables->first; table; table = table->next)
        for (const tool_chart *chart = table->kind->charts; chart && chart->title; chart++) {
            if ((chart->kind == TOOL_CHART_HEAT) != heat || is_full(r))
                continue;
            if (!any)
                fprintf(r->out, "<div class=\"%s\">\n", heat ? "maps" : "charts");
            any = true;
            chart_write(r, table, chart, root);
        }
    fputs(any ? "</div>\n" : "", r->out);
}

/* Long tables with a chart are collapsed. */
static void write_tables(report *r, const report_record *record, const tool_tables *tables) {
    for (const tool_table *table = tables->first; table; table = table->next) {
        const bool folded = table->kind->charts && table->row_count > FOLDED;
        if (table->kind->drawn || table->row_count == 0 || is_full(r))
            continue;
        if (folded)
            fprintf(r->out, "<details><summary>%zu rows</summary>\n", table->row_count);
        report_table(r, record, table);
        fputs(folded ? "</details>\n" : "", r->out);
    }
}

static void write_paragraph(FILE *out, const char *class, const char *text) {
    if (!*text)
        return;
    fprintf(out, "<p class=\"%s\">", class);
    html_prose(out, text);
    fputs("</p>\n", out);
}

/* Lists of sentences, such as the limits of a verdict. */
static void write_lists(FILE *out, const json_t *root) {
    const char *key;
    json_t *list, *line;
    char label[HTML_LABEL_SIZE];
    size_t i;
    json_object_foreach((json_t *)root, key, list) {
        if (!json_is_string(json_array_get(list, 0)) || strcmp(key, "pictures") == 0)
            continue;
        html_label(label, key);
        html_put(out, "<h3>",
                 strcmp(key, "limits") == 0 ? "What was not looked at, or cannot be seen" : label,
                 "</h3>\n<ul class=\"limits\">\n");
        json_array_foreach(list, i, line) {
            if (i == REPORT_ROWS)
                break;
            fputs("<li>", out);
            html_prose(out, json_string_value(line));
            fputs("</li>\n", out);
        }
        fputs("</ul>\n", out);
    }
}

/* The rest of the record, after its own tables, and all maps; collapsed if it has tables. */
static void write_rest(report *r, const report_record *record) {
    const bool folded = record->tables.first != NULL;
    const tool_table *table = record->derived.first;
    while (table && table->kind->drawn)
        table = table->next;
    if (!table)
        return;
    if (folded)
        fputs("<details><summary>Further data</summary>\n", r->out);
    write_charts(r, &record->derived, record->rest, false);
    write_tables(r, record, &record->derived);
    fputs(folded ? "</details>\n" : "", r->out);
}

/* --- settings and provenance --- */

typedef struct file_row {
    const char *file, *sha256, *maker;
} file_row;

static const tool_column file_columns[] = {
    {"file", "file", TOOL_TEXT, offsetof(file_row, file)},
    {"sha256", "SHA-256", TOOL_TEXT, offsetof(file_row, sha256)},
    {"record", "made by", TOOL_TEXT, offsetof(file_row, maker)},
    {0},
};

/* Input files link to the record that has them as outputs. */
static td_status write_files(report *r, const report_record *record, const char *title,
                             const char *list, const char *key, td_error *error) {
    const tool_table_kind kind = {.title = title, .columns = file_columns, .row = sizeof(file_row)};
    const json_t *files = json_object_get(record->root, list), *file;
    file_row *rows;
    size_t i;
    TD_TRY(TD_ARENA_NEW(&r->arena, json_array_size(files), &rows, "files", error));
    json_array_foreach(files, i, file) {
        const char *digest = html_get_text(file, "sha256");
        const report_record *maker = report_maker(r, digest);
        rows[i] = (file_row){html_get_text(file, key), digest,
                             maker && maker != record ? maker->file.name : NULL};
    }
    return write_rows(r, record, &kind, rows, json_array_size(files), error);
}

/* The options, and the environment of the run. */
static json_t *list_settings(td_json *json, const json_t *root) {
    static const char *const keys[] = {"tool", "version", "blas_core", "seed"}, *const timed[] = {
                                                                                    "seconds",
                                                                                    "threads"};
    const json_t *options = json_object_get(root, "options"),
                 *timing = json_object_get(root, "timing");
    json_t *all = json_is_object(options) ? td_json_copy(json, options) : td_json_object(json),
           *value;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if ((value = json_object_get(root, keys[i])))
            td_json_set(json, all, keys[i], json_incref(value));
    for (size_t i = 0; i < sizeof timed / sizeof *timed; i++)
        if ((value = json_object_get(timing, timed[i])))
            td_json_set(json, all, timed[i], json_incref(value));
    return all;
}

static td_status write_values(report *r, const report_record *record, td_error *error) {
    tool_tables tables = {0};
    td_json json = {0};
    json_t *settings = list_settings(&json, record->root), *derived = NULL;
    td_status status = td_json_end(&json, &settings, "settings", error);
    if (status == TD_OK && !(derived = report_derive_values(settings)))
        status = td_fail_memory(error, "settings");
    if (status == TD_OK)
        status = tool_tables_read(&tables, derived, NULL, NULL, error);
    if (status == TD_OK && tables.first)
        report_table(r, record, tables.first);
    tool_tables_free(&tables);
    json_decref(derived);
    json_decref(settings);
    return status;
}

static td_status write_settings(report *r, const report_record *record, td_error *error) {
    fputs("<details><summary>Settings and provenance</summary>\n", r->out);
    TD_TRY(write_values(r, record, error));
    TD_TRY(write_files(r, record, "Files read", "inputs", "path", error));
    TD_TRY(write_files(r, record, "Files written", "outputs", "file", error));
    fprintf(r->out, "<p class=\"note\">SHA-256 of the record: <code>%s</code></p>\n</details>\n",
            record->digest.hex);
    return TD_OK;
}

static td_status write_record(report *r, const report_record *record, td_error *error) {
    const char *verdict = html_get_text(record->root, "verdict");
    char what[TEXT];
    name_record(record, what);
    fprintf(r->out, "<article id=\"record-%zu\"><h2>", (size_t)(record - r->records) + 1);
    html_text(r->out, what);
    html_put(r->out, " <small>", record->file.name, "</small></h2>\n");
    write_paragraph(r->out,
                    !*verdict                               ? "summary"
                    : strncmp(verdict, "backdoor-", 9) == 0 ? "verdict bad"
                                                            : "verdict",
                    html_get_text(record->root, "summary"));
    write_paragraph(r->out, "advice", html_get_text(record->root, "advice"));
    write_charts(r, &record->tables, record->root, false);
    write_tables(r, record, &record->tables);
    write_charts(r, &record->tables, record->root, true);
    write_charts(r, &record->derived, record->rest, true);
    report_named_pictures(r, record);
    if (!record->tables.first)
        write_rest(r, record);
    write_lists(r->out, record->root);
    report_gallery(r, record);
    if (record->tables.first)
        write_rest(r, record);
    TD_TRY(write_settings(r, record, error));
    if (is_full(r)) {
        report_trouble_add(r, record->file.name, "left out in part: the page is full");
        fputs("<p class=\"note\">The rest is left out: the page is full.</p>\n", r->out);
    }
    fputs("</article>\n", r->out);
    return TD_OK;
}

static td_status write_records(report *r, bool leading, td_error *error) {
    for (size_t i = 0; i < r->record_count; i++) {
        if (tool_interrupted())
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
        if ((r->records[i].kind->stage == REPORT_VERDICT) != leading)
            continue;
        if (!is_full(r))
            TD_TRY(write_record(r, &r->records[i], error));
        else
            report_trouble_add(r, r->records[i].file.name, "left out: the page is full");
    }
    return TD_OK;
}

/* --- content without a record --- */

static void write_others(report *r) {
    bool any = false;
    for (size_t i = 0; i < r->picture_count && !any; i++)
        any = !r->pictures[i].record;
    if (!any)
        return;
    fputs("<section id=\"pictures\"><h2>Other pictures</h2>\n", r->out);
    report_gallery(r, NULL);
    fputs("</section>\n", r->out);
}

/* One note for all pictures beyond the limit. */
static void note_pictures(report *r) {
    for (size_t i = 0; i < r->picture_count; i++)
        if (!r->pictures[i].shown) {
            report_trouble_add(r, r->pictures[i].file.name, "left out: too many pictures");
            return;
        }
}

static td_status write_notes(report *r, td_error *error) {
    static const tool_column columns[] = {
        {"file", "file", TOOL_TEXT, offsetof(report_trouble, name)},
        {"reason", "reason", TOOL_TEXT, offsetof(report_trouble, reason)},
        {0},
    };
    static const tool_table_kind kind = {
        .title = "Not shown as they should be", .columns = columns, .row = sizeof(report_trouble)};
    if (r->trouble_count + r->stranger_count == 0)
        return TD_OK;
    fputs("<section id=\"notes\"><h2>Notes</h2>\n", r->out);
    TD_TRY(write_rows(r, NULL, &kind, r->troubles, r->trouble_count, error));
    fputs(r->stranger_count > 0 ? "<p>JSON files that are no records:" : "", r->out);
    for (size_t i = 0; i < r->stranger_count && i < REPORT_ROWS; i++) {
        fputs(i > 0 ? ", " : " ", r->out);
        html_text(r->out, r->strangers[i]);
    }
    fputs(r->stranger_count > 0 ? ".</p>\n" : "", r->out);
    fputs("</section>\n", r->out);
    return TD_OK;
}

td_status report_page(report *r, const json_t *results, const matrix *board, td_error *error) {
    write_head(r);
    if (board)
        matrix_page(r, board);
    else
        TD_TRY(results_page(r, results, error));
    TD_TRY(write_records(r, true, error));
    TD_TRY(write_overview(r, error));
    TD_TRY(report_join(r, error));
    TD_TRY(write_records(r, false, error));
    if (!is_full(r))
        write_others(r);
    note_pictures(r);
    chart_draw_all(r);
    TD_TRY(write_notes(r, error));
    fputs("</main>\n<script>", r->out);
    put_lines(r->out, script, SCRIPT_LINES);
    fputs("</script>\n</body>\n</html>\n", r->out);
    return TD_OK;
}
