/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/file.h"
#include "base/size.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 64 << 20 };

/* --- reading --- */

enum {
    CHUNK = 256,          /* bytes of text that jansson gets at once */
    FOR_CHUNK = 64 << 10, /* more than the values in that much text use */
    ALIGNMENT = 16,
};

/* If jansson cannot lengthen the text of a token, it continues without the byte: it reads another
 * text or number, or aborts by an assertion. A failed allocation is therefore served from a
 * reserve, which holds the longest token and a chunk; after that chunk the text ends for jansson,
 * and its value is discarded. */
typedef struct parse {
    const char *text;
    size_t left; /* bytes of it */
    uint8_t *reserve;
    size_t size, used;
    bool needed;            /* the reserve was used */
    json_malloc_t allocate; /* the allocator that it replaces */
    json_free_t release;
} parse;

/* Per thread, because jansson has one allocator per process, without a context. */
static _Thread_local parse *parsing;

static void *allocate(size_t size) {
    parse *p = parsing;
    void *bytes = !p ? malloc(size) : p->needed ? NULL : p->allocate(size);
    if (!p || bytes)
        return bytes;
    p->needed = true;
    if (size > p->size - p->used)
        return NULL;
    bytes = p->reserve + p->used;
    p->used = td_size_min(td_size_round_up(p->used + size, ALIGNMENT), p->size);
    return bytes;
}

static void release(void *bytes) {
    const parse *p = parsing;
    const uintptr_t at = (uintptr_t)bytes, reserve = p ? (uintptr_t)p->reserve : 0;
    if (!p)
        free(bytes);
    else if (at < reserve || at >= reserve + p->size)
        p->release(bytes);
}

static size_t next_chunk(void *buffer, size_t size, void *context) {
    parse *p = context;
    size_t count = p->needed ? 0 : td_size_min(td_size_min(size, CHUNK), p->left);
    if (count > 0)
        memcpy(buffer, p->text, count);
    p->text += count;
    p->left -= count;
    return count;
}

static json_t *load(parse *p, json_error_t *where) {
    json_get_alloc_funcs(&p->allocate, &p->release);
    json_set_alloc_funcs(allocate, release);
    parsing = p;
    json_t *value = json_load_callback(next_chunk, p, JSON_REJECT_DUPLICATES, where);
    if (p->needed) {
        json_decref(value);
        value = NULL;
    }
    parsing = NULL;
    json_set_alloc_funcs(p->allocate, p->release);
    return value;
}

td_status td_json_parse(const char *text, size_t size, json_t **out, td_error *error) {
    json_error_t where;
    parse p = {.text = text, .left = size};
    *out = NULL;
    if (!td_size_mul(size, 3, &p.size) || !td_size_add(p.size, FOR_CHUNK, &p.size) ||
        !(p.reserve = malloc(p.size)))
        return td_fail_memory(error, "JSON");
    *out = load(&p, &where);
    free(p.reserve);
    if (*out)
        return TD_OK;
    return p.needed ? td_fail_memory(error, "JSON")
                    : td_fail(error, TD_ERR_FORMAT, "line %d column %d: expected JSON, found: %s",
                              where.line, where.column, where.text);
}

td_status td_json_read(const char *path, json_t **out, td_error *error) {
    td_map map;
    TD_TRY(td_map_open(&map, path, error));
    td_status status;
    if (map.size > LARGEST_FILE)
        status = td_fail(error, TD_ERR_FORMAT,
                         "%s: expected at most 64 MiB of JSON, found %zu bytes", path, map.size);
    else if ((status = td_json_parse((const char *)map.data, map.size, out, error)) != TD_OK)
        td_fail_within(error, status, "%s", path);
    td_map_close(&map);
    return status;
}

bool td_json_take_integer(const json_t *object, const char *key, json_int_t *out) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return false;
    *out = json_integer_value(value);
    return true;
}

/* --- writing --- */

typedef struct written {
    FILE *stream;
    int reason; /* errno of the first failed write; 0: none */
} written;

/* jansson ignores the result for an object's keys. */
static int put(const char *bytes, size_t size, void *context) {
    written *w = context;
    if (w->reason == 0 && fwrite(bytes, 1, size, w->stream) != size)
        w->reason = errno ? errno : EIO;
    return w->reason == 0 ? 0 : -1;
}

static td_status write_value(FILE *stream, const json_t *value, size_t flags, td_error *error) {
    written w = {.stream = stream};
    const int failed = json_dump_callback(value, put, &w, flags | JSON_REAL_PRECISION(10)) != 0 ||
                       put("\n", 1, &w);
    if (w.reason != 0)
        return td_fail(error, TD_ERR_IO, "%s", strerror(w.reason));
    return failed ? td_fail_memory(error, "JSON") : TD_OK;
}

td_status td_json_write(FILE *stream, const json_t *value, td_error *error) {
    return write_value(stream, value, JSON_INDENT(2), error);
}

td_status td_json_write_line(FILE *stream, const json_t *value, td_error *error) {
    return write_value(stream, value, JSON_COMPACT, error);
}
