/* SPDX-License-Identifier: MIT */
/* Kinds of files that users pass as models, detected by their first bytes: those that can be read,
 * and those that are only recognised for a message. A new kind is a row of the table. */
#ifndef TD_MODEL_KINDS_H
#define TD_MODEL_KINDS_H

#include "model/source.h"

typedef struct td_kind {
    const char *name; /* "an HDF5 file", for messages; for readable kinds, source->kind */
    const char *magic;
    size_t magic_size, offset;                             /* of the magic bytes in the file */
    bool (*is)(const uint8_t *bytes, size_t size);         /* instead of magic bytes, or NULL */
    td_status (*read)(td_source *source, td_error *error); /* NULL: the kind is refused */
    const char *advice; /* for a kind that is refused: what to do about it */
} td_kind;

/* The first row that matches the bytes, or NULL. */
const td_kind *td_kind_find(const uint8_t *bytes, size_t size);

/* TD_ERR_FORMAT for bytes that match no row. */
td_status td_kind_refuse(const uint8_t *bytes, size_t size, td_error *error) TD_MUST_USE;

#endif
