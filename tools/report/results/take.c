/* Many values of a record, one number. */
#include "report/results/find.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

static td_status take_only(const json_t *values, double *number, td_error *error) {
    if (json_array_size(values) != 1)
        return td_fail(error, TD_ERR_FORMAT, "expected one value, found %zu",
                       json_array_size(values));
    return read_number(json_array_get(values, 0), number, error);
}

static td_status take_last(const json_t *values, double *number, td_error *error) {
    const size_t count = json_array_size(values);
    return count > 0 ? read_number(json_array_get(values, count - 1), number, error)
                     : td_fail(error, TD_ERR_FORMAT, "expected values, found none");
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
    switch (how->kind) {
    case TAKE_ONLY:
        return take_only(values, number, error);
    case TAKE_LAST:
        return take_last(values, number, error);
    case TAKE_HIGHEST:
        return take_highest(values, how->k, number, error);
    case TAKE_COUNT:
        *number = (double)json_array_size(values);
        return TD_OK;
    default:
        return take_many(how, values, number, error);
    }
}
