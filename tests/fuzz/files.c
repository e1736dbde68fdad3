/* SPDX-License-Identifier: MIT */
/* The files of the targets, in memory: a system call takes longer than most readers. The linker
 * replaces the library's functions that ask the file system (base/file.h, data/entry.h) with those
 * here, which know the paths below ROOT; for others they call the library's own.
 *
 * A file is opened as a copy of its exact size, so that AddressSanitizer detects reads past its end
 * and LeakSanitizer a file that is not closed; with a mapping, whose last page is padded, neither
 * would. */
#include "base/file.h"
#include "data/entry.h"
#include "fuzz.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ENTRIES = 128, LONGEST_PATH = 256 };

/* Nothing can be there on disk. */
#define ROOT "/dev/null/fuzz"
#define FOLDER "set"
#define INPUT "input"

typedef struct entry {
    char path[LONGEST_PATH]; /* below ROOT; "" is ROOT itself */
    size_t length;
    td_entry kind;
    uint8_t *bytes; /* [capacity]; kept for what the next input has here */
    size_t size, capacity;
} entry;

/* The first three are always there. */
static entry entries[MOST_ENTRIES] = {
    {"", 0, TD_ENTRY_FOLDER, NULL, 0, 0},
    {FOLDER, sizeof FOLDER - 1, TD_ENTRY_FOLDER, NULL, 0, 0},
    {INPUT, sizeof INPUT - 1, TD_ENTRY_FILE, NULL, 0, 0},
};
static size_t entry_count = 3;
static bool entered; /* names without a folder are in FOLDER */

static entry *find(const char *path, size_t length) {
    for (size_t i = 0; i < entry_count; i++)
        if (entries[i].length == length && memcmp(entries[i].path, path, length) == 0)
            return &entries[i];
    return NULL;
}

/* Whether a path is for the functions here. *below is what follows ROOT, or FOLDER if *at is its
 * length instead of 0. */
static bool is_below(const char *path, const char **below, size_t *at) {
    const size_t length = sizeof ROOT - 1;
    *below = path;
    *at = sizeof FOLDER - 1;
    if (strncmp(path, ROOT, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return entered && *path != '/';
    *below = path + length;
    *at = 0;
    return true;
}

/* Appends a component to path[0, *length), or takes one off; false with errno if it cannot be. */
static bool step(char path[LONGEST_PATH], size_t *length, const char *part, size_t size) {
    errno = size > NAME_MAX ? ENAMETOOLONG : ENOENT;
    if (size == 0 || (size == 1 && *part == '.'))
        return true;
    if (size == 2 && memcmp(part, "..", 2) == 0) {
        const bool can = *length > 0;
        while (*length > 0 && path[--*length] != '/')
            ;
        return can;
    }
    if (size > NAME_MAX || *length + 1 + size > LONGEST_PATH)
        return false;
    if (*length > 0)
        path[(*length)++] = '/';
    memcpy(path + *length, part, size);
    *length += size;
    return true;
}

/* Walks a path as the system does; NULL with errno if it leads nowhere. */
static entry *walk(const char *below, size_t length) {
    char path[LONGEST_PATH] = FOLDER;
    entry *at = find(path, length);
    if (strlen(below) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    while (at && *below) {
        const size_t size = strcspn(below, "/");
        if (size == 0 && at->kind != TD_ENTRY_FOLDER) {
            errno = ENOTDIR;
            return NULL;
        }
        if (size > 0)
            at = step(path, &length, below, size) ? find(path, length) : NULL;
        below += size > 0 ? size : 1;
    }
    return at;
}

/* Creates an entry unless it is there; NULL if an entry of another kind is there. */
static entry *make(const char *path, size_t length, td_entry kind) {
    entry *e = find(path, length);
    if (e)
        return e->kind == kind ? e : NULL;
    FUZZ_ASSERT(entry_count < MOST_ENTRIES && length < LONGEST_PATH);
    e = &entries[entry_count++];
    memcpy(e->path, path, length);
    e->path[length] = '\0';
    e->length = length;
    e->kind = kind;
    return e;
}

const char *fuzz_folder(void) {
    return ROOT "/" FOLDER;
}

void fuzz_folder_enter(void) {
    entered = true;
}

void fuzz_folder_clear(void) {
    entry_count = 3;
}

static void fill(entry *e, const uint8_t *data, size_t size) {
    if (size > e->capacity) {
        uint8_t *bytes = realloc(e->bytes, size);
        FUZZ_ASSERT(bytes);
        e->bytes = bytes;
        e->capacity = size;
    }
    if (size > 0)
        memcpy(e->bytes, data, size);
    e->size = size;
}

bool fuzz_folder_write(const char *name, const uint8_t *data, size_t size) {
    char path[LONGEST_PATH];
    const size_t length = (size_t)snprintf(path, sizeof path, FOLDER "/%s", name);
    if (length >= sizeof path)
        return false;
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
        if (!make(path, (size_t)(slash - path), TD_ENTRY_FOLDER))
            return false;
    entry *e = make(path, length, TD_ENTRY_FILE);
    if (e)
        fill(e, data, size);
    return e;
}

const char *fuzz_file(const uint8_t *data, size_t size) {
    fill(&entries[2], data, size);
    return ROOT "/" INPUT;
}

/* --- what the linker puts in the place of the library's functions --- */

#define REPLACED(type, name, ...)                                                                  \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

REPLACED(td_entry, td_entry_look, const char *path) {
    const char *below;
    size_t at;
    if (!is_below(path, &below, &at))
        return __real_td_entry_look(path);
    const entry *e = walk(below, at);
    return e ? e->kind : TD_ENTRY_NONE;
}

/* There are no links here. */
REPLACED(td_entry, td_entry_look_unfollowed, const char *path) {
    return __wrap_td_entry_look(path);
}

REPLACED(bool, td_entry_is_open, const char *path) {
    return __wrap_td_entry_look(path) != TD_ENTRY_NONE;
}

/* The name of an entry of a folder, or NULL if it is not one. */
static const char *name_within(const entry *e, const entry *folder) {
    const size_t start = folder->length > 0 ? folder->length + 1 : 0;
    if (e->length <= start || memcmp(e->path, folder->path, folder->length) != 0 ||
        (start > 0 && e->path[folder->length] != '/') || strchr(e->path + start, '/'))
        return NULL;
    return e->path + start;
}

REPLACED(td_status, td_entry_list, const char *path, td_entry_take take, void *context,
         td_error *error) {
    const char *below;
    size_t at;
    if (!is_below(path, &below, &at))
        return __real_td_entry_list(path, take, context, error);
    const entry *folder = walk(below, at);
    if (!folder || folder->kind != TD_ENTRY_FOLDER) {
        errno = folder ? ENOTDIR : errno;
        return td_entry_fail(error, path);
    }
    for (size_t i = 0; i < entry_count; i++) {
        const char *name = name_within(&entries[i], folder);
        if (name)
            TD_TRY(take(context, name, error));
    }
    return TD_OK;
}

static td_status copy(td_map *map, const uint8_t *bytes, size_t size, td_error *error) {
    uint8_t *own = malloc(size > 0 ? size : 1);
    if (!own)
        return td_fail_memory(error, "a copy of a file");
    if (size > 0)
        memcpy(own, bytes, size);
    *map = (td_map){own, size, TD_CRASH_NONE};
    return TD_OK;
}

void __real_td_map_close(td_map *map);

REPLACED(td_status, td_map_open, td_map *map, const char *path, td_error *error) {
    const char *below;
    size_t at;
    *map = (td_map){0};
    if (!is_below(path, &below, &at)) {
        td_map real;
        TD_TRY(__real_td_map_open(&real, path, error));
        const td_status status = copy(map, real.data, real.size, error);
        __real_td_map_close(&real);
        return status;
    }
    const entry *e = walk(below, at);
    if (!e)
        return td_entry_fail(error, path);
    if (e->kind != TD_ENTRY_FILE)
        return td_fail(error, TD_ERR_IO, "%s: expected a regular file, found a folder", path);
    return copy(map, e->bytes, e->size, error);
}

/* Nor is there a second name. */
REPLACED(td_status, td_map_open_alone, td_map *map, const char *path, td_error *error) {
    return __wrap_td_map_open(map, path, error);
}

REPLACED(void, td_map_close, td_map *map) {
    free((void *)map->data);
    *map = (td_map){0};
}
