/* SPDX-License-Identifier: MIT */
/* The median of a K×K window, channel by channel. For an even K the window extends K/2 up and left
 * and K/2 − 1 down and right, and the median is the upper of the two middle values, both as in
 * scipy.ndimage.median_filter, which the authors use. Beyond the edge the image is mirrored, the
 * edge pixel repeated (scipy's "reflect"). */
#include "defend/detect/squeezer.h"

enum { LARGEST = 7 };

static size_t mirror(ptrdiff_t place, size_t count) {
    ptrdiff_t side = (ptrdiff_t)count;
    while (place < 0 || place >= side)
        place = place < 0 ? -1 - place : 2 * side - 1 - place;
    return (size_t)place;
}

/* Adds a value to those sorted before. */
static void insert(uint8_t *sorted, size_t count, uint8_t value) {
    size_t place = count;
    for (; place > 0 && sorted[place - 1] > value; place--)
        sorted[place] = sorted[place - 1];
    sorted[place] = value;
}

static void apply(const squeezer *self, const uint8_t *image, float *out) {
    const size_t side = self->numbers[0], height = self->shape.height, width = self->shape.width,
                 channels = self->shape.channels;
    const ptrdiff_t reach = (ptrdiff_t)(side / 2);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < channels; c++) {
                uint8_t sorted[LARGEST * LARGEST];
                for (size_t i = 0; i < side * side; i++) {
                    size_t from_y = mirror((ptrdiff_t)(y + i / side) - reach, height);
                    size_t from_x = mirror((ptrdiff_t)(x + i % side) - reach, width);
                    insert(sorted, i, image[(from_y * width + from_x) * channels + c]);
                }
                out[(y * width + x) * channels + c] = sorted[side * side / 2];
            }
}

const squeezer_kind squeezer_median = {
    .name = "median", .count = 1, .numbers = {{2, LARGEST, false}}, .apply = apply};
