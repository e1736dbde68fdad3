/* What calibrates is never what judges. */
#include "base/size.h"
#include "defend/detect.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRAYS = 100 }; /* one image in so many may be in both by chance */

/* A clean image, findable by its pixels. */
typedef struct entry {
    uint64_t hash;
    uint32_t image;
} entry;

/* FNV-1a; equal hashes are looked into. */
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

/* The first entry that has the hash, or a larger one. */
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

/* Marks the clean images that the set has as well; returns how many these are. */
static size_t mark_equal(const detect_job *job, const entry *entries, const td_images *judged,
                         bool *in_set) {
    const td_images *clean = &job->clean.images;
    const size_t size = td_image_size(clean);
    size_t equal = 0;
    memset(in_set, 0, clean->count * sizeof *in_set);
    for (size_t i = 0; i < judged->count; i++) {
        const uint8_t *pixels = td_image(judged, i);
        uint64_t hash = hash_pixels(pixels, size);
        for (size_t k = find(entries, clean->count, hash);
             k < clean->count && entries[k].hash == hash; k++)
            if (!in_set[entries[k].image] &&
                memcmp(td_image(clean, entries[k].image), pixels, size) == 0) {
                in_set[entries[k].image] = true;
                equal++;
            }
    }
    return equal;
}

static bool same_files(const td_dataset *a, const td_dataset *b) {
    if (strcmp(a->split, b->split) != 0)
        return false;
    if (a->folder || b->folder)
        return a->folder && b->folder && strcmp(a->folder, b->folder) == 0;
    return a->file_count > 0 && b->file_count > 0 && strcmp(a->files[0], b->files[0]) == 0;
}

static td_status check_ranges(const detect_job *job, const td_dataset *judged, td_error *error) {
    const td_dataset *clean = &job->clean;
    size_t begin = td_size_max(clean->first, judged->first);
    size_t end =
        td_size_min(clean->first + clean->images.count, judged->first + judged->images.count);
    if (begin >= end || !same_files(clean, judged))
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected no image of --clean %s, since what calibrates must not judge, "
                   "found %zu-%zu in both",
                   judged->name, clean->name, begin, end);
}

static td_status check_equal(const detect_job *job, const td_dataset *judged, size_t equal,
                             td_error *error) {
    size_t smaller = td_size_min(job->clean.images.count, judged->images.count);
    if (equal * STRAYS <= smaller)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected no image of --clean %s, since what calibrates must not judge, "
                   "found %zu that are equal",
                   judged->name, job->clean.name, equal);
}

static void note_left_out(const detect_job *job) {
    char line[256];
    if (job->left_out == 0 || job->options->common.quiet)
        return;
    snprintf(line, sizeof line,
             "note: %zu of the images of --clean equal images to be judged, and were left out",
             job->left_out);
    tool_note(line);
}

td_status detect_check_hygiene(detect_job *job, td_error *error) {
    const td_images *clean = &job->clean.images;
    entry *entries;
    bool *in_set, *in_any;
    for (size_t i = 0; i < job->data_count; i++)
        TD_TRY(check_ranges(job, &job->data[i], error));
    TD_TRY(TD_ARENA_NEW(&job->arena, clean->count, &entries, "images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, clean->count, &in_set, "images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, clean->count, &in_any, "images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, clean->count, &job->calibration, "images", error));
    for (size_t i = 0; i < clean->count; i++)
        entries[i] = (entry){hash_pixels(td_image(clean, i), td_image_size(clean)), (uint32_t)i};
    qsort(entries, clean->count, sizeof *entries, compare);
    for (size_t i = 0; i < job->data_count; i++) {
        size_t equal = mark_equal(job, entries, &job->data[i].images, in_set);
        TD_TRY(check_equal(job, &job->data[i], equal, error));
        for (size_t k = 0; k < clean->count; k++)
            in_any[k] |= in_set[k];
    }
    for (size_t i = 0; i < clean->count; i++)
        if (!in_any[i])
            job->calibration[job->calibration_count++] = (uint32_t)i;
    job->left_out = clean->count - job->calibration_count;
    note_left_out(job);
    return TD_OK;
}
