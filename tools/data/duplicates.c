/* SPDX-License-Identifier: MIT */
#include "duplicates.h"

#include "base/parallel.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES_A_CHUNK = 256 };

typedef struct work {
    const td_dataset *set;
    hashed_image *images;
} work;

static void hash_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const work *w = context;
    const td_images *images = &w->set->images;
    (void)chunk, (void)thread;
    for (size_t i = begin; i < end; i++)
        w->images[i] = (hashed_image){td_sha256(td_image(images, i), td_image_size(images)),
                                      w->set->first + i, images->labels[i]};
}

static int compare(const hashed_image *a, const hashed_image *b) {
    return memcmp(a->digest.hex, b->digest.hex, sizeof a->digest.hex);
}

static int by_digest_and_index(const void *left, const void *right) {
    const hashed_image *a = left, *b = right;
    int order = compare(a, b);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

td_status hashed_set_make(hashed_set *out, const td_dataset *set, const char *name,
                          td_error *error) {
    const td_images *images = &set->images;
    *out = (hashed_set){.name = name,
                        .height = images->height,
                        .width = images->width,
                        .channels = images->channels,
                        .count = images->count};
    td_status status = TD_ARENA_NEW(&out->arena, out->count, &out->images, "checksums", error);
    if (status != TD_OK) {
        hashed_set_free(out);
        return status;
    }
    work w = {set, out->images};
    td_parallel_for(out->count, IMAGES_A_CHUNK, hash_chunk, &w);
    qsort(out->images, out->count, sizeof *out->images, by_digest_and_index);
    return TD_OK;
}

void hashed_set_free(hashed_set *set) {
    td_arena_free(&set->arena);
    *set = (hashed_set){0};
}

/* The end of the run of equal images from `begin`. */
static size_t run_end(const hashed_set *set, size_t begin) {
    size_t end = begin + 1;
    while (end < set->count && compare(&set->images[begin], &set->images[end]) == 0)
        end++;
    return end;
}

/* Whether an image of set->images[begin, end) has another label. */
static bool has_other_label(const hashed_set *set, size_t begin, size_t end, int32_t label) {
    for (size_t i = begin; i < end; i++)
        if (set->images[i].label != label)
            return true;
    return false;
}

/* Stores the pair if it is one of the first few. */
static void add_pair(duplicates *found, size_t first, size_t equal) {
    size_t place = found->pair_count;
    while (place > 0 &&
           (found->pairs[place - 1][0] > first ||
            (found->pairs[place - 1][0] == first && found->pairs[place - 1][1] > equal)))
        place--;
    if (place == DUPLICATES_PAIRS)
        return;
    if (found->pair_count < DUPLICATES_PAIRS)
        found->pair_count++;
    for (size_t i = found->pair_count - 1; i > place; i--)
        memcpy(found->pairs[i], found->pairs[i - 1], sizeof found->pairs[i]);
    found->pairs[place][0] = first;
    found->pairs[place][1] = equal;
}

duplicates duplicates_within(const hashed_set *set) {
    duplicates found = {0};
    for (size_t begin = 0, end; begin < set->count; begin = end) {
        const hashed_image *first = &set->images[begin];
        end = run_end(set, begin);
        if (end - begin == 1)
            continue;
        found.images += end - begin - 1;
        found.distinct++;
        found.labels += has_other_label(set, begin, end, first->label);
        for (size_t i = begin + 1; i < end; i++)
            add_pair(&found, first->index, set->images[i].index);
    }
    return found;
}

duplicates duplicates_between(const hashed_set *first, const hashed_set *second) {
    duplicates found = {0};
    if (first->height != second->height || first->width != second->width ||
        first->channels != second->channels)
        return found;
    size_t a = 0, b = 0;
    while (a < first->count && b < second->count) {
        int order = compare(&first->images[a], &second->images[b]);
        if (order < 0) {
            a++;
        } else if (order > 0) {
            b++;
        } else {
            size_t a_end = run_end(first, a), b_end = run_end(second, b);
            int32_t label = first->images[a].label;
            found.images += b_end - b;
            found.distinct++;
            found.labels +=
                has_other_label(first, a, a_end, label) || has_other_label(second, b, b_end, label);
            add_pair(&found, first->images[a].index, second->images[b].index);
            a = a_end;
            b = b_end;
        }
    }
    return found;
}
