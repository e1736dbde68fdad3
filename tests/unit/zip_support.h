/* SPDX-License-Identifier: MIT */
/* Zip archives for tests, as torch.save writes them (sizes and checksum in the directory alone),
 * and with any field spoiled. */
#ifndef TESTS_UNIT_ZIP_SUPPORT_H
#define TESTS_UNIT_ZIP_SUPPORT_H

#include "support.h"
#include <stdbool.h>

enum { ZIP_MOST = 8, ZIP_ROOM = 8192 };

typedef struct zip_part {
    const char *name;
    const void *data;
    size_t size;
    const char *local_name; /* in the local header, where it is another one */
    uint32_t crc;           /* where it is wrong: what to say; 0: the right one */
    unsigned flags;         /* where they are other ones; 0: those of torch.save */
    unsigned local_flags;   /* in the local header, where they are other ones */
    unsigned method;        /* where the data are deflated: 8 */
    size_t claimed;         /* a size to say; 0: the right one */
    size_t gap;             /* bytes before it that belong to nothing */
    bool sizes;             /* the local header has the sizes and the checksum, too */
    bool again;             /* it says to lie where the entry before it does */
} zip_part;

typedef struct zip_bytes {
    uint8_t bytes[ZIP_ROOM];
    size_t size;
} zip_bytes;

/* Makes the archive of all parts up to one without a name. */
void zip_make(zip_bytes *out, const zip_part *parts);

#endif
