/* SPDX-License-Identifier: MIT */
#include "data/bitmap.h"

#include <stdlib.h>

td_status td_bitmap_check(size_t width, size_t height, td_error *error) {
    if (width < 1 || width > TD_BITMAP_SIDE || height < 1 || height > TD_BITMAP_SIDE)
        return td_fail(error, TD_ERR_FORMAT,
                       "size: expected 1 to %d pixels a side, found %zux%zu pixels", TD_BITMAP_SIDE,
                       width, height);
    return TD_OK;
}

td_status td_bitmap_check_packed(size_t width, size_t height, size_t file_size, td_error *error) {
    enum { ALWAYS = 1 << 22, PIXELS_A_BYTE = 4096 };
    TD_TRY(td_bitmap_check(width, height, error));
    if (width * height > ALWAYS && width * height / PIXELS_A_BYTE > file_size)
        return td_fail(error, TD_ERR_FORMAT,
                       "size: expected at most %d pixels for each of the %zu bytes of the file, "
                       "found %zux%zu pixels",
                       PIXELS_A_BYTE, file_size, width, height);
    return TD_OK;
}

td_status td_bitmap_make(td_bitmap *bitmap, size_t width, size_t height, size_t channels,
                         td_error *error) {
    *bitmap = (td_bitmap){0};
    TD_TRY(td_bitmap_check(width, height, error));
    uint8_t *pixels = calloc(height, width * channels);
    if (!pixels)
        return td_fail_memory(error, "a picture");
    *bitmap = (td_bitmap){.width = width, .height = height, .channels = channels, .pixels = pixels};
    return TD_OK;
}

void td_bitmap_free(td_bitmap *bitmap) {
    if (!bitmap)
        return;
    free(bitmap->pixels);
    *bitmap = (td_bitmap){0};
}
