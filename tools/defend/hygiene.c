/* SPDX-License-Identifier: MIT */
#include "defend/hygiene.h"

#include "base/size.h"
#include <stdlib.h>
#include <string.h>

enum { STRAYS = 100 }; /* up to one image in so many may be in both by chance */

/* A learning image, found by its pixels. */
typedef struct entry {
    uint64_t hash;
    uint32_t image;
} entry;

/* FNV-1a; equal hashes are verified. */
static uint64_t hash_pixels(const uint8_t *pixels, size_t size) {
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ pixels[i]) * 0x100000001b3;
    return hash;
}

static int compare(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

/* The first entry with the hash, or a larger one. */
static size_t find(const entry *entries, size_t count, uint64_t hash) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The overlap of the sets. */
typedef struct overlap {
    size_t count;       /* learning images that the evaluation set also has */
    size_t own, judged; /* the first such pair */
} overlap;

/* Marks the images that the evaluation set also has. */
static overlap mark_equal(const td_images *own, const entry *entries, const td_images *judged,
                          bool *in_set) {
    const size_t size = td_image_size(own);
    overlap found = {0};
    memset(in_set, 0, own->count * sizeof *in_set);
    for (size_t i = 0; i < judged->count; i++) {
        const uint8_t *pixels = td_image(judged, i);
        uint64_t hash = hash_pixels(pixels, size);
        for (size_t k = find(entries, own->count, hash); k < own->count && entries[k].hash == hash;
             k++)
            if (!in_set[entries[k].image] &&
                memcmp(td_image(own, entries[k].image), pixels, size) == 0) {
                in_set[entries[k].image] = true;
                if (found.count++ == 0)
                    found = (overlap){1, entries[k].image, i};
            }
    }
    return found;
}

static bool same_files(const td_dataset *a, const td_dataset *b) {
    if (strcmp(a->split, b->split) != 0)
        return false;
    if (a->folder || b->folder)
        return a->folder && b->folder && strcmp(a->folder, b->folder) == 0;
    return a->file_count > 0 && b->file_count > 0 && strcmp(a->files[0], b->files[0]) == 0;
}

static td_status check_ranges(const td_dataset *own, const hygiene_words *words,
                              const td_dataset *judged, td_error *error) {
    size_t begin = td_size_max(own->first, judged->first);
    size_t end = td_size_min(own->first + own->images.count, judged->first + judged->images.count);
    if (begin >= end || !same_files(own, judged))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected no image of %s %s, since what %s must not judge, "
                   "found %zu-%zu in both",
                   judged->name, words->option, own->name, words->learns, begin, end);
}

static td_status check_equal(const td_dataset *own, const hygiene_words *words,
                             const td_dataset *judged, const overlap *equal, td_error *error) {
    size_t smaller = td_size_min(own->images.count, judged->images.count);
    if (equal->count * STRAYS <= smaller)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected no image of %s %s, since what %s must not judge, "
                   "found %zu that are equal, the first %zu here and %zu there",
                   judged->name, words->option, own->name, words->learns, equal->count,
                   judged->first + equal->judged, own->first + equal->own);
}

td_status hygiene_check(tool_run *run, const td_dataset *own, const hygiene_words *words,
                        const td_dataset *judged, size_t count, uint32_t **kept, size_t *kept_count,
                        td_error *error) {
    td_arena *arena = &run->arena;
    const td_images *images = &own->images;
    entry *entries;
    bool *in_set, *in_any;
    for (size_t i = 0; i < count; i++)
        TD_TRY(check_ranges(own, words, &judged[i], error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &entries, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &in_set, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, &in_any, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, images->count, kept, "images", error));
    for (size_t i = 0; i < images->count; i++)
        entries[i] = (entry){hash_pixels(td_image(images, i), td_image_size(images)), (uint32_t)i};
    qsort(entries, images->count, sizeof *entries, compare);
    for (size_t i = 0; i < count; i++) {
        const overlap equal = mark_equal(images, entries, &judged[i].images, in_set);
        TD_TRY(check_equal(own, words, &judged[i], &equal, error));
        for (size_t k = 0; k < images->count; k++)
            in_any[k] |= in_set[k];
    }
    *kept_count = 0;
    for (size_t i = 0; i < images->count; i++)
        if (!in_any[i])
            (*kept)[(*kept_count)++] = (uint32_t)i;
    if (*kept_count < images->count)
        tool_run_note(run,
                      "note: %zu of the images of %s equal images to be judged, and were left out",
                      images->count - *kept_count, words->option);
    return TD_OK;
}
