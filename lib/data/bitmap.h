/* SPDX-License-Identifier: MIT */
/* One picture in memory, as decoders give it and encoders take it. */
#ifndef TD_DATA_BITMAP_H
#define TD_DATA_BITMAP_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TD_BITMAP_SIDE = 16384 }; /* the most pixels a side that a decoder accepts */

typedef struct td_bitmap {
    size_t width, height, channels; /* channels 1 grey, 2 grey+alpha, 3 RGB, 4 RGBA */
    uint8_t *pixels;                /* [height, width, channels]; malloc'd, owned by the bitmap */
    /* What the file says of its rows and columns, as EXIF's Orientation (orientation.h): 1 to 8; 0
     * where it says nothing. */
    unsigned orientation;
    bool cmyk; /* the file has the colours of inks, which became RGB without a profile */
} td_bitmap;

/* TD_ERR_FORMAT unless both sides have 1 to TD_BITMAP_SIDE pixels. Nothing is allocated: a decoder
 * asks this first. */
td_status td_bitmap_check(size_t width, size_t height, td_error *error) TD_MUST_USE;

/* td_bitmap_check, and for compressed formats without a rule of their own on how much a byte of the
 * file can hold: TD_ERR_FORMAT for more than 2^22 pixels and more than 4096 for each byte. */
td_status td_bitmap_check_packed(size_t width, size_t height, size_t file_size,
                                 td_error *error) TD_MUST_USE;

/* td_bitmap_check, then a picture whose pixels are 0. On failure *bitmap is zeroed. */
td_status td_bitmap_make(td_bitmap *bitmap, size_t width, size_t height, size_t channels,
                         td_error *error) TD_MUST_USE;

/* Takes NULL and a zeroed bitmap as well. */
void td_bitmap_free(td_bitmap *bitmap);

#endif
