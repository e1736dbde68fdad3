/* SPDX-License-Identifier: MIT */
/* Listings: the pictures of a data set stored as picture files, before any is decoded. The order
 * depends only on names and index files, so the same folder gives the same listing on any machine.
 */
#ifndef TD_DATA_LISTING_H
#define TD_DATA_LISTING_H

#include "base/arena.h"
#include "base/error.h"
#include "base/sha256.h"
#include "data/fit.h"
#include "data/remarks.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct td_listed {
    const char *path; /* of the picture: root, a slash, and its relative path */
    int32_t label;
    td_box box; /* the region of interest, in pixels of the picture; {0}: all of it */
    /* The picture's size according to the index file, to which `box` refers; 0: its actual size. */
    size_t width, height;
} td_listed;

/* How pictures become images. Zeroed: upright, on a black background. */
typedef struct td_reading {
    bool as_stored; /* rows and columns as in the file, ignoring EXIF */
    td_ground ground;
} td_reading;

/* Upright and on white, as viewers show pictures. */
extern const td_reading td_reading_standard;

typedef struct td_listing {
    td_reading reading; /* td_reading_standard, unless the caller sets another */
    td_listed *images;
    size_t count, classes;
    size_t first;             /* index of the first image within the whole split */
    const char **class_names; /* [classes] */
    const char *split;        /* "train", "test", or "" if the set has no splits */
    const char *root;         /* the root folder of the paths, for the record */
    const char **indices;     /* index files (CSV) that were read, NULL-terminated; or NULL */
    td_digest *index_digests; /* of the index files, as read */
    td_arena arena;           /* owns all of it */
} td_listing;

/* Opens DATA if it is stored as picture files; TD_OK with *found false if td_dataset_open has to
 * open it. Errors as td_dataset_open. A range A-B cuts the listing. On success the caller closes
 * the listing; if not found or failed it is zeroed. */
td_status td_listing_open(td_listing *listing, bool *found, const char *data, const char *split,
                          const char *folder, td_error *error) TD_MUST_USE;

/* Accepts a zeroed listing. */
void td_listing_close(td_listing *listing);

/* A decoded picture. */
typedef struct td_read_picture {
    td_bitmap bitmap; /* grey or RGB; the caller frees it */
    td_box box;       /* the region of interest, or {0} */
    td_facts facts;
    td_digest digest; /* of the file; empty text if not requested */
} td_read_picture;

/* Decodes picture `index`, turns it upright and composites it onto the background, as
 * listing->reading says. With `cut` its box is the region of interest, else {0}. If the picture's
 * size differs from the one in the index file, the box is scaled, each edge rounded to a pixel, at
 * least one pixel in size. Messages name the file. Thread-safe. */
td_status td_listing_decode(const td_listing *listing, size_t index, bool cut, bool digest,
                            td_read_picture *picture, td_error *error) TD_MUST_USE;

/* The same, then fits the box into `out`. */
td_status td_listing_read(const td_listing *listing, size_t index, bool cut, const td_fit *fit,
                          uint8_t *out, td_error *error) TD_MUST_USE;

/* The number of files read (index files and pictures) and one checksum of all: the SHA-256 of the
 * lines "HEX  PATH\n", as `sha256sum` prints them when run in the root, first for the index files
 * and then for the pictures in listing order. `digests` [count] are the pictures', as
 * td_listing_decode returns them; empty ones were not read and are left out. */
td_status td_listing_digest(const td_listing *listing, const td_digest *digests, size_t *files,
                            td_digest *out, td_error *error) TD_MUST_USE;

#endif
