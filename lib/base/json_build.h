/* SPDX-License-Identifier: MIT */
/* All JSON is built here. A builder remembers its first failure, as a stream does for ferror, so
 * calls need no check of their own and td_json_end reports it. Only this file calls jansson's
 * functions that build (tests/json.sh checks): their failures are easy to miss, and the object
 * would silently lack a field. */
#ifndef TD_BASE_JSON_BUILD_H
#define TD_BASE_JSON_BUILD_H

#include "base/error.h"
#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>

/* Zeroed: no failure so far. */
typedef struct td_json {
    td_status status; /* of the first failure: TD_ERR_MEMORY, or TD_ERR_FORMAT for a value that JSON
                         cannot hold */
} td_json;

/* Ends building. If a call failed, frees *value (may be NULL), sets it to NULL and returns the
 * failure. `what` names it: "out of memory for WHAT". */
td_status td_json_end(const td_json *json, json_t **value, const char *what,
                      td_error *error) TD_MUST_USE;

/* New values, owned by the caller. NULL after a failure; td_json_set and the others treat a NULL
 * value as a failure. */
json_t *td_json_object(td_json *json);
json_t *td_json_array(td_json *json);
json_t *td_json_integer(td_json *json, json_int_t value);
json_t *td_json_count(td_json *json, size_t value);

/* null for an infinity or NaN, which JSON lacks. */
json_t *td_json_real(td_json *json, double value);

/* JSON is UTF-8; file names need not be. In text that is not valid UTF-8, bytes above 127 become
 * '?'. */
json_t *td_json_text(td_json *json, const char *text);
json_t *td_json_format(td_json *json, const char *format, ...) TD_PRINTF(2, 3);

/* A new object with the fields of `object`; the values are shared. */
json_t *td_json_copy(td_json *json, const json_t *object);

/* Sets object[key], and appends to an array. Takes ownership of the value, on failure too. Returns
 * the value, now owned by the object, or NULL on failure. A key that is not UTF-8 is TD_ERR_FORMAT.
 */
json_t *td_json_set(td_json *json, json_t *object, const char *key, json_t *value);
json_t *td_json_append(td_json *json, json_t *array, json_t *value);

/* Sets all fields of `from`; appends all elements of `from`. They share the values. */
void td_json_update(td_json *json, json_t *object, const json_t *from);
void td_json_extend(td_json *json, json_t *array, const json_t *from);

/* Objects and arrays in one call, by a format such as "{ss sI s[ff]}" and the keys and values in
 * order; blanks are ignored. { } an object of keys, each "s" and a value; [ ] an array of values;
 * values: s const char * (td_json_text), i int, I json_int_t, z size_t, f double (td_json_real), b
 * int (true or false), o json_t *, taken, O json_t *, shared. A star after s, o or O omits the
 * field or element if the argument is NULL; without a star NULL is a failure. */
json_t *td_json_pack(td_json *json, const char *format, ...);
json_t *td_json_vpack(td_json *json, const char *format, va_list arguments);

/* The value's text, to be freed with free(); NULL after a failure. `flags` are jansson's:
 * JSON_COMPACT, JSON_REAL_PRECISION(digits), JSON_ENCODE_ANY. */
char *td_json_print(td_json *json, const json_t *value, size_t flags);

#endif
