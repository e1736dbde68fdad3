/* Listings: the pictures that make up a data set stored as picture files, before any is decoded.
 * The order depends on names and index files alone, so that the same folder gives the same listing
 * on any machine. */
#ifndef TD_DATA_LISTING_H
#define TD_DATA_LISTING_H

#include "base/arena.h"
#include "base/error.h"
#include "base/sha256.h"
#include "data/fit.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct td_listed {
    const char *path; /* of the picture: root, a slash, and its place below */
    int32_t label;
    td_box box; /* the region of interest, in pixels of the picture; {0}: all of it */
    /* The picture's size as an index file has it, which is what `box` refers to; 0: its own. */
    size_t width, height;
} td_listed;

typedef struct td_listing {
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

/* Decodes picture `index`. *box is its region of interest where `cut`, else {0}: scaled where the
 * picture does not have the size that its index file has, each edge to the nearest edge of a pixel,
 * and at least one pixel. *digest, which may be NULL, is that of the file. Messages name the file.
 * The caller frees the bitmap. Safe to call from several threads. */
td_status td_listing_decode(const td_listing *listing, size_t index, bool cut, td_bitmap *picture,
                            td_box *box, td_digest *digest, td_error *error) TD_MUST_USE;

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
