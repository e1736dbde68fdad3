/* SHA-256 of memory and of files, as 64 lower-case hexadecimal digits and a terminator. */
#ifndef TD_BASE_SHA256_H
#define TD_BASE_SHA256_H

#include "base/error.h"
#include <stddef.h>

typedef struct td_digest {
    char hex[65];
} td_digest;

td_digest td_sha256(const void *data, size_t size);

td_status td_sha256_file(const char *path, td_digest *out, td_error *error) TD_MUST_USE;

#endif
