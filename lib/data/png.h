/* PNG by libpng: 8 bits a channel, grey, grey+alpha, RGB or RGBA. Values are those of the file: no
 * gamma or colour profile is applied. At most 16384 pixels a side. */
#ifndef TD_DATA_PNG_H
#define TD_DATA_PNG_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct td_bitmap {
    size_t width, height, channels; /* channels 1 grey, 2 grey+alpha, 3 RGB, 4 RGBA */
    uint8_t *pixels;                /* [height, width, channels]; malloc'd, owned by the bitmap */
} td_bitmap;

/* Reads a PNG; palette, 16-bit and low-depth images are converted. On failure *bitmap is zeroed. */
td_status td_png_read(td_bitmap *bitmap, const char *path, td_error *error) TD_MUST_USE;

/* The same pixels give the same bytes, with one version of zlib. */
td_status td_png_write(FILE *stream, const td_bitmap *bitmap, td_error *error) TD_MUST_USE;

/* Takes NULL and a zeroed bitmap as well. */
void td_bitmap_free(td_bitmap *bitmap);

#endif
