#include "report/results/expect.h"

#include "base/json.h"
#include "report/results/expect_columns.h"
#include "report/results/expect_fields.h"
#include <string.h>

/* A field that an object may have. */
typedef struct field {
    const char *key;
    td_status (*check)(const expect_place *at, const char *key, const json_t *value,
                       td_error *error);
    bool needed;
} field;

static td_status check_object(const expect_place *at, const json_t *object, const field *fields,
                              td_error *error) {
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return expect_fail(at, error, "an object, found something else");
    json_object_foreach((json_t *)object, key, value) {
        const field *own = fields;
        while (own->key && strcmp(own->key, key) != 0)
            own++;
        if (!own->key)
            return expect_fail(at, error, "none but known fields, found \"%s\"", key);
        if (own->check)
            TD_TRY(own->check(at, key, value, error));
    }
    for (const field *own = fields; own->key; own++)
        if (own->needed && !json_object_get(object, own->key))
            return expect_fail(at, error, "\"%s\", found none", own->key);
    return TD_OK;
}

static const field row_fields[] = {{"name", expect_check_text, true},
                                   {"paper", expect_check_figure, true},
                                   {"column", expect_check_text, false},
                                   {"records", expect_check_pattern, false},
                                   {"value", expect_check_path, false},
                                   {"take", expect_check_take, false},
                                   {"over", expect_check_path, false},
                                   {"unit", expect_check_text, false},
                                   {"better", expect_check_better, false},
                                   {"within", expect_check_within, false},
                                   {"series", expect_check_text, false},
                                   {"x", expect_check_number, false},
                                   {0}};

static const field list_fields[] = {{"name", expect_check_text, true},
                                    {"paper", expect_check_numbers, true},
                                    {"records", expect_check_pattern, true},
                                    {"value", expect_check_path, true},
                                    {0}};

static const field matrix_fields[] = {{"name", expect_check_text, true},
                                      {"records", expect_check_pattern, true},
                                      {"value", expect_check_path, true},
                                      {"target", expect_check_number, false},
                                      {0}};

static const field picture_fields[] = {
    {"name", expect_check_text, true}, {"files", expect_check_pattern, true}, {0}};

static const field plot_fields[] = {{"x", expect_check_text, true},
                                    {"y", expect_check_text, true},
                                    {"each", expect_check_column, false},
                                    {0}};

/* The fields with NULL are looked at on their own. */
static const field table_fields[] = {{"title", expect_check_text, true},
                                     {"note", expect_check_text, false},
                                     {"records", expect_check_pattern, false},
                                     {"value", expect_check_path, false},
                                     {"take", expect_check_take, false},
                                     {"over", expect_check_path, false},
                                     {"unit", expect_check_text, false},
                                     {"better", expect_check_better, false},
                                     {"within", expect_check_within, false},
                                     {"plot", NULL, false},
                                     {"columns", expect_check_columns, false},
                                     {"rows", NULL, false},
                                     {"lists", NULL, false},
                                     {"matrices", NULL, false},
                                     {"pictures", NULL, false},
                                     {0}};

static const field file_fields[] = {{"paper", expect_check_text, true},
                                    {"choices", expect_check_texts, false},
                                    {"tables", NULL, true},
                                    {0}};

/* What a row needs and may have from its table. */
static td_status check_row(const expect_place *at, const json_t *table, const json_t *row,
                           td_error *error) {
    static const char *const needed[] = {"records", "value", "unit"};
    TD_TRY(check_object(at, row, row_fields, error));
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!expect_field(table, row, needed[i]))
            return expect_fail(at, error, "\"%s\", found none", needed[i]);
    if (json_is_string(json_object_get(row, "paper")) && !expect_field(table, row, "better"))
        return expect_fail(at, error, "\"better\", found none");
    if (!json_object_get(row, "series") != !json_object_get(row, "x"))
        return expect_fail(at, error, "\"series\" and \"x\", found one of them");
    return TD_OK;
}

/* The list of a table, NULL without one. */
static td_status find_list(const expect_place *at, const json_t *table, const char *key,
                           const json_t **out, td_error *error) {
    *out = json_object_get(table, key);
    if (*out && (!json_is_array(*out) || json_array_size(*out) > EXPECT_ENTRIES))
        return expect_fail(at, error, "\"%s\" to be a list of at most %d", key, EXPECT_ENTRIES);
    return TD_OK;
}

static td_status check_list(const expect_place *at, const json_t *table, const char *key,
                            const field *fields, td_error *error) {
    const json_t *list, *entry;
    size_t i;
    TD_TRY(find_list(at, table, key, &list, error));
    json_array_foreach(list, i, entry) {
        expect_place inner = expect_place_in(at, key, i);
        TD_TRY(check_object(&inner, entry, fields, error));
    }
    return TD_OK;
}

/* Checks the rows, and puts into `all` those of one column each that they stand for. */
static td_status spread_rows(const expect_place *at, const json_t *table, const json_t *rows,
                             json_t *all, td_error *error) {
    const json_t *row;
    size_t i, done = 0;
    json_array_foreach(rows, i, row) {
        expect_place inner = expect_place_in(at, "rows", i);
        if (!json_is_object(row))
            return expect_fail(&inner, error, "an object, found something else");
        TD_TRY(expect_columns_spread(&inner, table, row, all, error));
        for (; done < json_array_size(all); done++)
            TD_TRY(check_row(&inner, table, json_array_get(all, done), error));
    }
    if (json_array_size(all) > EXPECT_ENTRIES)
        return expect_fail(at, error, "at most %d rows with their columns, found %zu",
                           EXPECT_ENTRIES, json_array_size(all));
    return TD_OK;
}

static td_status check_rows(const expect_place *at, json_t *table, td_error *error) {
    const json_t *rows;
    TD_TRY(find_list(at, table, "rows", &rows, error));
    if (!rows)
        return TD_OK;
    json_t *all = json_array();
    td_status status =
        all ? spread_rows(at, table, rows, all, error) : td_fail_memory(error, at->path);
    if (status == TD_OK && json_object_set(table, "rows", all) != 0)
        status = td_fail_memory(error, at->path);
    json_decref(all);
    return status;
}

static td_status check_table(const expect_place *at, json_t *table, td_error *error) {
    TD_TRY(check_object(at, table, table_fields, error));
    if (json_object_get(table, "plot"))
        TD_TRY(check_object(at, json_object_get(table, "plot"), plot_fields, error));
    TD_TRY(check_rows(at, table, error));
    TD_TRY(check_list(at, table, "lists", list_fields, error));
    TD_TRY(check_list(at, table, "matrices", matrix_fields, error));
    return check_list(at, table, "pictures", picture_fields, error);
}

static td_status check_file(const char *path, const json_t *root, td_error *error) {
    const expect_place at = {.path = path};
    json_t *tables = json_object_get(root, "tables"), *table;
    size_t i;
    TD_TRY(check_object(&at, root, file_fields, error));
    if (!json_is_array(tables) || json_array_size(tables) > EXPECT_TABLES)
        return expect_fail(&at, error, "\"tables\" to be a list of at most %d", EXPECT_TABLES);
    json_array_foreach(tables, i, table) {
        expect_place inner = expect_place_in(&at, "tables", i);
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
