/* SPDX-License-Identifier: MIT */
/* Listings: the pictures that make up a data set stored as picture files, before any is decoded.
 * The order depends on names and index files alone, so that the same folder gives the same listing
 * on any machine. */
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
    const char *path; /* of the picture: root, a slash, and its place below */
    int32_t label;
    td_box box; /* the region of interest, in pixels of the picture; {0}: all of it */
    /* The picture's size as an index file has it, which is what `box` refers to; 0: its own. */
    size_t width, height;
} td_listed;

/* How pictures become images. Zeroed: upright, on a black ground. */
typedef struct td_reading {
    bool as_stored; /* rows and columns as they are in the file, whatever EXIF says */
    td_ground ground;
} td_reading;

/* Upright, and on white, as viewers show pictures. */
extern const td_reading td_reading_standard;

typedef struct td_listing {
    td_reading reading; /* td_reading_standard, unless the caller sets another */
    td_listed *images;
    size_t count, classes;
    size_t first;             /* index of the first image within the whole split */
    const char **class_names; /* [classes] */
    const char *split;        /* "train", "test", or "" where there are none */
    const char *root;         /* the folder that the paths are below, for the record */
    const char **indices;     /* index files (CSV) that were read, NULL-terminated; or NULL */
    td_digest *index_digests; /* of these, as they were read */
    td_arena arena;           /* owns all of it */
} td_listing;

/* Whether DATA is stored as picture files. TD_OK with *found false where it is something else that
 * td_dataset_open can open. Errors as td_dataset_open's. A range A-B cuts the listing. On success
 * the caller closes the listing; where not found or failed it is zeroed. */
td_status td_listing_open(td_listing *listing, bool *found, const char *data, const char *split,
                          const char *folder, td_error *error) TD_MUST_USE;

/* Takes a zeroed listing as well. */
void td_listing_close(td_listing *listing);

/* A picture as an image needs it. */
typedef struct td_read_picture {
    td_bitmap bitmap; /* grey or RGB; the caller frees it */
    td_box box;       /* the region of interest, or {0} */
    td_facts facts;
    td_digest digest; /* of the file; empty text where it was not asked for */
} td_read_picture;

/* Decodes picture `index`, turns it upright and lays it on the ground, as listing->reading says.
 * Its box is that of its region of interest where `cut`, else {0}: scaled where the picture does
 * not have the size that its index file has, each edge to the nearest edge of a pixel, and at least
 * one pixel. Messages name the file. Safe to call from several threads. */
td_status td_listing_decode(const td_listing *listing, size_t index, bool cut, bool digest,
                            td_read_picture *picture, td_error *error) TD_MUST_USE;

/* The same, and what is in the box fitted into `out`. */
td_status td_listing_read(const td_listing *listing, size_t index, bool cut, const td_fit *fit,
                          uint8_t *out, td_error *error) TD_MUST_USE;

/* How many files were read, index files and pictures, and one checksum of all of them: the SHA-256
 * of the lines "HEX  PATH\n", as `sha256sum` prints them when run in the root, of the index files
 * and then of the pictures in the order of the listing. `digests` [count] are the pictures', as
 * td_listing_decode gives them; those that are empty text were not read, and are left out. */
td_status td_listing_digest(const td_listing *listing, const td_digest *digests, size_t *files,
                            td_digest *out, td_error *error) TD_MUST_USE;

#endif
