/* SPDX-License-Identifier: MIT */
/* torch.save's container before 1.6: five pickles (a magic number, the version, the machine, the
 * object, the storages' keys), then for each key a count and that many numbers. */
#include "model/bytes.h"
#include "model/torch.h"
#include <stdlib.h>
#include <string.h>

/* A LONG1 of 10 bytes after the protocol: 0x1950a86a20f9469cfc6c. */
static const uint8_t magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

enum { PROTOCOL_BYTES = 2, VERSION = 1001, COUNT_BYTES = 8 };

typedef struct entry {
    const char *key;
    td_torch_storage storage;
} entry;

typedef struct container {
    entry *entries; /* by key */
    size_t count;
} container;

/* After PROTO, protocol 4 may have a FRAME of 8 bytes. */
static const uint8_t *find_magic(const uint8_t *bytes, size_t size) {
    static const size_t skips[] = {PROTOCOL_BYTES, PROTOCOL_BYTES + 9};
    for (size_t i = 0; td_pickle_is(bytes, size) && i < 2; i++)
        if (size >= skips[i] + sizeof magic && memcmp(bytes + skips[i], magic, sizeof magic) == 0)
            return bytes + skips[i];
    return NULL;
}

bool td_torch_legacy_is(const uint8_t *bytes, size_t size) {
    return find_magic(bytes, size);
}

static int by_key(const void *left, const void *right) {
    return strcmp(((const entry *)left)->key, ((const entry *)right)->key);
}

static entry *find_entry(const container *c, const char *key) {
    const entry wanted = {.key = key};
    return c->count ? bsearch(&wanted, c->entries, c->count, sizeof wanted, by_key) : NULL;
}

static td_status find_storage(void *context, const char *key, td_torch_storage *storage,
                              td_error *error) {
    const entry *found = find_entry(context, key);
    if (!found || !found->storage.data)
        return td_fail(error, TD_ERR_FORMAT, "expected its numbers in the file, found none");
    storage->data = found->storage.data;
    return TD_OK;
}

/* Whether a value is the id of a storage rather than of a module's source text. */
static bool is_storage(const td_pickle *pickle, const td_pickle_value *value) {
    const td_pickle_value *id = &pickle->values[value->inner];
    return value->kind == TD_PICKLE_PERSISTENT && id->kind == TD_PICKLE_TUPLE &&
           id->list.count > 0 && td_pickle_is_text(td_pickle_item(pickle, id, 0), "storage");
}

/* All storages that the object refers to, each once; every reference must have the same type and
 * size. */
static td_status list_storages(const td_torch *t, container *c, td_error *error) {
    const td_pickle *pickle = &t->pickle;
    size_t most = 0, count = 0;
    for (size_t i = 0; i < pickle->count; i++)
        most += is_storage(pickle, &pickle->values[i]);
    TD_TRY(TD_ARENA_NEW(&t->source->arena, most, &c->entries, "storages", error));
    for (size_t i = 0; i < pickle->count; i++)
        if (is_storage(pickle, &pickle->values[i])) {
            entry *e = &c->entries[count++];
            TD_TRY(td_torch_storage_read(t, &pickle->values[i], &e->key, &e->storage, error));
        }
    if (count > 0)
        qsort(c->entries, count, sizeof *c->entries, by_key);
    for (size_t i = 0; i < count; i++) {
        const entry *e = &c->entries[i], *last = c->count ? &c->entries[c->count - 1] : NULL;
        if (!last || strcmp(last->key, e->key) != 0)
            c->entries[c->count++] = *e;
        else if (last->storage.dtype != e->storage.dtype || last->storage.count != e->storage.count)
            return td_fail(error, TD_ERR_FORMAT,
                           "storage \"%s\": expected one type and size, found two", e->key);
    }
    return TD_OK;
}

/* One key of the list, and its numbers at *next. */
static td_status place_storage(container *c, const td_pickle_value *key, const td_map *map,
                               size_t *next, td_error *error) {
    char text[80] = "";
    if (key->kind == TD_PICKLE_TEXT && key->text.length < sizeof text)
        memcpy(text, key->text.bytes, key->text.length);
    entry *e = find_entry(c, text);
    if (!e || e->storage.data)
        return td_fail(error, TD_ERR_FORMAT,
                       "storages: expected a key that the object names, once, found another");
    td_torch_storage *s = &e->storage;
    const size_t left = map->size - *next;
    if (left < COUNT_BYTES || left - COUNT_BYTES < s->bytes)
        return td_fail(error, TD_ERR_FORMAT,
                       "storage \"%s\": expected %zu bytes, found the end of the file", e->key,
                       s->bytes);
    if (td_bytes_u64(map->data + *next) != s->count)
        return td_fail(error, TD_ERR_FORMAT,
                       "storage \"%s\": expected the %zu numbers that the object names, found %llu",
                       e->key, s->count, (unsigned long long)td_bytes_u64(map->data + *next));
    s->data = map->data + *next + COUNT_BYTES;
    *next += COUNT_BYTES + s->bytes;
    return TD_OK;
}

static td_status place_storages(container *c, const td_pickle *keys, const td_map *map, size_t next,
                                td_error *error) {
    const td_pickle_value *list = &keys->values[keys->root];
    if (list->kind != TD_PICKLE_LIST)
        return td_fail(error, TD_ERR_FORMAT, "storages: expected a list of keys, found another");
    for (size_t i = 0; i < list->list.count; i++)
        TD_TRY(place_storage(c, td_pickle_item(keys, list, i), map, &next, error));
    return next == map->size
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT,
                         "expected the file to end with its last storage, found %zu bytes more",
                         map->size - next);
}

static td_status next_pickle(td_source *source, size_t *next, td_pickle *out, td_error *error) {
    TD_TRY(td_pickle_read(out, source->map.data + *next, source->map.size - *next,
                          &td_torch_pickles, &source->arena, error));
    *next += out->size;
    return TD_OK;
}

static td_status check_head(const td_pickle *version, const td_pickle *machine, td_error *error) {
    const td_pickle_value *number = &version->values[version->root];
    const td_pickle_value *little =
        td_pickle_get(machine, &machine->values[machine->root], "little_endian");
    if (number->kind != TD_PICKLE_INT || number->integer != VERSION)
        return td_fail(error, TD_ERR_FORMAT, "expected version %d of torch.save, found another",
                       VERSION);
    return little && little->kind == TD_PICKLE_BOOL && little->integer
               ? TD_OK
               : td_fail(error, TD_ERR_FORMAT,
                         "little_endian: expected little-endian numbers, found others");
}

td_status td_read_torch_legacy(td_source *source, td_error *error) {
    const td_map *map = &source->map;
    size_t next = (size_t)(find_magic(map->data, map->size) + sizeof magic - map->data);
    container c = {0};
    td_torch torch = {.source = source, .find = find_storage, .context = &c};
    td_pickle version, machine, keys;
    TD_TRY(next_pickle(source, &next, &version, error));
    TD_TRY(next_pickle(source, &next, &machine, error));
    TD_TRY(check_head(&version, &machine, error));
    TD_TRY(next_pickle(source, &next, &torch.pickle, error));
    TD_TRY(next_pickle(source, &next, &keys, error));
    TD_TRY(list_storages(&torch, &c, error));
    TD_TRY(place_storages(&c, &keys, map, next, error));
    return td_torch_read(&torch, error);
}
