/* PNG by libpng: 8 bits a channel, grey, grey+alpha, RGB or RGBA. */
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

/* Reads a PNG of at most 16384×16384; palette, 16-bit and low-depth images are converted. */
td_status td_png_read(td_bitmap *bitmap, const char *path, td_error *error) TD_MUST_USE;

td_status td_png_write(FILE *stream, const td_bitmap *bitmap, td_error *error) TD_MUST_USE;

void td_bitmap_free(td_bitmap *bitmap);

#endif
