/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/json_build.h"

#include "base/text.h"
#include "base/utf8.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(td_json *json, td_status status) {
    if (json->status == TD_OK)
        json->status = status;
}

td_status td_json_end(const td_json *json, json_t **value, const char *what, td_error *error) {
    if (json->status == TD_OK)
        return TD_OK;
    if (value) {
        json_decref(*value);
        *value = NULL;
    }
    return json->status == TD_ERR_MEMORY
               ? td_fail_memory(error, what)
               : td_fail(error, json->status, "%s: expected what JSON can hold", what);
}

/* --- values --- */

/* Registers a new value, or the failure to create it. */
static json_t *made(td_json *json, json_t *value) {
    if (!value)
        fail(json, TD_ERR_MEMORY);
    return value;
}

json_t *td_json_object(td_json *json) {
    return made(json, json_object());
}

json_t *td_json_array(td_json *json) {
    return made(json, json_array());
}

json_t *td_json_integer(td_json *json, json_int_t value) {
    return made(json, json_integer(value));
}

json_t *td_json_count(td_json *json, size_t value) {
    return td_json_integer(json, (json_int_t)value);
}

json_t *td_json_real(td_json *json, double value) {
    return isfinite(value) ? made(json, json_real(value)) : json_null();
}

json_t *td_json_text(td_json *json, const char *text) {
    if (td_utf8_is_valid(text))
        return made(json, json_string(text));
    char *copy = strdup(text);
    for (char *byte = copy; byte && *byte; byte++)
        if ((unsigned char)*byte > 127)
            *byte = '?';
    json_t *value = made(json, copy ? json_string(copy) : NULL);
    free(copy);
    return value;
}

json_t *td_json_format(td_json *json, const char *format, ...) {
    char *text;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return made(json, NULL);
    json_t *value = td_json_text(json, text);
    free(text);
    return value;
}

/* jansson's own copies silently drop members when memory runs out. */
json_t *td_json_copy(td_json *json, const json_t *object) {
    json_t *copy = td_json_object(json);
    td_json_update(json, copy, object);
    return copy;
}

/* --- objects and arrays --- */

json_t *td_json_set(td_json *json, json_t *object, const char *key, json_t *value) {
    if (!td_utf8_is_valid(key)) {
        fail(json, TD_ERR_FORMAT);
        json_decref(value);
        return NULL;
    }
    return made(json, json_object_set_new(object, key, value) == 0 ? value : NULL);
}

json_t *td_json_append(td_json *json, json_t *array, json_t *value) {
    return made(json, json_array_append_new(array, value) == 0 ? value : NULL);
}

void td_json_update(td_json *json, json_t *object, const json_t *from) {
    if (json_object_update(object, (json_t *)from) != 0)
        fail(json, TD_ERR_MEMORY);
}

void td_json_extend(td_json *json, json_t *array, const json_t *from) {
    if (json_array_extend(array, (json_t *)from) != 0)
        fail(json, TD_ERR_MEMORY);
}

/* --- by a format --- */

/* Replaces json_pack, which drops the value of "s*" when memory runs out, and cannot handle text
 * and numbers that JSON does not allow. */
typedef struct packer {
    td_json *json;
    const char *format; /* the rest of it */
    va_list arguments;
} packer;

/* The next character of the format, skipping blanks. */
static char next(packer *p) {
    while (*p->format == ' ')
        p->format++;
    return *p->format ? *p->format++ : '\0';
}

static json_t *pack_value(packer *p, char kind);

/* One member of an object, with its key, or of an array, if the key is NULL. */
static void pack_member(packer *p, json_t *into, const char *key, char kind) {
    json_t *value = pack_value(p, kind);
    const bool optional = *p->format == '*';
    p->format += optional;
    if (optional && !value)
        return;
    if (key)
        td_json_set(p->json, into, key, value);
    else
        td_json_append(p->json, into, value);
}

static json_t *pack_object(packer *p) {
    json_t *object = td_json_object(p->json);
    char kind;
    while ((kind = next(p)) == 's') {
        const char *key = va_arg(p->arguments, const char *);
        pack_member(p, object, key, next(p));
    }
    if (kind != '}')
        fail(p->json, TD_ERR_FORMAT);
    return object;
}

static json_t *pack_array(packer *p) {
    json_t *array = td_json_array(p->json);
    char kind;
    while ((kind = next(p)) != ']' && kind != '\0')
        pack_member(p, array, NULL, kind);
    if (kind != ']')
        fail(p->json, TD_ERR_FORMAT);
    return array;
}

static json_t *pack_text(packer *p) {
    const char *text = va_arg(p->arguments, const char *);
    return text ? td_json_text(p->json, text) : NULL;
}

static json_t *pack_value(packer *p, char kind) {
    switch (kind) {
    case '{':
        return pack_object(p);
    case '[':
        return pack_array(p);
    case 's':
        return pack_text(p);
    case 'i':
        return td_json_integer(p->json, va_arg(p->arguments, int));
    case 'I':
        return td_json_integer(p->json, va_arg(p->arguments, json_int_t));
    case 'z':
        return td_json_count(p->json, va_arg(p->arguments, size_t));
    case 'f':
        return td_json_real(p->json, va_arg(p->arguments, double));
    case 'b':
        return json_boolean(va_arg(p->arguments, int));
    case 'o':
        return va_arg(p->arguments, json_t *);
    case 'O':
        return json_incref(va_arg(p->arguments, json_t *));
    default:
        fail(p->json, TD_ERR_FORMAT);
        return NULL;
    }
}

json_t *td_json_vpack(td_json *json, const char *format, va_list arguments) {
    packer p = {.json = json, .format = format};
    va_copy(p.arguments, arguments);
    json_t *value = pack_value(&p, next(&p));
    va_end(p.arguments);
    return value;
}

json_t *td_json_pack(td_json *json, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    json_t *value = td_json_vpack(json, format, arguments);
    va_end(arguments);
    return value;
}

/* --- text --- */

/* jansson ignores the result for an object's keys, so the text could lack part of one: the stream
 * remembers the failure. */
static int put(const char *bytes, size_t size, void *context) {
    return fwrite(bytes, 1, size, context) == size ? 0 : -1;
}

char *td_json_print(td_json *json, const json_t *value, size_t flags) {
    td_text text;
    if (value && td_text_open(&text)) {
        const int failed = json_dump_callback(value, put, text.stream, flags);
        char *printed = td_text_close(&text);
        if (printed && !failed)
            return printed;
        free(printed);
    }
    fail(json, TD_ERR_MEMORY);
    return NULL;
}
