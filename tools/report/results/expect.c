#include "report/results/expect.h"

#include "base/json.h"
#include "report/results/find.h"
#include "report/results/verdict.h"
#include <stdarg.h>
#include <string.h>

/* The file, and where in it: "tables[2].rows[0]". */
typedef struct place {
    const char *path;
    char where[128];
} place;

static place place_in(const place *outer, const char *list, size_t i) {
    place inner = {.path = outer->path};
    snprintf(inner.where, sizeof inner.where, "%.64s%s%s[%zu]", outer->where,
             *outer->where ? "." : "", list, i);
    return inner;
}

static td_status fail_at(const place *at, td_error *error, const char *format, ...) TD_PRINTF(3, 4);

static td_status fail_at(const place *at, td_error *error, const char *format, ...) {
    char what[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return td_fail(error, TD_ERR_FORMAT, "%s:%s%s%s expected %s", at->path, *at->where ? " " : "",
                   at->where, *at->where ? ":" : "", what);
}

static td_status check_text(const place *at, const char *key, const json_t *value,
                            td_error *error) {
    const char *text = json_string_value(value);
    if (!text)
        return fail_at(at, error, "\"%s\" to be a text, found something else", key);
    if (*text == '\0' || strlen(text) > EXPECT_TEXT)
        return fail_at(at, error, "\"%s\" to have 1 to %d bytes, found %zu", key, EXPECT_TEXT,
                       strlen(text));
    return TD_OK;
}

static td_status check_number(const place *at, const char *key, const json_t *value,
                              td_error *error) {
    return json_is_number(value)
               ? TD_OK
               : fail_at(at, error, "\"%s\" to be a number, found something else", key);
}

static td_status check_pattern(const place *at, const char *key, const json_t *value,
                               td_error *error) {
    const char *text = json_string_value(value);
    TD_TRY(check_text(at, key, value, error));
    const char *star = strchr(text, '*');
    if (text[0] == '/' || (star && strchr(star + 1, '*')))
        return fail_at(at, error,
                       "\"%s\" to be a path below the folder with one * at most, found "
                       "\"%s\"",
                       key, text);
    return TD_OK;
}

static td_status check_path(const place *at, const char *key, const json_t *value,
                            td_error *error) {
    TD_TRY(check_text(at, key, value, error));
    td_status status = find_check(json_string_value(value), error);
    return status == TD_OK ? TD_OK
                           : td_fail_within(error, status, "%s: %s: %s", at->path, at->where, key);
}

static td_status check_take(const place *at, const char *key, const json_t *value,
                            td_error *error) {
    take how;
    TD_TRY(check_text(at, key, value, error));
    td_status status = take_parse(&how, json_string_value(value), error);
    return status == TD_OK ? TD_OK
                           : td_fail_within(error, status, "%s: %s: %s", at->path, at->where, key);
}

static bool is_sense(const char *text) {
    return strcmp(text, "larger") == 0 || strcmp(text, "smaller") == 0 || strcmp(text, "near") == 0;
}

static td_status check_better(const place *at, const char *key, const json_t *value,
                              td_error *error) {
    TD_TRY(check_text(at, key, value, error));
    if (!is_sense(json_string_value(value)))
        return fail_at(at, error, "\"%s\" to be larger, smaller or near, found \"%s\"", key,
                       json_string_value(value));
    return TD_OK;
}

static td_status check_figure(const place *at, const char *key, const json_t *value,
                              td_error *error) {
    verdict_figure figure;
    if (json_is_null(value))
        return TD_OK;
    TD_TRY(check_text(at, key, value, error));
    if (!verdict_figure_parse(&figure, json_string_value(value)))
        return fail_at(at, error,
                       "\"%s\" as it is printed, such as \"99.31\" or \"> 97\", found "
                       "\"%s\"",
                       key, json_string_value(value));
    return TD_OK;
}

static td_status check_within(const place *at, const char *key, const json_t *value,
                              td_error *error) {
    TD_TRY(check_number(at, key, value, error));
    return json_number_value(value) >= 0
               ? TD_OK
               : fail_at(at, error, "\"%s\" of 0 or more, found %g", key, json_number_value(value));
}

static td_status check_numbers(const place *at, const char *key, const json_t *value,
                               td_error *error) {
    size_t i;
    const json_t *number;
    if (json_is_null(value))
        return TD_OK;
    if (!json_is_array(value) || json_array_size(value) > EXPECT_ENTRIES)
        return fail_at(at, error, "\"%s\" to be null or a list of at most %d numbers", key,
                       EXPECT_ENTRIES);
    json_array_foreach(value, i, number) TD_TRY(check_number(at, key, number, error));
    return TD_OK;
}

static td_status check_texts(const place *at, const char *key, const json_t *value,
                             td_error *error) {
    size_t i;
    const json_t *text;
    if (!json_is_array(value) || json_array_size(value) > EXPECT_ENTRIES)
        return fail_at(at, error, "\"%s\" to be a list of at most %d texts", key, EXPECT_ENTRIES);
    json_array_foreach(value, i, text) TD_TRY(check_text(at, key, text, error));
    return TD_OK;
}

/* A field that an object may have. */
typedef struct field {
    const char *key;
    td_status (*check)(const place *at, const char *key, const json_t *value, td_error *error);
    bool needed;
} field;

static td_status check_object(const place *at, const json_t *object, const field *fields,
                              td_error *error) {
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return fail_at(at, error, "an object, found something else");
    json_object_foreach((json_t *)object, key, value) {
        const field *own = fields;
        while (own->key && strcmp(own->key, key) != 0)
            own++;
        if (!own->key)
            return fail_at(at, error, "none but known fields, found \"%s\"", key);
        if (own->check)
            TD_TRY(own->check(at, key, value, error));
    }
    for (const field *own = fields; own->key; own++)
        if (own->needed && !json_object_get(object, own->key))
            return fail_at(at, error, "\"%s\", found none", own->key);
    return TD_OK;
}

static const field row_fields[] = {
    {"name", check_text, true},        {"paper", check_figure, true},
    {"records", check_pattern, false}, {"value", check_path, false},
    {"take", check_take, false},       {"over", check_path, false},
    {"unit", check_text, false},       {"better", check_better, false},
    {"within", check_within, false},   {"series", check_text, false},
    {"x", check_number, false},        {0}};

static const field list_fields[] = {{"name", check_text, true},
                                    {"paper", check_numbers, true},
                                    {"records", check_pattern, true},
                                    {"value", check_path, true},
                                    {0}};

static const field matrix_fields[] = {{"name", check_text, true},
                                      {"records", check_pattern, true},
                                      {"value", check_path, true},
                                      {"target", check_number, false},
                                      {0}};

static const field picture_fields[] = {
    {"name", check_text, true}, {"files", check_pattern, true}, {0}};

static const field plot_fields[] = {{"x", check_text, true}, {"y", check_text, true}, {0}};

/* The fields with NULL are looked at on their own. */
static const field table_fields[] = {{"title", check_text, true},
                                     {"note", check_text, false},
                                     {"records", check_pattern, false},
                                     {"value", check_path, false},
                                     {"take", check_take, false},
                                     {"over", check_path, false},
                                     {"unit", check_text, false},
                                     {"better", check_better, false},
                                     {"within", check_within, false},
                                     {"plot", NULL, false},
                                     {"rows", NULL, false},
                                     {"lists", NULL, false},
                                     {"matrices", NULL, false},
                                     {"pictures", NULL, false},
                                     {0}};

static const field file_fields[] = {
    {"paper", check_text, true}, {"choices", check_texts, false}, {"tables", NULL, true}, {0}};

/* What a row needs and may have from its table. */
static td_status check_row(const place *at, const json_t *table, const json_t *row,
                           td_error *error) {
    static const char *const needed[] = {"records", "value", "unit"};
    TD_TRY(check_object(at, row, row_fields, error));
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!expect_field(table, row, needed[i]))
            return fail_at(at, error, "\"%s\", found none", needed[i]);
    if (json_is_string(json_object_get(row, "paper")) && !expect_field(table, row, "better"))
        return fail_at(at, error, "\"better\", found none");
    if (!json_object_get(row, "series") != !json_object_get(row, "x"))
        return fail_at(at, error, "\"series\" and \"x\", found one of them");
    return TD_OK;
}

static td_status check_list(const place *at, const json_t *table, const char *key,
                            const field *fields, td_error *error) {
    const json_t *list = json_object_get(table, key), *entry;
    size_t i;
    if (!list)
        return TD_OK;
    if (!json_is_array(list) || json_array_size(list) > EXPECT_ENTRIES)
        return fail_at(at, error, "\"%s\" to be a list of at most %d", key, EXPECT_ENTRIES);
    json_array_foreach(list, i, entry) {
        place inner = place_in(at, key, i);
        TD_TRY(fields == row_fields ? check_row(&inner, table, entry, error)
                                    : check_object(&inner, entry, fields, error));
    }
    return TD_OK;
}

static td_status check_table(const place *at, const json_t *table, td_error *error) {
    TD_TRY(check_object(at, table, table_fields, error));
    if (json_object_get(table, "plot"))
        TD_TRY(check_object(at, json_object_get(table, "plot"), plot_fields, error));
    TD_TRY(check_list(at, table, "rows", row_fields, error));
    TD_TRY(check_list(at, table, "lists", list_fields, error));
    TD_TRY(check_list(at, table, "matrices", matrix_fields, error));
    return check_list(at, table, "pictures", picture_fields, error);
}

static td_status check_file(const char *path, const json_t *root, td_error *error) {
    const place at = {.path = path};
    const json_t *tables = json_object_get(root, "tables"), *table;
    size_t i;
    TD_TRY(check_object(&at, root, file_fields, error));
    if (!json_is_array(tables) || json_array_size(tables) > EXPECT_TABLES)
        return fail_at(&at, error, "\"tables\" to be a list of at most %d", EXPECT_TABLES);
    json_array_foreach(tables, i, table) {
        place inner = place_in(&at, "tables", i);
        TD_TRY(check_table(&inner, table, error));
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

const json_t *expect_field(const json_t *table, const json_t *row, const char *key) {
    const json_t *own = json_object_get(row, key);
    return own ? own : json_object_get(table, key);
}

const char *expect_text(const json_t *table, const json_t *row, const char *key,
                        const char *other) {
    const char *text = json_string_value(expect_field(table, row, key));
    return text ? text : other;
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
