/* SPDX-License-Identifier: MIT */
/* Zip archives, read so that no two programs can differ about what is in them: what a scanner of
 * models passes is then what a loader would take. Two readers have to agree about every entry:
 * libzip with its checks of consistency, and this one, which also gives the places of the data, so
 * that nothing is copied.
 *
 * An archive begins with its first entry and ends with its directory: no bytes before, between or
 * behind that belong to neither. Directory and local headers have the same name, method, flags,
 * and, where the local one has them, sizes and checksum. Names are unique, entries do not overlap,
 * nothing is encrypted, and no second disk is named. (APPNOTE.TXT 6.3.10; with 64-bit sizes.) */
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
    bool stored;        /* as it is, not deflated: the only ones that can be read */
    bool checked;       /* its checksum was right */
    bool descriptor;    /* sizes and checksum may stand behind its data, too */
    size_t header, end; /* where its local header begins, and where its data end */
} td_zip_entry;

typedef struct td_zip {
    td_zip_entry *entries; /* by name */
    size_t count;
} td_zip;

/* Whether the bytes begin as an archive does. */
bool td_zip_is(const uint8_t *bytes, size_t size);

/* Reads the directory of the archive `bytes`, which must outlive *zip; the table is in `arena`.
 * TD_ERR_FORMAT, naming the entry, for all that is not as told above. */
td_status td_zip_read(td_zip *zip, const uint8_t *bytes, size_t size, td_arena *arena,
                      td_error *error) TD_MUST_USE;

/* The entry of that name, or NULL. */
td_zip_entry *td_zip_find(const td_zip *zip, const char *name);

/* Checks that an entry can be read where it lies: stored, and with the checksum of its data. */
td_status td_zip_check(td_zip_entry *entry, td_error *error) TD_MUST_USE;

#endif
