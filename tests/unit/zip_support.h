/* SPDX-License-Identifier: MIT */
/* Zip archives for tests, as torch.save writes them (sizes and checksum only in the directory),
 * with any field corrupted. */
#ifndef TESTS_UNIT_ZIP_SUPPORT_H
#define TESTS_UNIT_ZIP_SUPPORT_H

#include "support.h"
#include <stdbool.h>

enum { ZIP_MOST = 8, ZIP_ROOM = 8192 };

typedef struct zip_part {
    const char *name;
    const void *data;
    size_t size;
    const char *local_name; /* in the local header, if it differs */
    uint32_t crc;           /* a wrong checksum to declare; 0: the right one */
    unsigned flags;         /* if they differ; 0: those of torch.save */
    unsigned local_flags;   /* in the local header, if they differ */
    unsigned method;        /* if the data are deflated: 8 */
    size_t claimed;         /* a size to declare; 0: the right one */
    size_t gap;             /* unrelated bytes before it */
    bool sizes;             /* the local header also has the sizes and the checksum */
    bool again;             /* declares the same offset as the previous entry */
} zip_part;

typedef struct zip_bytes {
    uint8_t bytes[ZIP_ROOM];
    size_t size;
} zip_bytes;

/* Makes the archive of all parts up to one without a name. */
void zip_make(zip_bytes *out, const zip_part *parts);

#endif
