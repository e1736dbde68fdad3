/* SPDX-License-Identifier: MIT */
#include "report/results/expect.h"

#include "base/json.h"
#include "base/json_build.h"
#include "report/results/find.h"
#include "report/results/verdict.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- locations for messages --- */

/* The file and the location in it: "tables[2].rows[0]". */
typedef struct place {
    const char *path;
    char where[128];
} place;

/* The i-th element of the list at `outer`. */
static place place_in(const place *outer, const char *list, size_t i) {
    place inner = {.path = outer->path};
    snprintf(inner.where, sizeof inner.where, "%.64s%s%s[%zu]", outer->where,
             *outer->where ? "." : "", list, i);
    return inner;
}

/* TD_ERR_FORMAT: "FILE: PLACE: expected ..." */
static td_status fail(const place *at, td_error *error, const char *format, ...) TD_PRINTF(3, 4);

static td_status fail(const place *at, td_error *error, const char *format, ...) {
    char what[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return td_fail(error, TD_ERR_FORMAT, "%s:%s%s%s expected %s", at->path, *at->where ? " " : "",
                   at->where, *at->where ? ":" : "", what);
}

/* --- values of fields --- */

typedef enum field_kind {
    TEXT,
    PATTERN,
    BETTER,
    FIGURE,
    PATH,
    TAKE,
    NUMBER,
    WITHIN,
    NUMBERS,
    TEXTS,
    EACH,
    COLUMNS,
    ROWS,
    LIST,   /* of objects, with the field's nested fields */
    OBJECT, /* with nested fields */
} field_kind;

/* An allowed field of an object. */
typedef struct field {
    const char *key;
    field_kind kind;
    bool needed;
    const struct field *fields;
} field;

static bool is_pattern(const json_t *value) {
    const char *text = json_string_value(value), *star = strchr(text, '*');
    return *text != '/' && (!star || !strchr(star + 1, '*'));
}

static bool is_sense(const json_t *value) {
    const char *text = json_string_value(value);
    return strcmp(text, "larger") == 0 || strcmp(text, "smaller") == 0 || strcmp(text, "near") == 0;
}

static bool is_figure(const json_t *value) {
    verdict_figure figure;
    return json_is_null(value) || verdict_figure_parse(&figure, json_string_value(value));
}

static bool is_number(const json_t *value) {
    return json_is_number(value);
}

static bool is_tolerance(const json_t *value) {
    return json_number_value(value) >= 0 && json_is_number(value);
}

static bool is_text(const json_t *value) {
    const size_t length = json_string_length(value);
    return json_is_string(value) && length > 0 && length <= EXPECT_TEXT;
}

static bool is_list(const json_t *list, bool (*is)(const json_t *value)) {
    for (size_t i = 0; is && i < json_array_size(list); i++)
        if (!is(json_array_get(list, i)))
            return false;
    return json_is_array(list) && json_array_size(list) <= EXPECT_ENTRIES;
}

static bool is_short(const json_t *value) {
    return is_list(value, NULL);
}

static bool are_numbers(const json_t *value) {
    return json_is_null(value) || is_list(value, is_number);
}

static bool are_texts(const json_t *value) {
    return is_list(value, is_text);
}

static bool is_each(const json_t *value) {
    return json_is_string(value) && strcmp(json_string_value(value), "column") == 0;
}

static bool are_columns(const json_t *value) {
    const char *name;
    json_t *text;
    json_object_foreach((json_t *)value, name, text) {
        if (!is_text(text))
            return false;
    }
    return json_is_object(value) && json_object_size(value) <= EXPECT_COLUMNS;
}

static td_status check_take(const char *text, td_error *error) {
    take how;
    return take_parse(&how, text, error);
}

/* By kind; those up to TAKE are text. */
static const struct {
    const char *expected;
    bool (*is)(const json_t *value);
    td_status (*parse)(const char *text, td_error *error); /* a parser with its own message */
} kinds[] = {
    [PATTERN] = {"to be a path below the folder with one * at most", is_pattern},
    [BETTER] = {"to be larger, smaller or near", is_sense},
    [FIGURE] = {"as it is printed, such as \"99.31\" or \"> 97\"", is_figure},
    [PATH] = {.parse = find_check},
    [TAKE] = {.parse = check_take},
    [NUMBER] = {"to be a number", is_number},
    [WITHIN] = {"to be a number of 0 or more", is_tolerance},
    [NUMBERS] = {"to be null or a list of at most 500 numbers", are_numbers},
    [TEXTS] = {"to be a list of at most 500 texts of 1 to 300 bytes", are_texts},
    [EACH] = {"to be \"column\"", is_each},
    [COLUMNS] = {"to be an object of at most 50 texts", are_columns},
    [ROWS] = {"to be a list of at most 500", is_short},
    [LIST] = {"to be a list of at most 500", is_short},
    [OBJECT] = {NULL},
};

static td_status check_text(const place *at, const char *key, const json_t *value,
                            td_error *error) {
    if (!json_is_string(value))
        return fail(at, error, "\"%s\" to be a text, found something else", key);
    return is_text(value) ? TD_OK
                          : fail(at, error, "\"%s\" to have 1 to %d bytes, found %zu", key,
                                 EXPECT_TEXT, json_string_length(value));
}

static td_status check_object(const place *at, const json_t *object, const field *fields,
                              td_error *error);

static td_status check_value(const place *at, const field *of, const json_t *value,
                             td_error *error) {
    const char *text = json_string_value(value);
    size_t i;
    const json_t *entry;
    if (of->kind <= TAKE && !(of->kind == FIGURE && json_is_null(value)))
        TD_TRY(check_text(at, of->key, value, error));
    if (kinds[of->kind].is && !kinds[of->kind].is(value))
        return fail(at, error, "\"%s\" %s, found %s%.300s%s", of->key, kinds[of->kind].expected,
                    text ? "\"" : "", text ? text : "something else", text ? "\"" : "");
    if (kinds[of->kind].parse && kinds[of->kind].parse(text, error) != TD_OK)
        return td_fail_within(error, TD_ERR_FORMAT, "%s: %s: %s", at->path, at->where, of->key);
    if (of->kind == OBJECT)
        return check_object(at, value, of->fields, error);
    json_array_foreach(of->kind == LIST ? value : NULL, i, entry) {
        const place inner = place_in(at, of->key, i);
        TD_TRY(check_object(&inner, entry, of->fields, error));
    }
    return TD_OK;
}

static td_status check_object(const place *at, const json_t *object, const field *fields,
                              td_error *error) {
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return fail(at, error, "an object, found something else");
    json_object_foreach((json_t *)object, key, value) {
        const field *own = fields;
        while (own->key && strcmp(own->key, key) != 0)
            own++;
        if (!own->key)
            return fail(at, error, "none but known fields, found \"%s\"", key);
        TD_TRY(check_value(at, own, value, error));
    }
    for (const field *own = fields; own->key; own++)
        if (own->needed && !json_object_get(object, own->key))
            return fail(at, error, "\"%s\", found none", own->key);
    return TD_OK;
}

/* --- objects --- */

static const field row_fields[] = {{"name", TEXT, true},
                                   {"paper", FIGURE, true},
                                   {"column", TEXT},
                                   {"records", PATTERN, true},
                                   {"value", PATH, true},
                                   {"take", TAKE},
                                   {"over", PATH},
                                   {"epochs", PATTERN},
                                   {"epoch_value", PATH},
                                   {"unit", TEXT, true},
                                   {"better", BETTER},
                                   {"within", WITHIN},
                                   {"series", TEXT},
                                   {"x", NUMBER},
                                   {0}};

static const field list_fields[] = {{"name", TEXT, true},
                                    {"paper", NUMBERS, true},
                                    {"records", PATTERN, true},
                                    {"value", PATH, true},
                                    {0}};

static const field matrix_fields[] = {{"name", TEXT, true},
                                      {"records", PATTERN, true},
                                      {"value", PATH, true},
                                      {"target", NUMBER},
                                      {0}};

static const field picture_fields[] = {{"name", TEXT, true}, {"files", PATTERN, true}, {0}};

static const field plot_fields[] = {{"x", TEXT, true}, {"y", TEXT, true}, {"each", EACH}, {0}};

static const field table_fields[] = {{"title", TEXT, true},
                                     {"note", TEXT},
                                     {"records", PATTERN},
                                     {"value", TEXT}, /* a path once a column has filled it */
                                     {"take", TAKE},
                                     {"over", PATH},
                                     {"epochs", PATTERN},
                                     {"epoch_value", PATH},
                                     {"unit", TEXT},
                                     {"better", BETTER},
                                     {"within", WITHIN},
                                     {"plot", OBJECT, .fields = plot_fields},
                                     {"columns", COLUMNS},
                                     {"rows", ROWS},
                                     {"lists", LIST, .fields = list_fields},
                                     {"matrices", LIST, .fields = matrix_fields},
                                     {"pictures", LIST, .fields = picture_fields},
                                     {0}};

static const field file_fields[] = {
    {"paper", TEXT, true}, {"choices", TEXTS}, {"tables", LIST, true, .fields = table_fields}, {0}};

/* --- rows: inherit values from their table, repeated for each column --- */

/* The fields that a row inherits from its table. */
static const char *const inherited[] = {"records",     "value", "take",   "over",   "epochs",
                                        "epoch_value", "unit",  "better", "within", NULL};

/* A field for a column: the first {} of a text is replaced by the column's key. */
static json_t *fill(td_json *json, json_t *value, const char *key) {
    const char *text = json_string_value(value), *gap = text && key ? strstr(text, "{}") : NULL;
    return gap ? td_json_format(json, "%.*s%s%s", (int)(gap - text), text, key, gap + 2)
               : json_incref(value);
}

/* Sets a plotted row's missing `series` and `x`: the column's name, its key as a number. */
static td_status place_in_plot(const place *at, td_json *json, json_t *row, const char *name,
                               const char *key, td_error *error) {
    const bool series = json_object_get(row, "series"), x = json_object_get(row, "x");
    char *end;
    const double number = strtod(key, &end);
    if (x && !series)
        td_json_set(json, row, "series", td_json_text(json, name));
    if (series && !x) {
        if (end == key || *end != '\0' || !isfinite(number))
            return fail(at, error, "\"x\", or a number for column \"%s\", found \"%s\"", name, key);
        td_json_set(json, row, "x", td_json_real(json, number));
    }
    return TD_OK;
}

/* Appends the row to `all` for column number `i`; unchanged if `name` and `key` are NULL. */
static td_status add_row(const place *at, const json_t *table, json_t *row, const char *name,
                         const char *key, size_t i, json_t *all, td_error *error) {
    td_json json = {0};
    json_t *own = td_json_append(&json, all, td_json_object(&json)), *value;
    const char *own_key;
    for (const char *const *k = inherited; *k; k++)
        if ((value = json_object_get(table, *k)))
            td_json_set(&json, own, *k, fill(&json, value, key));
    json_object_foreach(row, own_key, value) {
        const bool listed = key && strcmp(own_key, "paper") == 0 && json_is_array(value);
        td_json_set(&json, own, own_key,
                    listed ? json_incref(json_array_get(value, i)) : fill(&json, value, key));
    }
    if (key) {
        td_json_set(&json, own, "column", td_json_text(&json, name));
        TD_TRY(place_in_plot(at, &json, own, name, key, error));
    }
    TD_TRY(td_json_end(&json, NULL, at->path, error));
    TD_TRY(check_object(at, own, row_fields, error));
    if (json_is_string(json_object_get(own, "paper")) && !json_object_get(own, "better"))
        return fail(at, error, "\"better\", found none");
    if (!json_object_get(own, "epochs") != !json_object_get(own, "epoch_value"))
        return fail(at, error, "\"epochs\" and \"epoch_value\", found one of them");
    return !json_object_get(own, "series") == !json_object_get(own, "x")
               ? TD_OK
               : fail(at, error, "\"series\" and \"x\", found one of them");
}

static td_status add_rows(const place *at, const json_t *table, json_t *row, json_t *all,
                          td_error *error) {
    const json_t *columns = json_object_get(table, "columns"),
                 *paper = json_object_get(row, "paper");
    const char *name;
    json_t *key;
    size_t i = 0;
    if (!json_is_object(row))
        return fail(at, error, "an object, found something else");
    if (!columns || json_object_get(row, "column"))
        return add_row(at, table, row, NULL, NULL, 0, all, error);
    if (json_is_array(paper) && json_array_size(paper) != json_object_size(columns))
        return fail(at, error, "\"paper\" to have a figure for each of %zu columns, found %zu",
                    json_object_size(columns), json_array_size(paper));
    json_object_foreach((json_t *)columns, name, key) {
        TD_TRY(add_row(at, table, row, name, json_string_value(key), i++, all, error));
    }
    return TD_OK;
}

/* Replaces the table's rows by their expansion, in `all`. */
static td_status spread_rows(const place *at, json_t *table, json_t *all, td_error *error) {
    json_t *rows = json_object_get(table, "rows"), *row;
    size_t i;
    json_array_foreach(rows, i, row) {
        const place inner = place_in(at, "rows", i);
        TD_TRY(add_rows(&inner, table, row, all, error));
    }
    if (json_array_size(all) > EXPECT_ENTRIES)
        return fail(at, error, "at most %d rows with their columns, found %zu", EXPECT_ENTRIES,
                    json_array_size(all));
    for (const char *const *k = inherited; *k; k++)
        json_object_del(table, *k);
    json_object_del(table, "columns");
    td_json json = {0};
    if (rows)
        td_json_set(&json, table, "rows", json_incref(all));
    return td_json_end(&json, NULL, at->path, error);
}

/* --- the file --- */

static td_status check_file(const char *path, const json_t *root, td_error *error) {
    const place at = {.path = path};
    json_t *table;
    size_t i;
    TD_TRY(check_object(&at, root, file_fields, error));
    json_array_foreach(json_object_get(root, "tables"), i, table) {
        const place inner = place_in(&at, "tables", i);
        td_json json = {0};
        json_t *all = td_json_array(&json);
        td_status status = td_json_end(&json, NULL, path, error);
        if (status == TD_OK)
            status = spread_rows(&inner, table, all, error);
        json_decref(all);
        TD_TRY(status);
    }
    return TD_OK;
}

td_status expect_read(const char *path, json_t **out, td_error *error) {
    TD_TRY(td_json_read(path, out, error));
    td_status status = check_file(path, *out, error);
    if (status != TD_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

bool expect_matches(const char *pattern, const char *name, char seed[EXPECT_TEXT]) {
    const char *star = strchr(pattern, '*');
    size_t length = strlen(name), before = star ? (size_t)(star - pattern) : 0;
    *seed = '\0';
    if (!star)
        return strcmp(pattern, name) == 0;
    size_t after = strlen(star + 1);
    if (length <= before + after || strncmp(name, pattern, before) != 0 ||
        strcmp(name + length - after, star + 1) != 0)
        return false;
    size_t inner = length - before - after;
    if (inner >= EXPECT_TEXT || memchr(name + before, '/', inner))
        return false;
    memcpy(seed, name + before, inner);
    seed[inner] = '\0';
    return true;
}
