/* SPDX-License-Identifier: MIT */
/* A bitmap font for the captions of contact sheets: printable ASCII, 5 by 7 pixels. */
#ifndef TD_DATA_SHEET_FONT_H
#define TD_DATA_SHEET_FONT_H

#include <stdint.h>

enum { TD_FONT_WIDTH = 5, TD_FONT_HEIGHT = 7 };

/* The glyph's lines from the top; bit TD_FONT_WIDTH - 1 is the left pixel. Characters without a
 * glyph give a question mark. */
const uint8_t *td_font_glyph(char character);

#endif
