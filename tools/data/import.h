/* SPDX-License-Identifier: MIT */
/* trapdoor-data import: its settings, the source pictures, the selection, and the output. */
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
    size_t width, height;    /* 0: the pictures' own size */
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
    td_listing listing; /* if is_listing */
    td_dataset set;     /* otherwise */
    size_t count, classes;
    const char **class_names; /* [classes], or NULL */
    const char *split;
    const char **broken; /* [count]: the error of each picture that is left out, else NULL; in the
                            run's arena. NULL: none is left out */
    size_t broken_count;
} import_source;

/* On failure *source is zeroed. */
td_status import_source_open(import_source *source, const tool_run *run,
                             td_error *error) TD_MUST_USE;

/* Accepts a zeroed source. */
void import_source_close(import_source *source);

/* For --skip-broken: decodes every picture once, and marks those that fail. */
td_status import_source_find_broken(import_source *source, tool_run *run,
                                    td_error *error) TD_MUST_USE;

int32_t import_source_label(const import_source *source, size_t index);

/* A picture, and the part of it to use. */
typedef struct import_picture {
    td_read_picture read;
    bool owned; /* the pixels belong to the bitmap */
} import_picture;

/* Picture `index`, with `digest` also the digest of its file, if it is one. Thread-safe. The caller
 * frees it with import_picture_free. */
td_status import_source_picture(const import_source *source, size_t index,
                                const import_request *request, bool digest, import_picture *picture,
                                td_error *error) TD_MUST_USE;

void import_picture_free(import_picture *picture);

/* The name of picture `index` in messages. */
typedef struct import_name {
    char text[TD_PATH_SIZE + 32];
} import_name;

import_name import_source_name(const import_source *source, size_t index);

/* The selected pictures in output order; in the run's arena, except the names, which the source
 * owns. */
typedef struct import_selection {
    size_t *order;   /* [count], indices in the source */
    int32_t *labels; /* [count], new ones */
    size_t count, classes;
    const char **class_names; /* [classes], or NULL */
    size_t *class_counts;     /* [classes] */
} import_selection;

td_status import_select(import_selection *selection, tool_run *run, const import_source *source,
                        td_error *error) TD_MUST_USE;

/* The result: the shape of all images, and how many pictures were converted to it. */
typedef struct import_result {
    td_images images; /* without pixels */
    size_t resized, made_grey, made_rgb;
    td_remarks remarks;
} import_result;

/* Writes the set to -o, a block of pictures at a time. A record, if requested, gets the digests of
 * the set and of the files read. */
td_status import_write(import_result *result, tool_run *run, const import_source *source,
                       const import_selection *selection, td_error *error) TD_MUST_USE;

#endif
