/* SPDX-License-Identifier: MIT */
/* Resamples 8-bit pictures by separable filters with Pillow's arithmetic, so that results match
 * Pillow's: columns first, then rows, each in fixed point, rounded to bytes between the two. */
#ifndef TD_DATA_RESIZE_H
#define TD_DATA_RESIZE_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

/* Resampling filters. Each output value is a weighted mean of input values by a separable kernel,
 * which is stretched when the picture shrinks so that every pixel contributes. NEAREST takes the
 * pixel at the centre; if the centre lies between two, the right or lower one (Pillow leaves that
 * to rounding). */
typedef enum td_filter { TD_NEAREST, TD_BOX, TD_BILINEAR, TD_BICUBIC, TD_LANCZOS } td_filter;

/* Their names, NULL-terminated: nearest, box, bilinear, bicubic, lanczos. */
extern const char *const td_filter_names[];

/* A rectangle of pixels that the caller owns. */
typedef struct td_view {
    const uint8_t *pixels;
    size_t width, height, channels; /* each at least 1; channels 1 or 3 */
    size_t stride;                  /* bytes from one row to the next */
} td_view;

/* Resizes `from` into `out` [height, width, channels], at least 1x1. */
td_status td_resize(const td_view *from, size_t width, size_t height, td_filter filter,
                    uint8_t *out, td_error *error) TD_MUST_USE;

#endif
