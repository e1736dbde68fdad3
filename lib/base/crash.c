/* SPDX-License-Identifier: MIT */
#include "base/crash.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES = 256 };
enum { FREE, BEING_MADE, MADE };

/* A copy of the path, which a handler can read even if the caller frees its own. */
typedef struct entry {
    atomic_int state;
    uintptr_t begin;
    size_t size; /* 0: unwanted */
    char path[PATH_MAX];
} entry;

static entry entries[ENTRIES];
static atomic_int held;

static td_crash_entry add(const void *data, size_t size, const char *path) {
    const size_t length = strlen(path);
    for (size_t i = 0; i < ENTRIES && length < PATH_MAX; i++) {
        int expected = FREE;
        if (!atomic_compare_exchange_strong(&entries[i].state, &expected, BEING_MADE))
            continue;
        entries[i].begin = (uintptr_t)data;
        entries[i].size = size;
        memcpy(entries[i].path, path, length + 1);
        atomic_store(&entries[i].state, MADE);
        return i + 1;
    }
    return TD_CRASH_NONE;
}

td_crash_entry td_crash_mapped(const void *data, size_t size, const char *path) {
    return add(data, size, path);
}

td_crash_entry td_crash_unwanted(const char *path) {
    return add(NULL, 0, path);
}

void td_crash_forget(td_crash_entry *number) {
    if (*number != TD_CRASH_NONE)
        atomic_store(&entries[*number - 1].state, FREE);
    *number = TD_CRASH_NONE;
}

void td_crash_hold(void) {
    atomic_fetch_add(&held, 1);
}

void td_crash_release(void) {
    atomic_fetch_sub(&held, 1);
}

bool td_crash_is_held(void) {
    return atomic_load(&held) > 0;
}

const char *td_crash_file_at(const void *address, size_t *offset) {
    for (size_t i = 0; i < ENTRIES; i++) {
        const entry *e = &entries[i];
        *offset = (uintptr_t)address - e->begin;
        if (atomic_load(&e->state) == MADE && *offset < e->size)
            return e->path;
    }
    return NULL;
}

/* A folder becomes empty only after its contents are removed, which may include folders: hence
 * several passes. */
void td_crash_remove(void) {
    enum { DEEPEST = 4 };
    for (int pass = 0; pass < DEEPEST && !td_crash_is_held(); pass++)
        for (size_t i = 0; i < ENTRIES; i++)
            if (atomic_load(&entries[i].state) == MADE && entries[i].size == 0 &&
                unlink(entries[i].path) != 0)
                rmdir(entries[i].path);
}
