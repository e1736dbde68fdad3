/* JSON by jansson, with this project's limits: duplicate keys refused, one line for an error. */
#ifndef TD_BASE_JSON_H
#define TD_BASE_JSON_H

#include "base/error.h"
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* Parses `size` bytes. The caller owns *out (json_decref). The message gives line and column. */
td_status td_json_parse(const char *text, size_t size, json_t **out, td_error *error) TD_MUST_USE;

/* Reads a whole file of at most 64 MiB; the message names it. */
td_status td_json_read(const char *path, json_t **out, td_error *error) TD_MUST_USE;

/* Writes with two spaces of indentation, keys in insertion order, reals with at most ten
 * significant digits, and a final newline. */
td_status td_json_write(FILE *stream, const json_t *value, td_error *error) TD_MUST_USE;

#endif
