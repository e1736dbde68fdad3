/* SPDX-License-Identifier: MIT */
/* Tables: written to a record they are read back, and a record is not trusted. */
#include "frame/table.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME, COUNT, SIZE, ASR, LOSS, FLAGGED, FIRST, SECOND };

typedef struct table_line {
    const char *name;
    size_t count;
    double size;
    td_rate asr;
    tool_estimate loss;
    bool flagged;
    size_t first, second;
} table_line;

#define AT(field) offsetof(table_line, field)

static const tool_column columns[] = {
    [NAME] = {"name", "name", TOOL_TEXT, AT(name), .right = true},
    [COUNT] = {"count", "count", TOOL_COUNT, AT(count)},
    [SIZE] = {"size", "size", TOOL_REAL, AT(size), .unit = "pixels", .digits = 2},
    [ASR] = {"asr", "ASR", TOOL_RATE, AT(asr)},
    [LOSS] = {"loss", "loss", TOOL_ESTIMATE, AT(loss)},
    [FLAGGED] = {"flagged", "", TOOL_FLAG, AT(flagged), .flag = "FLAGGED"},
    [FIRST] = {"each", "first", TOOL_COUNT, AT(first), .list = true},
    [SECOND] = {"each", "second", TOOL_COUNT, AT(second), .list = true},
    {0},
};

static const tool_chart charts[] = {{"ASR", TOOL_CHART_BARS, "count", {"asr", "loss"}}, {0}};
static const tool_axes axes = {.x_title = "x", .by = "flagged", .y_mark = "/limit", .mark = "m"};
static const tool_table_kind kind = {.name = "rows",
                                     .title = "Rows",
                                     .columns = columns,
                                     .row = sizeof(table_line),
                                     .charts = charts,
                                     .axes = &axes};

static void assert_cells(const tool_table *a, const tool_table *b) {
    char left[256], right[256];
    assert_int_equal(a->row_count, b->row_count);
    assert_int_equal(a->column_count, b->column_count);
    for (size_t i = 0; i < a->row_count * a->column_count; i++) {
        const tool_column *column = &a->kind->columns[i % a->column_count],
                          *other = &b->kind->columns[i % a->column_count];
        assert_string_equal(tool_cell_print(column, &a->cells[i], left, sizeof left),
                            tool_cell_print(other, &b->cells[i], right, sizeof right));
    }
}

static void tables_are_read_back(void **state) {
    (void)state;
    tool_tables tables = {0}, read = {0};
    tool_table *table;
    td_error error;
    json_t *root = json_object();
    table_line lines[3];
    for (size_t i = 0; i < 3; i++)
        lines[i] = (table_line){.name = i == 1 ? NULL : "a",
                                .count = i,
                                .size = i == 2 ? (double)NAN : 1.5,
                                .asr = td_rate_of(i, 2),
                                .loss = {0.5, {0.25, 1}},
                                .flagged = i == 0,
                                .first = TOOL_NO_COUNT,
                                .second = 7};
    assert_int_equal(tool_table_rows(&tables, &kind, lines, 3, &table, &error), TD_OK);
    td_json json = {0};
    tool_tables_json(&tables, &json, root);
    assert_int_equal(td_json_end(&json, NULL, "tables", &error), TD_OK);
    assert_int_equal(tool_tables_read(&read, root, NULL, NULL, &error), TD_OK);
    assert_non_null(read.first);
    assert_cells(table, read.first);
    const tool_table_kind *back = read.first->kind;
    assert_string_equal(back->name, "/rows");
    assert_string_equal(back->columns[SIZE].unit, "pixels");
    assert_true(back->columns[NAME].right && back->columns[FIRST].list);
    assert_string_equal(back->charts[0].y[1], "loss");
    assert_int_equal(back->charts[0].kind, TOOL_CHART_BARS);
    assert_string_equal(back->axes->y_mark, "/limit");
    assert_null(back->axes->x_mark);
    tool_tables_free(&read);
    tool_tables_free(&tables);
    json_decref(root);
}

/* A class has its index and, where the tables know a name that says more, the name. */
static void classes_have_names(void **state) {
    (void)state;
    static const char *const names[] = {"cat", "1"};
    static const td_classes classes = {"data", names, 2};
    static const tool_column class_columns[] = {{"class", "class", TOOL_CLASS, 0}, {0}};
    static const tool_table_kind class_kind = {
        .name = "rows", .title = "", .columns = class_columns, .row = sizeof(size_t)};
    static const size_t rows[] = {0, 1, 2, TOOL_NO_COUNT};
    static const char *const expected[] = {"0 \"cat\"", "1", "2", ""};
    tool_tables tables = {.classes = &classes}, read = {0};
    tool_table *table;
    char cell[64];
    td_json json = {0};
    json_t *root = td_json_object(&json);
    assert_int_equal(tool_table_rows(&tables, &class_kind, rows, 4, &table, NULL), TD_OK);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(tool_cell_print(class_columns, &table->cells[i], cell, sizeof cell),
                            expected[i]);
    tool_tables_json(&tables, &json, root);
    assert_int_equal(td_json_end(&json, &root, "a record", NULL), TD_OK);
    const json_t *first = json_array_get(json_object_get(root, "rows"), 0);
    assert_int_equal(json_integer_value(json_object_get(first, "class")), 0);
    assert_string_equal(json_string_value(json_object_get(first, "class_name")), "cat");
    assert_null(json_object_get(json_array_get(json_object_get(root, "rows"), 1), "class_name"));
    assert_int_equal(json_object_size(json_array_get(json_object_get(root, "rows"), 3)), 0);
    assert_int_equal(tool_tables_read(&read, root, NULL, NULL, NULL), TD_OK);
    assert_cells(table, read.first);
    tool_tables_free(&read);
    tool_tables_free(&tables);
    json_decref(root);
}

/* The reader's notes on a record, one per line; `first` (may be NULL) receives the cells of its
 * first row. */
typedef struct reading {
    char notes[1000], first[400];
    size_t tables;
} reading;

static void note(void *context, const char *line) {
    reading *r = context;
    const size_t used = strlen(r->notes);
    snprintf(r->notes + used, sizeof r->notes - used, "%s\n", line);
}

static reading read_text(const char *text) {
    reading r = {.tables = 0};
    tool_tables tables = {0};
    td_error error;
    char cell[256];
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    assert_int_equal(tool_tables_read(&tables, root, note, &r, &error), TD_OK);
    for (const tool_table *t = tables.first; t; t = t->next)
        r.tables++;
    const tool_table *table = tables.first;
    for (size_t c = 0; table && c < table->row_count * table->column_count; c++) {
        const size_t used = strlen(r.first);
        snprintf(r.first + used, sizeof r.first - used, "%s|",
                 tool_cell_print(&table->kind->columns[c % table->column_count], &table->cells[c],
                                 cell, sizeof cell));
    }
    tool_tables_free(&tables);
    json_decref(root);
    return r;
}

#define TABLE(rows, list)                                                                          \
    "{\"a\": " rows ", \"tables\": [{\"rows\": \"/a\", \"title\": \"t\", \"columns\": [" list "]}" \
    "]}"
#define COLUMN(name, kind) "{\"name\": \"" name "\", \"title\": \"n\", \"kind\": \"" kind "\"}"

static void nothing_is_taken_on_trust(void **state) {
    (void)state;
    static const char wrong[] =
        "tables[0]: values are left out that are not of their column's kind\n";
    static const char *const cells[][3] = {
        {"count", "-1", ""},
        {"count", "1.5", ""},
        {"count", "\"1\"", ""},
        {"real", "\"x\"", ""},
        {"flag", "1", ""},
        {"text", "{}", ""},
        {"rate", "0.5", ""},
        {"text", "5", ""},
        {"estimate", "0.5", ""},
        {"count", "9007199254740993", "9007199254740993"},
        {"real", "1e308", "1e+308"},
        {"text", "[1, 2.5]", ""},
        {"list", "[3, 7]", "3, 7"},
        {"flag", "true", "yes"},
        {"list", "[3, null]", "3, -"},
        {"list", "3", ""},
        {"list", "[3, \"7\"]", ""},
        {"list", "[]", "-"},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        char text[400], expected[100];
        snprintf(text, sizeof text,
                 "{\"a\": [{\"x\": %s}], \"tables\": [{\"rows\": \"/a\", \"title\": \"t\", "
                 "\"columns\": [{\"name\": \"x\", \"title\": \"n\", \"kind\": \"%s\"}]}]}",
                 cells[i][1], cells[i][0]);
        const reading r = read_text(text);
        snprintf(expected, sizeof expected, "%s|", cells[i][2]);
        assert_string_equal(r.first, expected);
        assert_string_equal(r.notes, *cells[i][2] ? "" : wrong);
    }
    static const char *const rates[] = {
        "\"x\": 2, \"x_interval\": [0, 1], \"x_count\": [1, 2]",
        "\"x\": 0.5, \"x_interval\": [-1, 1], \"x_count\": [1, 2]",
        "\"x\": 0.5, \"x_interval\": [0, \"y\"], \"x_count\": [1, 2]",
        "\"x\": 0.5, \"x_interval\": [0, 1], \"x_count\": [-1, 2]",
        "\"x\": 0.5, \"x_interval\": [0, 1], \"x_count\": 3"};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        char text[400];
        snprintf(text, sizeof text, TABLE("[{%s}]", COLUMN("x", "rate")), rates[i]);
        assert_string_equal(read_text(text).first, "|");
    }
}

static void what_is_no_table_is_left_out(void **state) {
    (void)state;
    reading r =
        read_text("{\"tables\": [5, {\"rows\": \"/a\", \"title\": \"t\"}, {\"rows\": 3,"
                  " \"title\": \"t\"}, {\"rows\": \"/x/0\", \"title\": \"t\"}], \"x\": [1]}");
    assert_int_equal(r.tables, 0);
    assert_string_equal(r.notes, "tables[0]: expected a title, found none\n"
                                 "tables[1]: its rows lead nowhere\n"
                                 "tables[2]: its rows lead nowhere\n"
                                 "tables[3]: its rows lead nowhere\n");
    assert_int_equal(read_text("{\"tables\": {\"rows\": 1}}").tables, 0);
    r = read_text(
        TABLE("[{\"x\": 1}, 7, null]", "5, " COLUMN("x", "odd") ", " COLUMN("x", "count")));
    assert_string_equal(r.first, "1|");
    support_assert_contains(r.notes, "tables[0]: a column is none, or one too many\n");
    support_assert_contains(r.notes, "values are left out");
    r = read_text(
        "{\"a\": {\"x\": 1}, \"tables\": [{\"rows\": \"/a\", \"title\": \"t\", \"columns\": "
        "[" COLUMN("x", "count") "], \"charts\": [3, {\"title\": \"c\", \"kind\": \"lines\", \"x\":"
                                 " \"x\", \"y\": [\"none\"]}], \"axes\": {\"by\": \"none\"}}]}");
    assert_string_equal(r.first, "1|");
    support_assert_contains(r.notes, "tables[0]: a chart is none, or one too many\n");
    support_assert_contains(r.notes, "tables[0]: its charts are by a column that it has not\n");
}

static void pointers_lead_into_records(void **state) {
    (void)state;
    json_t *root = json_loads("{\"a\": [{\"b/c~\": 5}], \"\": 6}", 0, NULL);
    assert_ptr_equal(tool_json_at(root, ""), root);
    assert_int_equal(json_integer_value(tool_json_at(root, "/a/0/b~1c~0")), 5);
    assert_int_equal(json_integer_value(tool_json_at(root, "/")), 6);
    static const char *const nowhere[] = {
        "a", "/a/1", "/a/-1", "/a/", "/a/0/", "/a/00000000000", "/b", "/a/0/b~1c~0/d", "/a/x"};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        assert_null(tool_json_at(root, nowhere[i]));
    char longest[1000];
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_null(tool_json_at(root, longest));
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_read_back),
        cmocka_unit_test(nothing_is_taken_on_trust),
        cmocka_unit_test(classes_have_names),
        cmocka_unit_test(what_is_no_table_is_left_out),
        cmocka_unit_test(pointers_lead_into_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
