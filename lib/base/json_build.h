/* SPDX-License-Identifier: MIT */
/* JSON is built here and nowhere else. A builder remembers its first failure, as a stream does for
 * ferror: calls need no check of their own, and td_json_end fails where anything did. jansson's own
 * functions are not called elsewhere (tests/json.sh): each tells of its failure by a result that is
 * easily passed over, and the object then lacks a field without a word. */
#ifndef TD_BASE_JSON_BUILD_H
#define TD_BASE_JSON_BUILD_H

#include "base/error.h"
#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>

/* Zeroed: nothing failed so far. */
typedef struct td_json {
    td_status status; /* of the first failure: TD_ERR_MEMORY, or TD_ERR_FORMAT for what JSON cannot
                         hold */
} td_json;

/* The end of building: fails if anything did, and then frees *value (may be NULL) and makes it
 * NULL, for it is not whole. `what` names it: "out of memory for WHAT". */
td_status td_json_end(const td_json *json, json_t **value, const char *what,
                      td_error *error) TD_MUST_USE;

/* New values, which the caller owns; NULL after a failure, which td_json_set and the others take as
 * one. */
json_t *td_json_object(td_json *json);
json_t *td_json_array(td_json *json);
json_t *td_json_integer(td_json *json, json_int_t value);
json_t *td_json_count(td_json *json, size_t value);

/* JSON has no infinity and no NaN: null stands for them. */
json_t *td_json_real(td_json *json, double value);

/* JSON is UTF-8, file names need not be: in a text that is not, bytes above 127 become '?'. */
json_t *td_json_text(td_json *json, const char *text);
json_t *td_json_format(td_json *json, const char *format, ...) TD_PRINTF(2, 3);

/* A new object with the fields of another, whose values they share. */
json_t *td_json_copy(td_json *json, const json_t *object);

/* Sets object[key], and appends to an array. The value is taken, on failure, too: NULL, or the
 * value, which the object now owns, is returned. A key that is not UTF-8 is TD_ERR_FORMAT. */
json_t *td_json_set(td_json *json, json_t *object, const char *key, json_t *value);
json_t *td_json_append(td_json *json, json_t *array, json_t *value);

/* Sets all fields of `from`; appends all elements of `from`. They share the values. */
void td_json_update(td_json *json, json_t *object, const json_t *from);
void td_json_extend(td_json *json, json_t *array, const json_t *from);

/* Objects and arrays in one call, by a format as "{ss sI s[ff]}" with the keys and values in order;
 * blanks mean nothing. { } an object of keys, each "s" and a value; [ ] an array of values; values:
 * s const char * (td_json_text), i int, I json_int_t, z size_t, f double (td_json_real), b int
 * (true or false), o json_t *, taken, O json_t *, shared. A star behind s, o or O leaves the field
 * or element out where the argument is NULL, which is a failure otherwise. */
json_t *td_json_pack(td_json *json, const char *format, ...);
json_t *td_json_vpack(td_json *json, const char *format, va_list arguments);

/* The value's text, for free(); NULL after a failure. `flags` are jansson's: JSON_COMPACT,
 * JSON_REAL_PRECISION(digits), JSON_ENCODE_ANY. */
char *td_json_print(td_json *json, const json_t *value, size_t flags);

#endif
