/* SPDX-License-Identifier: MIT */
/* Which classes of a set are which of a model's, or of another set's. */
#include "data/classes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part of a name to compare: a number without leading zeros, or the whole name. */
static const char *core_of(const char *name) {
    if (strspn(name, "0123456789") == strlen(name))
        while (*name == '0' && name[1] != '\0')
            name++;
    return name;
}

static bool is_same(const char *a, const char *b) {
    return strcmp(core_of(a), core_of(b)) == 0;
}

/* Whether the names are just the indices. */
static bool are_indices(const td_classes *classes) {
    char index[24];
    for (size_t i = 0; i < classes->count; i++) {
        snprintf(index, sizeof index, "%zu", i);
        if (!is_same(classes->names[i], index))
            return false;
    }
    return true;
}

static bool are_same(const td_classes *a, const td_classes *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = is_same(a->names[i], b->names[i]);
    return same;
}

static td_status fail_twice(const td_classes *classes, const char *name, td_error *error) {
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected a name for each class, found \"%.64s\" for two; trapdoor-data "
                   "import --class-names names them",
                   classes->of, name);
}

typedef struct entry {
    const char *core;
    size_t class;
} entry;

static int compare(const void *a, const void *b) {
    return strcmp(((const entry *)a)->core, ((const entry *)b)->core);
}

/* Fills map[] and *shared, the number of the other's classes that `own`, whose entries are sorted,
 * has. */
static td_status find_sorted(const td_classes *own, const td_classes *other, const entry *entries,
                             bool *taken, int32_t *map, size_t *shared, td_error *error) {
    const entry *end = entries + own->count;
    for (size_t i = 0; i < other->count; i++) {
        const entry key = {core_of(other->names[i]), 0};
        const entry *at = bsearch(&key, entries, own->count, sizeof *entries, compare);
        map[i] = TD_NO_CLASS;
        if (!at)
            continue;
        if ((at > entries && compare(at - 1, &key) == 0) ||
            (at + 1 < end && compare(at + 1, &key) == 0))
            return fail_twice(own, other->names[i], error);
        if (taken[at->class])
            return fail_twice(other, other->names[i], error);
        taken[at->class] = true;
        map[i] = (int32_t)at->class;
        ++*shared;
    }
    return TD_OK;
}

static td_status find_all(const td_classes *own, const td_classes *other, int32_t *map,
                          size_t *shared, td_error *error) {
    td_arena arena = {0};
    entry *entries;
    bool *taken;
    *shared = 0;
    td_status status = TD_ARENA_NEW(&arena, own->count, &entries, "class names", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, own->count, &taken, "class names", error);
    if (status == TD_OK) {
        for (size_t i = 0; i < own->count; i++)
            entries[i] = (entry){core_of(own->names[i]), i};
        qsort(entries, own->count, sizeof *entries, compare);
        status = find_sorted(own, other, entries, taken, map, shared, error);
    }
    td_arena_free(&arena);
    return status;
}

/* A list for --classes, as long as fits: names, or the indices of names that contain a comma. */
static void list_shared(const td_classes *other, const int32_t *map, char *out, size_t size) {
    size_t used = 0;
    *out = '\0';
    for (size_t i = 0; i < other->count; i++) {
        char one[72];
        if (map[i] == TD_NO_CLASS)
            continue;
        if (strlen(other->names[i]) < 64 && !strpbrk(other->names[i], ", \"'"))
            snprintf(one, sizeof one, "%s%s", used ? "," : "", other->names[i]);
        else
            snprintf(one, sizeof one, "%s#%zu", used ? "," : "", i);
        if (used + strlen(one) + 4 >= size) {
            snprintf(out + used, size - used, "...");
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s", one);
    }
}

static td_status fail_foreign(const td_classes *own, const td_classes *other, td_error *error) {
    char theirs[TD_CLASS_LIST_SIZE], ours[TD_CLASS_LIST_SIZE];
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected classes of %s, %s, found %s; if they are the same, "
                   "trapdoor-data import --class-names gives them these names",
                   other->of, own->of, td_classes_print(own, ours),
                   td_classes_print(other, theirs));
}

static td_status fail_unknown(const td_classes *own, const td_classes *other, const int32_t *map,
                              size_t class, size_t images, td_error *error) {
    char ours[TD_CLASS_LIST_SIZE], rest[160];
    list_shared(other, map, rest, sizeof rest);
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected classes of %s, %s, found %zu \"%.64s\" with %zu image%s; "
                   "trapdoor-data import --classes %s leaves it out, --class-names renames it",
                   other->of, own->of, td_classes_print(own, ours), class, other->names[class],
                   images, images == 1 ? "" : "s", rest);
}

td_status td_classes_match(const td_classes *own, const td_classes *other, const size_t *images,
                           int32_t *map, td_class_order *order, td_error *error) {
    size_t shared;
    for (size_t i = 0; i < other->count; i++)
        map[i] = (int32_t)i;
    *order = TD_CLASSES_INDEX;
    if (!own->names || !other->names)
        return TD_OK;
    *order = TD_CLASSES_SAME;
    if (are_same(own, other))
        return TD_OK;
    *order = TD_CLASSES_MAPPED;
    TD_TRY(find_all(own, other, map, &shared, error));
    if (shared == 0 && (are_indices(own) || are_indices(other))) {
        *order = TD_CLASSES_INDEX;
        for (size_t i = 0; i < other->count; i++)
            map[i] = (int32_t)i;
        return TD_OK;
    }
    if (shared == 0)
        return fail_foreign(own, other, error);
    for (size_t i = 0; i < other->count; i++)
        if (map[i] == TD_NO_CLASS && images[i] > 0)
            return fail_unknown(own, other, map, i, images[i], error);
    return TD_OK;
}
