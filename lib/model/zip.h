/* SPDX-License-Identifier: MIT */
/* Strict reader of zip archives. It refuses archives that two programs could interpret differently,
 * so that a scanner of models and a loader see the same content. Two readers must agree about every
 * entry: libzip with its consistency checks, and this one, which also locates the data so that
 * nothing is copied.
 *
 * An archive begins with its first entry and ends with its directory, with no other bytes before,
 * between or after them. Directory and local headers have the same name, method, flags and, if the
 * local header has them, sizes and checksum. Names are unique, entries do not overlap, nothing is
 * encrypted, and there is only one disk. (APPNOTE.TXT 6.3.10; with 64-bit sizes.) */
#ifndef TD_MODEL_ZIP_H
#define TD_MODEL_ZIP_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct td_zip_entry {
    const char *name;
    const uint8_t *data;
    size_t size, packed; /* bytes, unpacked and in the archive */
    uint32_t crc;
    bool stored;        /* not deflated; only such entries can be read */
    bool checked;       /* its checksum has been verified */
    bool descriptor;    /* sizes and checksum may also follow its data */
    size_t header, end; /* start of its local header, end of its data */
} td_zip_entry;

typedef struct td_zip {
    td_zip_entry *entries; /* by name */
    size_t count;
} td_zip;

/* Whether the bytes begin like an archive. */
bool td_zip_is(const uint8_t *bytes, size_t size);

/* Reads the directory of the archive `bytes`, which must outlive *zip; the table is in `arena`.
 * TD_ERR_FORMAT, naming the entry, if it breaks the rules above. */
td_status td_zip_read(td_zip *zip, const uint8_t *bytes, size_t size, td_arena *arena,
                      td_error *error) TD_MUST_USE;

/* The entry with that name, or NULL. */
td_zip_entry *td_zip_find(const td_zip *zip, const char *name);

/* Checks that an entry can be read in place: stored, and with the right checksum. */
td_status td_zip_check(td_zip_entry *entry, td_error *error) TD_MUST_USE;

#endif
