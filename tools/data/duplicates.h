/* SPDX-License-Identifier: MIT */
/* Duplicate images within one set or between two: equal pixels, whatever their labels. Pixels are
 * compared by SHA-256, so that a set larger than memory is read once, in order. */
#ifndef TOOLS_DATA_DUPLICATES_H
#define TOOLS_DATA_DUPLICATES_H

#include "base/arena.h"
#include "base/sha256.h"
#include "data/dataset.h"

enum { DUPLICATES_PAIRS = 5 };

typedef struct hashed_image {
    td_digest digest; /* of the pixels */
    size_t index;     /* in the split */
    int32_t label;
} hashed_image;

/* What is kept of a set after it is closed. */
typedef struct hashed_set {
    const char *name; /* DATA */
    size_t height, width, channels;
    hashed_image *images; /* [count], by digest, then by index */
    size_t count;
    td_arena arena; /* owns images */
} hashed_set;

typedef struct duplicates {
    size_t images;   /* within a set: images equal to an earlier one; of two sets: images of the
                        second that are in the first */
    size_t distinct; /* distinct images among them */
    size_t labels;   /* of these, images whose labels differ */
    /* The first few, [first, equal], by the first. Within a set first < equal. */
    size_t pairs[DUPLICATES_PAIRS][2], pair_count;
} duplicates;

/* `name` must outlive *out. On failure *out is zeroed. */
td_status hashed_set_make(hashed_set *out, const td_dataset *set, const char *name,
                          td_error *error) TD_MUST_USE;

/* Accepts a zeroed set. */
void hashed_set_free(hashed_set *set);

duplicates duplicates_within(const hashed_set *set);

/* None where the images differ in shape. */
duplicates duplicates_between(const hashed_set *first, const hashed_set *second);

#endif
