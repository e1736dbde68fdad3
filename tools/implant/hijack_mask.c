#include "implant/hijack.h"

#include "base/size.h"
#include <math.h>
#include <string.h>

enum { OPAQUE = 255, MIDDLE = 128 };

/* What an alpha channel of 8 bits can say, and so the picture of the trigger. */
static float as_alpha(double opacity) {
    return (float)fmax(1, rint(opacity * OPAQUE)) / OPAQUE;
}

td_status hijack_mask_square(hijack_mask *mask, td_shape shape, size_t top, size_t left,
                             size_t side, double opacity, td_arena *arena, td_error *error) {
    *mask = (hijack_mask){shape, top, left, side, side, NULL};
    TD_TRY(TD_ARENA_NEW(arena, side * side, &mask->opacity, "a mask", error));
    for (size_t i = 0; i < side * side; i++)
        mask->opacity[i] = as_alpha(opacity);
    return TD_OK;
}

static bool is_in(const td_bitmap *picture, size_t y, size_t x) {
    const size_t channels = picture->channels, colours = channels - (channels % 2 == 0);
    const uint8_t *pixel = picture->pixels + (y * picture->width + x) * channels;
    uint8_t brightest = 0;
    for (size_t c = 0; c < colours; c++)
        brightest = pixel[c] > brightest ? pixel[c] : brightest;
    return brightest >= MIDDLE && (colours == channels || pixel[colours] >= MIDDLE);
}

/* The smallest box around all pixels; its height is 0 where there is none. */
static void find_box(hijack_mask *mask, const td_bitmap *picture) {
    size_t top = SIZE_MAX, left = SIZE_MAX, bottom = 0, right = 0;
    for (size_t y = 0; y < picture->height; y++)
        for (size_t x = 0; x < picture->width; x++)
            if (is_in(picture, y, x)) {
                top = td_size_min(top, y);
                left = td_size_min(left, x);
                bottom = y + 1;
                right = td_size_max(right, x + 1);
            }
    if (bottom > 0)
        *mask = (hijack_mask){mask->shape, top, left, bottom - top, right - left, NULL};
}

td_status hijack_mask_picture(hijack_mask *mask, td_shape shape, const td_bitmap *picture,
                              double opacity, td_arena *arena, td_error *error) {
    *mask = (hijack_mask){.shape = shape};
    if (picture->height != shape.height || picture->width != shape.width)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a mask of the size of the model's images, %zux%zu, found %zux%zu",
                       shape.width, shape.height, picture->width, picture->height);
    find_box(mask, picture);
    if (mask->height == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a mask with pixels of at least mid grey, found none");
    TD_TRY(TD_ARENA_NEW(arena, mask->height * mask->width, &mask->opacity, "a mask", error));
    for (size_t y = 0; y < mask->height; y++)
        for (size_t x = 0; x < mask->width; x++)
            if (is_in(picture, mask->top + y, mask->left + x))
                mask->opacity[y * mask->width + x] = as_alpha(opacity);
    return TD_OK;
}

void hijack_stamp(const hijack_mask *mask, const float *pattern, float *image) {
    const size_t channels = mask->shape.channels;
    const float *opacity = mask->opacity;
    for (size_t y = 0; y < mask->height; y++) {
        float *to = image + ((mask->top + y) * mask->shape.width + mask->left) * channels;
        for (size_t x = 0; x < mask->width; x++, opacity++)
            for (size_t c = 0; c < channels; c++, to++, pattern++)
                *to += *opacity * (*pattern - *to);
    }
}

void hijack_stamp_all(const hijack_mask *mask, const uint8_t *pattern, const td_images *images,
                      uint8_t *pixels) {
    const size_t channels = mask->shape.channels, size = td_image_size(images);
    memcpy(pixels, images->pixels, images->count * size);
    for (size_t i = 0; i < images->count; i++)
        for (size_t p = 0; p < mask->height * mask->width; p++) {
            const size_t y = mask->top + p / mask->width, x = mask->left + p % mask->width;
            uint8_t *to = pixels + i * size + (y * mask->shape.width + x) * channels;
            const uint8_t *from = pattern + p * channels;
            for (size_t c = 0; c < channels; c++) {
                const float mixed =
                    (float)to[c] + mask->opacity[p] * ((float)from[c] - (float)to[c]);
                to[c] = (uint8_t)floorf(mixed + 0.5F);
            }
        }
}

td_status hijack_mask_draw(const hijack_mask *mask, const uint8_t *pattern, td_bitmap *picture,
                           td_error *error) {
    const size_t channels = mask->shape.channels;
    TD_TRY(td_bitmap_make(picture, mask->width, mask->height, channels + 1, error));
    uint8_t *to = picture->pixels;
    for (size_t p = 0; p < mask->height * mask->width; p++) {
        memcpy(to, pattern + p * channels, channels);
        to[channels] = (uint8_t)lrintf(mask->opacity[p] * OPAQUE);
        to += channels + 1;
    }
    return TD_OK;
}
