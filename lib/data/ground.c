/* SPDX-License-Identifier: MIT */
#include "data/ground.h"

#include <string.h>

enum { GREY = 1, RGB = 3, OPAQUE = 255 };

/* Whether some pixel is transparent, and whether all are equal. */
static bool look_at_alpha(const td_bitmap *bitmap, bool *uniform) {
    const size_t channels = bitmap->channels, count = bitmap->width * bitmap->height;
    const uint8_t *alpha = bitmap->pixels + channels - 1;
    bool transparent = false;
    *uniform = true;
    for (size_t i = 0; i < count; i++) {
        transparent |= alpha[i * channels] != OPAQUE;
        *uniform &= alpha[i * channels] == alpha[0];
    }
    return transparent;
}

static uint8_t mix(unsigned value, unsigned ground, unsigned alpha) {
    return (uint8_t)((value * alpha + ground * (OPAQUE - alpha) + OPAQUE / 2) / OPAQUE);
}

/* `out` may be the picture's own pixels if it does not get more channels. */
static void lay(const td_bitmap *bitmap, td_ground ground, size_t channels, uint8_t *out) {
    const size_t from = bitmap->channels, colours = from - 1;
    const uint8_t *pixel = bitmap->pixels, *end = pixel + bitmap->width * bitmap->height * from;
    for (; pixel < end; pixel += from, out += channels) {
        const unsigned alpha = pixel[colours];
        for (size_t c = 0; c < channels; c++)
            out[c] = mix(pixel[colours == GREY ? 0 : c], ground.rgb[c], alpha);
    }
}

static bool is_one_colour(const td_bitmap *bitmap) {
    const size_t channels = bitmap->channels, size = bitmap->width * bitmap->height * channels;
    return memcmp(bitmap->pixels, bitmap->pixels + channels, size - channels) == 0;
}

td_status td_ground_lay(td_bitmap *bitmap, td_ground ground, td_alpha *found, td_error *error) {
    const bool grey = bitmap->channels < RGB;
    bool uniform;
    *found = (td_alpha){0};
    if (bitmap->channels % 2 == 1)
        return TD_OK;
    found->had = true;
    found->transparent = look_at_alpha(bitmap, &uniform);
    if (grey && found->transparent && !td_ground_is_grey(ground)) {
        td_bitmap laid;
        TD_TRY(td_bitmap_make(&laid, bitmap->width, bitmap->height, RGB, error));
        lay(bitmap, ground, RGB, laid.pixels);
        laid.orientation = bitmap->orientation;
        laid.cmyk = bitmap->cmyk;
        td_bitmap_free(bitmap);
        *bitmap = laid;
    } else {
        lay(bitmap, ground, grey ? GREY : RGB, bitmap->pixels);
        bitmap->channels = grey ? GREY : RGB;
    }
    found->lost = found->transparent && !uniform && is_one_colour(bitmap);
    return TD_OK;
}
