/* SPDX-License-Identifier: MIT */
/* Short texts on pictures, in a small bitmap font. Texts are UTF-8; non-ASCII characters are drawn
 * as "?". */
#ifndef TD_DATA_LETTERING_H
#define TD_DATA_LETTERING_H

#include "data/bitmap.h"

enum {
    TD_LETTERING_HEIGHT = 7,  /* of a line, in pixels */
    TD_LETTERING_ADVANCE = 6, /* from one character to the next */
    TD_LETTERING_INK = 32,    /* dark on white paper */
};

/* Draws a line in grey value `ink` with its top left at (x, y) of an RGB bitmap, at most `width`
 * pixels wide and within the bitmap; a longer text ends in two dots. */
void td_lettering_draw(td_bitmap *bitmap, size_t x, size_t y, size_t width, uint8_t ink,
                       const char *text);

#endif
