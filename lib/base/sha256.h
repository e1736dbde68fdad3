/* SPDX-License-Identifier: MIT */
/* SHA-256 of memory and files, as 64 lower-case hexadecimal digits and a terminator. */
#ifndef TD_BASE_SHA256_H
#define TD_BASE_SHA256_H

#include "base/error.h"
#include "base/file.h"
#include <stddef.h>

typedef struct td_digest {
    char hex[65];
} td_digest;

td_digest td_sha256(const void *data, size_t size);

/* The digest of a regular file. TD_ERR_IO also if it changes meanwhile. */
td_status td_sha256_file(const char *path, td_digest *out, td_error *error) TD_MUST_USE;

/* The same, with the stamp of the file that was read. */
td_status td_sha256_stamped(const char *path, td_digest *out, td_file_stamp *stamp,
                            td_error *error) TD_MUST_USE;

/* The digest of an open file from its beginning, whatever its position; messages call it `name`. */
td_status td_sha256_descriptor(int file, const char *name, td_digest *out, td_file_stamp *stamp,
                               td_error *error) TD_MUST_USE;

#endif
