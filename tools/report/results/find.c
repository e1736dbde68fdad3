/* SPDX-License-Identifier: MIT */
#include "report/results/find.h"

#include "base/json_build.h"
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PART = 128 }; /* bytes of a name, key or text of a path */

/* One step: a name, or a selection in brackets. */
typedef struct step {
    enum { STEP_NAME, STEP_INDEX, STEP_ALL, STEP_IS, STEP_HAS } kind;
    char name[PART]; /* the name, or the key of a selection */
    char text[PART]; /* the text to compare with */
    size_t index;
} step;

static bool is_name_character(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

static size_t name_length(const char *text) {
    size_t length = 0;
    while (is_name_character(text[length]))
        length++;
    return length;
}

static bool copy_part(char out[PART], const char *text, size_t length) {
    if (length == 0 || length >= PART)
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

/* The content of brackets; `inner` has `length` bytes. */
static bool read_selection(step *out, const char *inner, size_t length) {
    size_t key = name_length(inner), digits = strspn(inner, "0123456789");
    if (length == 1 && *inner == '*') {
        out->kind = STEP_ALL;
        return true;
    }
    if (digits == length && length > 0 && length < 8) {
        out->kind = STEP_INDEX;
        out->index = strtoul(inner, NULL, 10);
        return true;
    }
    if (key >= length || (inner[key] != '=' && inner[key] != '~'))
        return false;
    out->kind = inner[key] == '=' ? STEP_IS : STEP_HAS;
    return copy_part(out->name, inner, key) &&
           copy_part(out->text, inner + key + 1, length - key - 1);
}

/* Parses the step at *at and advances past it; false if it is invalid. */
static bool read_step(step *out, const char *path, size_t *at) {
    const char *text = path + *at;
    *out = (step){0};
    if (*text == '[' && *at > 0) {
        const char *end = strchr(text, ']');
        if (!end || !read_selection(out, text + 1, (size_t)(end - text) - 1))
            return false;
        *at += (size_t)(end - text) + 1;
        return path[*at] == '\0' || path[*at] == '.' || path[*at] == '[';
    }
    if (*at > 0 && *text++ != '.')
        return false;
    size_t length = name_length(text);
    out->kind = STEP_NAME;
    if (!copy_part(out->name, text, length))
        return false;
    *at = (size_t)(text - path) + length;
    return true;
}

static td_status fail_path(td_error *error, const char *path, size_t at) {
    return td_fail(error, TD_ERR_FORMAT,
                   "expected a path such as models[0].triggers[target=3].asr, found \"%s\" "
                   "(character %zu)",
                   path, at + 1);
}

td_status find_check(const char *path, td_error *error) {
    step next;
    for (size_t at = 0; at == 0 || path[at];)
        if (!read_step(&next, path, &at))
            return fail_path(error, path, at);
    return TD_OK;
}

static bool is_selected(const step *by, const json_t *value) {
    const json_t *held = json_object_get(value, by->name);
    const char *text = json_string_value(held);
    char number[32];
    if (by->kind == STEP_HAS)
        return text && strstr(text, by->text);
    if (json_is_integer(held)) {
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(held));
        text = number;
    } else if (json_is_real(held)) {
        snprintf(number, sizeof number, "%.10g", json_real_value(held));
        text = number;
    } else if (json_is_boolean(held)) {
        text = json_is_true(held) ? "true" : "false";
    }
    return text && strcmp(text, by->text) == 0;
}

/* Appends the values that the step finds in one value; *known: whether the step exists. */
static void follow(td_json *json, const step *by, const json_t *value, json_t *found, bool *known) {
    size_t i;
    json_t *element;
    if (by->kind == STEP_NAME || by->kind == STEP_INDEX) {
        element = by->kind == STEP_NAME ? json_object_get(value, by->name)
                                        : json_array_get(value, by->index);
        *known |= element != NULL;
        if (element)
            td_json_append(json, found, json_incref(element));
        return;
    }
    *known |= by->kind == STEP_ALL && json_is_array(value);
    json_array_foreach(value, i, element) {
        if (by->kind != STEP_ALL && !is_selected(by, element))
            continue;
        *known = true;
        td_json_append(json, found, json_incref(element));
    }
}

static td_status follow_all(const step *by, json_t **values, td_error *error) {
    td_json json = {0};
    size_t i;
    json_t *value, *found = td_json_array(&json);
    bool known = json_array_size(*values) == 0;
    json_array_foreach(*values, i, value) follow(&json, by, value, found, &known);
    json_decref(*values);
    *values = found;
    TD_TRY(td_json_end(&json, values, "values of a record", error));
    return known ? TD_OK : TD_ERR_FORMAT;
}

td_status find_values(const json_t *root, const char *path, json_t **values, td_error *error) {
    step next;
    td_status status = TD_OK;
    td_json json = {0};
    *values = td_json_pack(&json, "[O]", root);
    TD_TRY(td_json_end(&json, values, "values of a record", error));
    for (size_t at = 0; (at == 0 || path[at]) && status == TD_OK;) {
        if (!read_step(&next, path, &at))
            status = fail_path(error, path, at);
        else if ((status = follow_all(&next, values, error)) == TD_ERR_FORMAT)
            td_fail(error, status, "expected %.*s, found nothing there", (int)at, path);
    }
    if (status != TD_OK) {
        json_decref(*values);
        *values = NULL;
    }
    return status;
}

/* --- many values, one number --- */

static const char *const names[] = {"only",  "mean", "min",      "max", "sum",
                                    "count", "last", "highest=", "has="};

td_status take_parse(take *how, const char *text, td_error *error) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        bool with_class = names[i][length - 1] == '=';
        const char *rest = text + length;
        if (strncmp(text, names[i], length) != 0)
            continue;
        size_t digits = strspn(rest, "0123456789");
        if (rest[digits] || (with_class ? digits == 0 || digits > 6 : digits > 0))
            break;
        *how = (take){(take_kind)i, with_class ? strtoul(rest, NULL, 10) : 0};
        return TD_OK;
    }
    return td_fail(
        error, TD_ERR_FORMAT,
        "expected only, mean, min, max, sum, count, last, highest=K or has=K, found \"%s\"", text);
}

static td_status read_number(const json_t *value, double *number, td_error *error) {
    static const char *const kinds[] = {"an object", "a list", "a text", "",
                                        "",          "true",   "false",  "null"};
    *number = json_is_number(value) ? json_number_value(value) : NAN;
    if (isfinite(*number))
        return TD_OK;
    return td_fail(error, json_is_null(value) ? TD_ERR_NUMERIC : TD_ERR_FORMAT,
                   "expected a number, found %s", kinds[json_typeof(value)]);
}

static td_status take_highest(const json_t *values, size_t k, double *number, td_error *error) {
    double own, other;
    size_t i;
    const json_t *value;
    if (k >= json_array_size(values))
        return td_fail(error, TD_ERR_FORMAT, "expected more than %zu values, found %zu", k,
                       json_array_size(values));
    TD_TRY(read_number(json_array_get(values, k), &own, error));
    *number = 1;
    json_array_foreach(values, i, value) {
        TD_TRY(read_number(value, &other, error));
        if (i != k && other >= own)
            *number = 0;
    }
    return TD_OK;
}

static td_status take_many(const take *how, const json_t *values, double *number, td_error *error) {
    double sum = 0, least = INFINITY, most = -INFINITY, has = 0;
    size_t i, count = 0;
    const json_t *value;
    json_array_foreach(values, i, value) {
        double one;
        if (json_is_null(value))
            continue;
        TD_TRY(read_number(value, &one, error));
        sum += one;
        least = fmin(least, one);
        most = fmax(most, one);
        has = one == (double)how->k ? 1 : has;
        count++;
    }
    if (count == 0 && how->kind != TAKE_SUM && how->kind != TAKE_HAS)
        return td_fail(error, json_array_size(values) > 0 ? TD_ERR_NUMERIC : TD_ERR_FORMAT,
                       "expected numbers, found none");
    *number = how->kind == TAKE_MEAN  ? sum / (double)count
              : how->kind == TAKE_MIN ? least
              : how->kind == TAKE_MAX ? most
              : how->kind == TAKE_HAS ? has
                                      : sum;
    return isfinite(*number) ? TD_OK : td_fail(error, TD_ERR_FORMAT, "expected a finite number");
}

td_status take_number(const take *how, const json_t *values, double *number, td_error *error) {
    const size_t count = json_array_size(values);
    switch (how->kind) {
    case TAKE_ONLY:
        return count == 1 ? read_number(json_array_get(values, 0), number, error)
                          : td_fail(error, TD_ERR_FORMAT, "expected one value, found %zu", count);
    case TAKE_LAST:
        return count > 0 ? read_number(json_array_get(values, count - 1), number, error)
                         : td_fail(error, TD_ERR_FORMAT, "expected values, found none");
    case TAKE_HIGHEST:
        return take_highest(values, how->k, number, error);
    case TAKE_COUNT:
        *number = (double)count;
        return TD_OK;
    default:
        return take_many(how, values, number, error);
    }
}
