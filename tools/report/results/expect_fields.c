#include "report/results/expect_fields.h"

#include "report/results/expect.h"
#include "report/results/find.h"
#include "report/results/verdict.h"
#include <stdarg.h>
#include <string.h>

expect_place expect_place_in(const expect_place *outer, const char *list, size_t i) {
    expect_place inner = {.path = outer->path};
    snprintf(inner.where, sizeof inner.where, "%.64s%s%s[%zu]", outer->where,
             *outer->where ? "." : "", list, i);
    return inner;
}

td_status expect_fail(const expect_place *at, td_error *error, const char *format, ...) {
    char what[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return td_fail(error, TD_ERR_FORMAT, "%s:%s%s%s expected %s", at->path, *at->where ? " " : "",
                   at->where, *at->where ? ":" : "", what);
}

td_status expect_check_text(const expect_place *at, const char *key, const json_t *value,
                            td_error *error) {
    const char *text = json_string_value(value);
    if (!text)
        return expect_fail(at, error, "\"%s\" to be a text, found something else", key);
    if (*text == '\0' || strlen(text) > EXPECT_TEXT)
        return expect_fail(at, error, "\"%s\" to have 1 to %d bytes, found %zu", key, EXPECT_TEXT,
                           strlen(text));
    return TD_OK;
}

td_status expect_check_number(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) {
    return json_is_number(value)
               ? TD_OK
               : expect_fail(at, error, "\"%s\" to be a number, found something else", key);
}

td_status expect_check_pattern(const expect_place *at, const char *key, const json_t *value,
                               td_error *error) {
    const char *text = json_string_value(value);
    TD_TRY(expect_check_text(at, key, value, error));
    const char *star = strchr(text, '*');
    if (text[0] == '/' || (star && strchr(star + 1, '*')))
        return expect_fail(at, error,
                           "\"%s\" to be a path below the folder with one * at most, found "
                           "\"%s\"",
                           key, text);
    return TD_OK;
}

td_status expect_check_path(const expect_place *at, const char *key, const json_t *value,
                            td_error *error) {
    TD_TRY(expect_check_text(at, key, value, error));
    td_status status = find_check(json_string_value(value), error);
    return status == TD_OK ? TD_OK
                           : td_fail_within(error, status, "%s: %s: %s", at->path, at->where, key);
}

td_status expect_check_take(const expect_place *at, const char *key, const json_t *value,
                            td_error *error) {
    take how;
    TD_TRY(expect_check_text(at, key, value, error));
    td_status status = take_parse(&how, json_string_value(value), error);
    return status == TD_OK ? TD_OK
                           : td_fail_within(error, status, "%s: %s: %s", at->path, at->where, key);
}

static bool is_sense(const char *text) {
    return strcmp(text, "larger") == 0 || strcmp(text, "smaller") == 0 || strcmp(text, "near") == 0;
}

td_status expect_check_better(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) {
    TD_TRY(expect_check_text(at, key, value, error));
    if (!is_sense(json_string_value(value)))
        return expect_fail(at, error, "\"%s\" to be larger, smaller or near, found \"%s\"", key,
                           json_string_value(value));
    return TD_OK;
}

td_status expect_check_figure(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) {
    verdict_figure figure;
    if (json_is_null(value))
        return TD_OK;
    TD_TRY(expect_check_text(at, key, value, error));
    if (!verdict_figure_parse(&figure, json_string_value(value)))
        return expect_fail(at, error,
                           "\"%s\" as it is printed, such as \"99.31\" or \"> 97\", found "
                           "\"%s\"",
                           key, json_string_value(value));
    return TD_OK;
}

td_status expect_check_within(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) {
    TD_TRY(expect_check_number(at, key, value, error));
    return json_number_value(value) >= 0 ? TD_OK
                                         : expect_fail(at, error, "\"%s\" of 0 or more, found %g",
                                                       key, json_number_value(value));
}

td_status expect_check_numbers(const expect_place *at, const char *key, const json_t *value,
                               td_error *error) {
    size_t i;
    const json_t *number;
    if (json_is_null(value))
        return TD_OK;
    if (!json_is_array(value) || json_array_size(value) > EXPECT_ENTRIES)
        return expect_fail(at, error, "\"%s\" to be null or a list of at most %d numbers", key,
                           EXPECT_ENTRIES);
    json_array_foreach(value, i, number) TD_TRY(expect_check_number(at, key, number, error));
    return TD_OK;
}

td_status expect_check_texts(const expect_place *at, const char *key, const json_t *value,
                             td_error *error) {
    size_t i;
    const json_t *text;
    if (!json_is_array(value) || json_array_size(value) > EXPECT_ENTRIES)
        return expect_fail(at, error, "\"%s\" to be a list of at most %d texts", key,
                           EXPECT_ENTRIES);
    json_array_foreach(value, i, text) TD_TRY(expect_check_text(at, key, text, error));
    return TD_OK;
}

td_status expect_check_column(const expect_place *at, const char *key, const json_t *value,
                              td_error *error) {
    const char *text = json_string_value(value);
    return text && strcmp(text, "column") == 0
               ? TD_OK
               : expect_fail(at, error, "\"%s\" to be \"column\", found something else", key);
}

td_status expect_check_columns(const expect_place *at, const char *key, const json_t *value,
                               td_error *error) {
    const char *name;
    json_t *text;
    if (!json_is_object(value) || json_object_size(value) > EXPECT_COLUMNS)
        return expect_fail(at, error,
                           "\"%s\" to be an object of at most %d texts, found something else", key,
                           EXPECT_COLUMNS);
    json_object_foreach((json_t *)value, name, text)
        TD_TRY(expect_check_text(at, name, text, error));
    return TD_OK;
}
