/* SPDX-License-Identifier: MIT */
#include "data/orientation.h"

#include "base/size.h"
#include <libexif/exif-data.h>
#include <stdlib.h>
#include <string.h>

/* A JPEG segment is not longer, and the tag is at the beginning. */
enum { MOST_EXIF = 65535 };

static const uint8_t exif_mark[] = {'E', 'x', 'i', 'f', 0, 0};

static unsigned find(ExifData *data) {
    const ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->components < 1 || entry->size < 2)
        return 0;
    const unsigned value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    return value >= TD_UPRIGHT && value <= TD_ORIENTATIONS ? value : 0;
}

static td_status read_marked(unsigned *out, const uint8_t *exif, size_t size, td_error *error) {
    ExifData *data = exif_data_new();
    if (!data)
        return td_fail_memory(error, "EXIF data");
    exif_data_load_data(data, exif, (unsigned)size);
    *out = find(data);
    exif_data_unref(data);
    return TD_OK;
}

td_status td_orientation_read(unsigned *out, const uint8_t *exif, size_t size, td_error *error) {
    *out = 0;
    size = td_size_min(size, MOST_EXIF);
    if (size >= sizeof exif_mark && memcmp(exif, exif_mark, sizeof exif_mark) == 0)
        return read_marked(out, exif, size, error);
    uint8_t *marked = malloc(sizeof exif_mark + size);
    if (!marked)
        return td_fail_memory(error, "EXIF data");
    memcpy(marked, exif_mark, sizeof exif_mark);
    memcpy(marked + sizeof exif_mark, exif, size);
    td_status status = read_marked(out, marked, sizeof exif_mark + size, error);
    free(marked);
    return status;
}

/* The storage order of the upright picture: the pixel at row y and column x is at offset first + y
 * * down + x * right, in pixels. */
typedef struct walk {
    ptrdiff_t first, down, right;
} walk;

static walk walk_of(unsigned orientation, size_t stored_width, size_t stored_height) {
    const ptrdiff_t width = (ptrdiff_t)stored_width, last_column = width - 1,
                    last_row = ((ptrdiff_t)stored_height - 1) * width;
    const walk walks[TD_ORIENTATIONS + 1] = {
        [1] = {0, width, 1},
        [2] = {last_column, width, -1},
        [3] = {last_row + last_column, -width, -1},
        [4] = {last_row, -width, 1},
        [5] = {0, 1, width},
        [6] = {last_row, 1, -width},
        [7] = {last_row + last_column, -1, -width},
        [8] = {last_column, -1, width},
    };
    return walks[orientation];
}

td_status td_orientation_apply(td_bitmap *bitmap, unsigned orientation, td_error *error) {
    if (orientation <= TD_UPRIGHT)
        return TD_OK;
    const bool swapped = orientation >= TD_TRANSPOSED;
    const size_t channels = bitmap->channels;
    td_bitmap upright;
    TD_TRY(td_bitmap_make(&upright, swapped ? bitmap->height : bitmap->width,
                          swapped ? bitmap->width : bitmap->height, channels, error));
    const walk w = walk_of(orientation, bitmap->width, bitmap->height);
    uint8_t *out = upright.pixels;
    for (size_t y = 0; y < upright.height; y++) {
        ptrdiff_t at = w.first + (ptrdiff_t)y * w.down;
        for (size_t x = 0; x < upright.width; x++, at += w.right, out += channels)
            memcpy(out, bitmap->pixels + at * (ptrdiff_t)channels, channels);
    }
    upright.orientation = bitmap->orientation;
    upright.cmyk = bitmap->cmyk;
    td_bitmap_free(bitmap);
    *bitmap = upright;
    return TD_OK;
}
