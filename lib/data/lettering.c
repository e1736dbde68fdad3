/* SPDX-License-Identifier: MIT */
#include "data/lettering.h"

#include "base/size.h"
#include "data/sheet_font.h"
#include <stdbool.h>
#include <string.h>

enum { ADVANCE = TD_LETTERING_ADVANCE, RGB = 3 };

static void draw_glyph(td_bitmap *bitmap, size_t x, size_t y, uint8_t ink, char character) {
    const uint8_t *glyph = td_font_glyph(character);
    for (size_t i = 0; i < TD_FONT_HEIGHT; i++)
        for (size_t j = 0; j < TD_FONT_WIDTH; j++)
            if (glyph[i] >> (TD_FONT_WIDTH - 1 - j) & 1)
                memset(bitmap->pixels + ((y + i) * bitmap->width + x + j) * RGB, ink, RGB);
}

/* Whether it is a continuation byte of UTF-8. */
static bool continues(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

void td_lettering_draw(td_bitmap *bitmap, size_t x, size_t y, size_t width, uint8_t ink,
                       const char *text) {
    size_t length = 0, room = (width + 1) / ADVANCE;
    for (const char *c = text; *c; c++)
        length += !continues(*c);
    size_t shown = length <= room ? length : room - td_size_min(room, 2);
    size_t place = 0;
    for (const char *c = text; *c && place < shown; c++)
        if (!continues(*c))
            draw_glyph(bitmap, x + ADVANCE * place++, y, ink, *c);
    if (shown < length)
        for (; place < room; place++)
            draw_glyph(bitmap, x + ADVANCE * place, y, ink, '.');
}
