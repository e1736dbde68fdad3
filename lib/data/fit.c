/* SPDX-License-Identifier: MIT */
#include "data/fit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { GREY = 1, RGB = 3 };

static td_status check(const td_bitmap *picture, td_box *box, const td_fit *fit, td_error *error) {
    if (fit->width < 1 || fit->height < 1 || (fit->channels != GREY && fit->channels != RGB))
        return td_fail(error, TD_ERR_USAGE,
                       "size: expected at least 1x1 pixels with 1 or 3 channels, found %zux%zu "
                       "with %zu",
                       fit->width, fit->height, fit->channels);
    if (box->right == 0)
        *box = (td_box){0, 0, picture->width, picture->height};
    if (box->left >= box->right || box->right > picture->width || box->top >= box->bottom ||
        box->bottom > picture->height)
        return td_fail(error, TD_ERR_USAGE,
                       "box: expected a part of the picture's %zux%zu pixels, found columns %zu to "
                       "%zu and rows %zu to %zu",
                       picture->width, picture->height, box->left, box->right, box->top,
                       box->bottom);
    return TD_OK;
}

/* Rec. 601 with 16 bits, as in libjpeg and Pillow. */
static inline uint8_t luma(const uint8_t *rgb) {
    return (uint8_t)((rgb[0] * 19595U + rgb[1] * 38470U + rgb[2] * 7471U + 0x8000U) >> 16);
}

/* One row of pixels from `from` channels, 1 to 4, to 1 or 3. */
static void convert_row(const uint8_t *row, size_t width, size_t from, size_t to, uint8_t *out) {
    if (from == to) {
        memcpy(out, row, width * to);
        return;
    }
    for (size_t x = 0; x < width; x++, row += from, out += to)
        if (to == GREY)
            *out = from < RGB ? *row : luma(row);
        else if (from < RGB)
            memset(out, *row, RGB);
        else
            memcpy(out, row, RGB);
}

static void convert(const td_view *from, size_t channels, uint8_t *out) {
    for (size_t y = 0; y < from->height; y++)
        convert_row(from->pixels + y * from->stride, from->width, from->channels, channels,
                    out + y * from->width * channels);
}

/* Backwards, because the first `count` bytes of `pixels` are the grey values. */
static void repeat_grey(uint8_t *pixels, size_t count) {
    for (size_t i = count; i-- > 0;)
        memset(pixels + i * RGB, pixels[i], RGB);
}

/* Pictures without alpha and with at most the requested channels are read in place. */
static td_status resize(const td_view *from, const td_fit *fit, uint8_t *out, td_error *error) {
    const size_t channels = from->channels < RGB ? GREY : fit->channels;
    uint8_t *converted = NULL;
    td_view view = *from;
    if (channels != from->channels) {
        converted = malloc(from->width * from->height * channels);
        if (!converted)
            return td_fail_memory(error, "a picture");
        convert(from, channels, converted);
        view = (td_view){converted, from->width, from->height, channels, from->width * channels};
    }
    td_status status = td_resize(&view, fit->width, fit->height, fit->filter, out, error);
    free(converted);
    if (status == TD_OK && channels != fit->channels)
        repeat_grey(out, fit->width * fit->height);
    return status;
}

td_status td_fit_picture(const td_bitmap *picture, td_box box, const td_fit *fit, uint8_t *out,
                         td_error *error) {
    TD_TRY(check(picture, &box, fit, error));
    const size_t channels = picture->channels, stride = picture->width * channels;
    const td_view part = {.pixels = picture->pixels + box.top * stride + box.left * channels,
                          .width = box.right - box.left,
                          .height = box.bottom - box.top,
                          .channels = channels,
                          .stride = stride};
    if (part.width != fit->width || part.height != fit->height)
        return resize(&part, fit, out, error);
    convert(&part, fit->channels, out);
    return TD_OK;
}
