#include "report/results/expect_columns.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A field as it is in the column: the first {} of a text is the column's key. */
static json_t *fill(json_t *value, const char *key) {
    const char *text = json_string_value(value), *gap = text ? strstr(text, "{}") : NULL;
    return gap ? json_sprintf("%.*s%s%s", (int)(gap - text), text, key, gap + 2)
               : json_incref(value);
}

/* Of `series` and `x`, what a plotted row has not: the column's name, its key as a number. */
static td_status place_in_plot(const expect_place *at, json_t *row, const char *name,
                               const char *key, td_error *error) {
    const bool series = json_object_get(row, "series"), x = json_object_get(row, "x");
    char *end;
    const double number = strtod(key, &end);
    int failed = 0;
    if (x && !series)
        failed = json_object_set_new(row, "series", json_string(name));
    if (series && !x) {
        if (end == key || *end != '\0' || !isfinite(number))
            return expect_fail(at, error, "\"x\", or a number for column \"%s\", found \"%s\"",
                               name, key);
        failed = json_object_set_new(row, "x", json_real(number));
    }
    return failed ? td_fail_memory(error, at->path) : TD_OK;
}

/* The row in column number `i`, into `own`. */
static td_status fill_row(const expect_place *at, const json_t *table, const json_t *row,
                          const char *name, const char *key, size_t i, json_t *own,
                          td_error *error) {
    static const char *const keyed[] = {"records", "value", "take", "over"};
    const char *field;
    json_t *value;
    int failed = 0;
    for (size_t k = 0; k < sizeof keyed / sizeof *keyed; k++)
        if ((value = json_object_get(table, keyed[k])))
            failed |= json_object_set_new(own, keyed[k], fill(value, key));
    json_object_foreach((json_t *)row, field, value) {
        const bool listed = strcmp(field, "paper") == 0 && json_is_array(value);
        failed |= json_object_set_new(
            own, field, listed ? json_incref(json_array_get(value, i)) : fill(value, key));
    }
    failed |= json_object_set_new(own, "column", json_string(name));
    return failed ? td_fail_memory(error, at->path) : place_in_plot(at, own, name, key, error);
}

td_status expect_columns_spread(const expect_place *at, const json_t *table, const json_t *row,
                                json_t *out, td_error *error) {
    const json_t *columns = json_object_get(table, "columns");
    const json_t *paper = json_object_get(row, "paper");
    const char *name;
    json_t *key;
    size_t i = 0;
    if (!columns || json_object_get(row, "column"))
        return json_array_append(out, (json_t *)row) == 0 ? TD_OK : td_fail_memory(error, at->path);
    if (json_is_array(paper) && json_array_size(paper) != json_object_size(columns))
        return expect_fail(at, error,
                           "\"paper\" to have a figure for each of %zu columns, found %zu",
                           json_object_size(columns), json_array_size(paper));
    json_object_foreach((json_t *)columns, name, key) {
        json_t *own = json_object();
        if (json_array_append_new(out, own) != 0)
            return td_fail_memory(error, at->path);
        TD_TRY(fill_row(at, table, row, name, json_string_value(key), i++, own, error));
    }
    return TD_OK;
}
