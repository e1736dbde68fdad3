/* SPDX-License-Identifier: MIT */
/* trapdoor-data import: what was asked, where the pictures come from, which of them are taken, and
 * how they are written. */
#ifndef TOOLS_DATA_IMPORT_H
#define TOOLS_DATA_IMPORT_H

#include "base/key.h"
#include "data/dataset.h"
#include "data/fit.h"
#include "data/listing.h"
#include "data/path.h"
#include "frame/run.h"

typedef struct import_request {
    const char *data;
    size_t width, height;    /* 0: the size that the pictures have */
    int filter;              /* td_filter */
    const char *classes;     /* --classes LIST, or NULL: all */
    const char *class_names; /* --class-names LIST|FILE, or NULL: the source's */
    size_t per_class;        /* 0: all */
    bool grey, regions, shuffle;
    bool as_stored, transpose, skip_broken;
    td_colour ground;
} import_request;

/* The pictures of DATA, stored as files or as arrays. */
typedef struct import_source {
    bool is_listing;
    td_listing listing; /* where is_listing */
    td_dataset set;     /* where not */
    size_t count, classes;
    const char **class_names; /* [classes], or NULL */
    const char *split;
    const char **broken; /* [count]: what is wrong with those that are left out, else NULL; in the
                            run's arena. NULL: none is left out */
    size_t broken_count;
} import_source;

/* On failure *source is zeroed. */
td_status import_source_open(import_source *source, const tool_run *run,
                             td_error *error) TD_MUST_USE;

/* Takes a zeroed source as well. */
void import_source_close(import_source *source);

/* For --skip-broken: decodes every picture once, and marks those that cannot be. */
td_status import_source_find_broken(import_source *source, tool_run *run,
                                    td_error *error) TD_MUST_USE;

int32_t import_source_label(const import_source *source, size_t index);

/* A picture, and the part of it that is taken. */
typedef struct import_picture {
    td_read_picture read;
    bool owned; /* whether the pixels are the bitmap's */
} import_picture;

/* Picture `index`, with the digest of its file where it is one and `digest`. Safe to call from
 * several threads. The caller frees it by import_picture_free. */
td_status import_source_picture(const import_source *source, size_t index,
                                const import_request *request, bool digest, import_picture *picture,
                                td_error *error) TD_MUST_USE;

void import_picture_free(import_picture *picture);

/* What picture `index` is called in messages. */
typedef struct import_name {
    char text[TD_PATH_SIZE + 32];
} import_name;

import_name import_source_name(const import_source *source, size_t index);

/* The pictures that are taken, in the order in which they are written; in the run's arena, but for
 * the texts of the names, which are the source's. */
typedef struct import_selection {
    size_t *order;   /* [count], indices in the source */
    int32_t *labels; /* [count], new ones */
    size_t count, classes;
    const char **class_names; /* [classes], or NULL */
    size_t *class_counts;     /* [classes] */
} import_selection;

td_status import_select(import_selection *selection, tool_run *run, const import_source *source,
                        td_error *error) TD_MUST_USE;

/* What was written: the shape of all images, and how many pictures had to be changed for it. */
typedef struct import_result {
    td_images images; /* without pixels */
    size_t resized, made_grey, made_rgb;
    td_remarks remarks;
} import_result;

/* Writes the set to -o, a block of pictures at a time. Where a record is asked for, it takes the
 * set's digest and that of the files that were read. */
td_status import_write(import_result *result, tool_run *run, const import_source *source,
                       const import_selection *selection, td_error *error) TD_MUST_USE;

#endif
