/* SPDX-License-Identifier: MIT */
#include "picture.h"

#include "data/png.h"
#include "fuzz.h"
#include <string.h>

enum { LARGEST_WRITTEN = 1 << 16 }; /* compressing more takes too long and shows nothing new */

static void check_writing(const td_bitmap *bitmap) {
    td_error error = {""};
    td_bitmap again;
    fuzz_output output;
    fuzz_output_open(&output);
    fuzz_expect(td_png_write(output.stream, bitmap, &error), &error);
    fuzz_output_close(&output);
    fuzz_expect(td_picture_decode(&again, (const uint8_t *)output.bytes, output.size, &error),
                &error);
    FUZZ_ASSERT(again.width == bitmap->width && again.height == bitmap->height &&
                again.channels == bitmap->channels);
    FUZZ_ASSERT(memcmp(again.pixels, bitmap->pixels,
                       bitmap->width * bitmap->height * bitmap->channels) == 0);
    td_bitmap_free(&again);
    fuzz_output_free(&output);
}

void fuzz_picture(const td_codec *codec, const uint8_t *data, size_t size) {
    td_error error = {""};
    td_bitmap bitmap;
    if (!codec->recognise(data, size))
        return;
    if (!fuzz_succeeded(codec->decode(&bitmap, data, size, &error), &error)) {
        FUZZ_ASSERT(!bitmap.pixels && bitmap.width == 0);
        return;
    }
    size_t bytes = bitmap.width * bitmap.height * bitmap.channels;
    FUZZ_ASSERT(bitmap.width > 0 && bitmap.width <= TD_BITMAP_SIDE);
    FUZZ_ASSERT(bitmap.height > 0 && bitmap.height <= TD_BITMAP_SIDE);
    FUZZ_ASSERT(bitmap.channels > 0 && bitmap.channels <= 4);
    fuzz_touch(bitmap.pixels, bytes);
    if (bytes <= LARGEST_WRITTEN)
        check_writing(&bitmap);
    td_bitmap_free(&bitmap);
}
