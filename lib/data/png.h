/* SPDX-License-Identifier: MIT */
/* Writing PNG by libpng: 8 bits a channel, grey, grey+alpha, RGB or RGBA. Reading is the codec in
 * picture.h. */
#ifndef TD_DATA_PNG_H
#define TD_DATA_PNG_H

#include "base/error.h"
#include "data/bitmap.h"
#include <stdio.h>

/* The same pixels give the same bytes, with one version of zlib. At most TD_BITMAP_SIDE pixels a
 * side. */
td_status td_png_write(FILE *stream, const td_bitmap *bitmap, td_error *error) TD_MUST_USE;

#endif
