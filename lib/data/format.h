/* SPDX-License-Identifier: MIT */
/* The formats that a data set can be stored in. A format is one file that defines one td_format,
 * and one row of the table in format.c. */
#ifndef TD_DATA_FORMAT_H
#define TD_DATA_FORMAT_H

#include "data/dataset.h"
#include "data/listing.h"
#include "data/names.h"
#include "data/request.h"
#include <stdbool.h>

typedef struct td_source {
    const char *path;
    const char *split;         /* "train" or "test": which one to read */
    bool split_given;          /* whether the user said so, or it is the default */
    const td_known_set *known; /* the set that the user's words name, or NULL */
} td_source;

/* Has either `open` or `list`; the other is NULL. */
typedef struct td_format {
    const char *name;  /* "IDX files" */
    const char *needs; /* which files it is known by; for the list of formats, as Markdown */

    /* Whether the path is of this format, by a look at names or at the first bytes. What is meant
     * to be of this format but broken should be recognised, so that open can say what is wrong.
     * Fails, naming the file or folder, where that cannot be told. */
    td_status (*recognise)(bool *out, const char *path, td_error *error);

    /* Fills *set, zeroed before, but for `name` and `first`: `images` with the whole split, with
     * `classes` 0 where the format does not say; labels may be any number from 0 on, below
     * `classes` where that is known. Sets `files` by td_dataset_add_file and `split`. After a
     * failure the caller closes the set. */
    td_status (*open)(td_dataset *set, const td_source *source, td_error *error);

    /* For formats of picture files: fills *listing, zeroed before, but for `first`, with the whole
     * split; images by td_listing_add, at least one, with labels below `classes`. After a failure
     * the caller closes the listing. */
    td_status (*list)(td_listing *listing, const td_source *source, td_error *error);

    /* Whether the path is nearly of this format, or of one that is known and not read: what there
     * is, in found[0, size), to follow "found ". May be NULL. */
    bool (*near)(const char *path, char *found, size_t size);
} td_format;

extern const td_format td_format_idx, td_format_cifar, td_format_cifar_python, td_format_stl10,
    td_format_npy, td_format_npz, td_format_safetensors, td_format_gtsrb, td_format_cub,
    td_format_index, td_format_folder;

/* Whether a folder is GTSRB's in one of its layouts, and not one with GTSRB/ in it: its folders are
 * then no classes or splits, and its lists none of td_format_index's. */
td_status td_format_is_gtsrb(bool *out, const char *path, td_error *error) TD_MUST_USE;

/* All formats; the list ends with NULL. */
extern const td_format *const td_formats[];

/* The one format that recognises `path`: TD_ERR_FORMAT if there is none, or two. Where none does
 * and one could not tell, that one's failure. */
td_status td_format_find(const td_format **out, const char *path, td_error *error) TD_MUST_USE;

/* Adds a copy of `path`, and the file's stamp, to set->files; before it is opened. */
td_status td_dataset_add_file(td_dataset *set, const char *path, td_error *error) TD_MUST_USE;

/* Adds an image, with a copy of its path. */
td_status td_listing_add(td_listing *listing, const td_listed *image, td_error *error) TD_MUST_USE;

/* Adds an index file, likewise. */
td_status td_listing_add_index(td_listing *listing, const char *path, const td_digest *digest,
                               td_error *error) TD_MUST_USE;

/* Lists what a request asks for in a format that has `list`, cut to its range. On failure *listing
 * is zeroed. */
td_status td_listing_of(td_listing *listing, const td_format *format, const td_request *request,
                        const char *data, td_error *error) TD_MUST_USE;

static inline td_source td_source_of(const td_request *request) {
    return (td_source){request->path, request->split, request->split_given, request->known};
}

#endif
