/* SPDX-License-Identifier: MIT */
/* Decompresses one gzip stream in memory piece by piece, so that the header in the first piece can
 * be checked before memory for the rest is allocated. */
#ifndef TD_DATA_GUNZIP_H
#define TD_DATA_GUNZIP_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

/* Deflate cannot compress better than 1032:1 (zlib's technical notes). */
enum { TD_GZIP_RATIO = 1032 };

typedef struct td_gunzip {
    z_stream stream;
    const uint8_t *data; /* the caller's */
    size_t size, used;   /* compressed bytes: in all, and passed to zlib */
    bool ended;
} td_gunzip;

static inline bool td_is_gzip(const uint8_t *data, size_t size) {
    return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* `data` must outlive *gunzip. */
td_status td_gunzip_start(td_gunzip *gunzip, const uint8_t *data, size_t size,
                          td_error *error) TD_MUST_USE;

/* Fills out[0, size). TD_ERR_FORMAT if the stream is damaged or too short. */
td_status td_gunzip_read(td_gunzip *gunzip, void *out, size_t size, td_error *error) TD_MUST_USE;

/* Checks that the stream and the data end here, and the checksum. */
td_status td_gunzip_finish(td_gunzip *gunzip, td_error *error) TD_MUST_USE;

void td_gunzip_close(td_gunzip *gunzip);

#endif
