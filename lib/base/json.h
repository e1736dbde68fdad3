/* SPDX-License-Identifier: MIT */
/* JSON by jansson, with this project's limits: duplicate keys are refused, an error is one line.
 * json_build.h builds values. */
#ifndef TD_BASE_JSON_H
#define TD_BASE_JSON_H

#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Parses `size` bytes. The caller owns *out (json_decref); it is NULL on failure. TD_ERR_FORMAT
 * with line and column; TD_ERR_MEMORY. Not thread-safe: it replaces jansson's process-wide
 * allocator while it runs. */
td_status td_json_parse(const char *text, size_t size, json_t **out, td_error *error) TD_MUST_USE;

/* Reads a whole file of at most 64 MiB; the message names it. */
td_status td_json_read(const char *path, json_t **out, td_error *error) TD_MUST_USE;

/* object[key] if that is an integer; otherwise returns false and leaves *out alone. */
bool td_json_take_integer(const json_t *object, const char *key, json_int_t *out);

/* Writes with two spaces of indentation, keys in insertion order, reals with at most ten
 * significant digits, and a final newline. TD_ERR_IO gives the system's reason without the stream's
 * name, which the caller adds; TD_ERR_MEMORY. */
td_status td_json_write(FILE *stream, const json_t *value, td_error *error) TD_MUST_USE;

/* The same in one line, without blanks. */
td_status td_json_write_line(FILE *stream, const json_t *value, td_error *error) TD_MUST_USE;

#endif
