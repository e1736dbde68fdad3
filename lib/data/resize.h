/* SPDX-License-Identifier: MIT */
/* Resampling of 8-bit pictures by separable filters, with Pillow's arithmetic: the columns first,
 * then the rows, each in fixed point, with a byte for each value between the two, so that the
 * results are Pillow's as well. */
#ifndef TD_DATA_RESIZE_H
#define TD_DATA_RESIZE_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

/* How a picture is resized. Each value of the result is a weighted mean of the picture's, by a
 * separable kernel which, where the picture shrinks, is stretched by the same factor, so that every
 * pixel counts. NEAREST takes the pixel at the centre, the right or lower one where the centre lies
 * between two (where Pillow's choice is left to rounding). */
typedef enum td_filter { TD_NEAREST, TD_BOX, TD_BILINEAR, TD_BICUBIC, TD_LANCZOS } td_filter;

/* Their names, NULL-terminated: nearest, box, bilinear, bicubic, lanczos. */
extern const char *const td_filter_names[];

/* A rectangle of pixels in memory that belongs to somebody else. */
typedef struct td_view {
    const uint8_t *pixels;
    size_t width, height, channels; /* each at least 1; channels 1 or 3 */
    size_t stride;                  /* bytes from one row to the next */
} td_view;

/* `out` [height, width, channels], at least 1x1, becomes the whole of `from`. */
td_status td_resize(const td_view *from, size_t width, size_t height, td_filter filter,
                    uint8_t *out, td_error *error) TD_MUST_USE;

#endif
