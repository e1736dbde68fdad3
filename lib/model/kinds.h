/* SPDX-License-Identifier: MIT */
/* The kinds of files that people have where a model is asked for, known by their first bytes: those
 * that can be read, and those that can be named. A new one is a row of the table. */
#ifndef TD_MODEL_KINDS_H
#define TD_MODEL_KINDS_H

#include "model/source.h"

typedef struct td_kind {
    const char *name; /* "an HDF5 file", for messages; where it is read, source->kind */
    const char *magic;
    size_t magic_size, offset;                             /* of the magic bytes in the file */
    bool (*is)(const uint8_t *bytes, size_t size);         /* in place of magic bytes, or NULL */
    td_status (*read)(td_source *source, td_error *error); /* NULL: such a file is refused */
    const char *advice; /* what to do about one that is refused */
} td_kind;

/* The first row that knows the bytes, or NULL. */
const td_kind *td_kind_find(const uint8_t *bytes, size_t size);

/* TD_ERR_FORMAT for bytes of no row. */
td_status td_kind_refuse(const uint8_t *bytes, size_t size, td_error *error) TD_MUST_USE;

#endif
