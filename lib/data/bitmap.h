/* SPDX-License-Identifier: MIT */
/* One picture in memory, as decoders return it and encoders accept it. */
#ifndef TD_DATA_BITMAP_H
#define TD_DATA_BITMAP_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TD_BITMAP_SIDE = 16384 }; /* most pixels per side that a decoder accepts */

typedef struct td_bitmap {
    size_t width, height, channels; /* channels 1 grey, 2 grey+alpha, 3 RGB, 4 RGBA */
    uint8_t *pixels;                /* [height, width, channels]; malloc'd, owned by the bitmap */
    /* The layout of rows and columns that the file declares, as EXIF's Orientation (orientation.h):
     * 1 to 8; 0 if none. */
    unsigned orientation;
    bool cmyk; /* the file was CMYK and was converted to RGB without a profile */
} td_bitmap;

/* TD_ERR_FORMAT unless both sides have 1 to TD_BITMAP_SIDE pixels. Decoders call this before they
 * allocate. */
td_status td_bitmap_check(size_t width, size_t height, td_error *error) TD_MUST_USE;

/* td_bitmap_check for compressed formats that set no limit of their own on the compression ratio:
 * also TD_ERR_FORMAT for more than 2^22 pixels at more than 4096 pixels per byte of the file. */
td_status td_bitmap_check_packed(size_t width, size_t height, size_t file_size,
                                 td_error *error) TD_MUST_USE;

/* td_bitmap_check, then allocates a picture whose pixels are 0. On failure *bitmap is zeroed. */
td_status td_bitmap_make(td_bitmap *bitmap, size_t width, size_t height, size_t channels,
                         td_error *error) TD_MUST_USE;

/* Accepts NULL and a zeroed bitmap. */
void td_bitmap_free(td_bitmap *bitmap);

#endif
