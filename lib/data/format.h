/* SPDX-License-Identifier: MIT */
/* The formats of data sets. A format is one file that defines one td_format, and one row of the
 * table in format.c. */
#ifndef TD_DATA_FORMAT_H
#define TD_DATA_FORMAT_H

#include "data/dataset.h"
#include "data/listing.h"
#include "data/names.h"
#include "data/request.h"
#include <stdbool.h>

typedef struct td_source {
    const char *path;
    const char *split;         /* "train" or "test": the split to read */
    bool split_given;          /* the user gave the split; false: it is the default */
    const td_known_set *known; /* the known set that the user's NAME refers to, or NULL */
} td_source;

/* Exactly one of `open` and `list` is set; the other is NULL. */
typedef struct td_format {
    const char *name;  /* "IDX files" */
    const char *needs; /* the files that identify it; for the list of formats, as Markdown */

    /* Whether the path is of this format, judged by names or by the first bytes. A broken file of
     * this format should be recognised, so that `open` can report what is wrong. Fails, naming the
     * file or folder, if it cannot be read. */
    td_status (*recognise)(bool *out, const char *path, td_error *error);

    /* Fills *set, zeroed before except `name` and `first`: `images` with the whole split, `classes`
     * 0 if the format does not give it; labels are from 0 on, below `classes` if known. Sets
     * `split`, and `files` by td_dataset_add_file. After a failure the caller closes the set. */
    td_status (*open)(td_dataset *set, const td_source *source, td_error *error);

    /* For formats of picture files: fills *listing, zeroed before except `first`, with the whole
     * split: at least one image by td_listing_add, labels below `classes`. After a failure the
     * caller closes the listing. */
    td_status (*list)(td_listing *listing, const td_source *source, td_error *error);

    /* Whether the path is almost of this format, or of a known format that is not supported: a
     * description in found[0, size), to follow "found ". May be NULL. */
    bool (*near)(const char *path, char *found, size_t size);
} td_format;

extern const td_format td_format_idx, td_format_cifar, td_format_cifar_python, td_format_stl10,
    td_format_npy, td_format_npz, td_format_safetensors, td_format_gtsrb, td_format_cub,
    td_format_index, td_format_folder;

/* Whether a folder is GTSRB in one of its layouts, and not one with GTSRB/ in it. Its folders are
 * then not classes or splits, and its lists are not for td_format_index. */
td_status td_format_is_gtsrb(bool *out, const char *path, td_error *error) TD_MUST_USE;

/* All formats; the list ends with NULL. */
extern const td_format *const td_formats[];

/* The only format that recognises `path`: TD_ERR_FORMAT if there is none, or two. If none does and
 * one failed to decide, returns that failure. */
td_status td_format_find(const td_format **out, const char *path, td_error *error) TD_MUST_USE;

/* Adds a copy of `path`, and the file's stamp, to set->files. Call it before opening the file. */
td_status td_dataset_add_file(td_dataset *set, const char *path, td_error *error) TD_MUST_USE;

/* Adds an image, with a copy of its path. */
td_status td_listing_add(td_listing *listing, const td_listed *image, td_error *error) TD_MUST_USE;

/* Adds an index file, with a copy of its path. */
td_status td_listing_add_index(td_listing *listing, const char *path, const td_digest *digest,
                               td_error *error) TD_MUST_USE;

/* Lists the pictures of a request in a format that has `list`, cut to its range. On failure
 * *listing is zeroed. */
td_status td_listing_of(td_listing *listing, const td_format *format, const td_request *request,
                        const char *data, td_error *error) TD_MUST_USE;

static inline td_source td_source_of(const td_request *request) {
    return (td_source){request->path, request->split, request->split_given, request->known};
}

#endif
