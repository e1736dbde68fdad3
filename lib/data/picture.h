/* SPDX-License-Identifier: MIT */
/* Picture files of all supported kinds, detected by their first bytes. A kind is one file that
 * defines one td_codec, and one row of the table in picture.c. Values are those of the file: no
 * gamma or colour profile is applied. */
#ifndef TD_DATA_PICTURE_H
#define TD_DATA_PICTURE_H

#include "base/error.h"
#include "data/bitmap.h"
#include <stdbool.h>

typedef struct td_codec {
    const char *name;           /* "PNG" */
    const char *reads;          /* what it supports, for the table in the documentation */
    const char *const *endings; /* of file names, with the dot, in lower case, NULL-terminated */
    bool (*recognise)(const uint8_t *bytes, size_t size);
    /* Decodes a whole file in memory that `recognise` accepts; on failure *bitmap is zeroed.
     * Messages need not name the file or the kind. It checks the size against TD_BITMAP_SIDE and
     * the file's length before it allocates. Rows and columns are as stored, with
     * bitmap->orientation set. */
    td_status (*decode)(td_bitmap *bitmap, const uint8_t *bytes, size_t size, td_error *error);
} td_codec;

extern const td_codec td_codec_png, td_codec_jpeg, td_codec_pnm, td_codec_webp, td_codec_bmp,
    td_codec_gif, td_codec_tiff;

/* All kinds; the list ends with NULL. */
extern const td_codec *const td_codecs[];

/* Whether a file name has a picture's extension, in any case. */
bool td_picture_is_name(const char *name);

/* Decodes a whole file in memory; safe for any bytes. Messages name the kind. On failure *bitmap is
 * zeroed. */
td_status td_picture_decode_stored(td_bitmap *bitmap, const uint8_t *bytes, size_t size,
                                   td_error *error) TD_MUST_USE;

/* The same, then turns it upright. */
td_status td_picture_decode(td_bitmap *bitmap, const uint8_t *bytes, size_t size,
                            td_error *error) TD_MUST_USE;

/* Reads a file, upright. Messages name the file and the kind. On failure *bitmap is zeroed. */
td_status td_picture_read(td_bitmap *bitmap, const char *path, td_error *error) TD_MUST_USE;

#endif
