/* SPDX-License-Identifier: MIT */
/* Converts pictures to the shape of a data set's images: crop, resize, grey or RGB. */
#ifndef TD_DATA_FIT_H
#define TD_DATA_FIT_H

#include "base/error.h"
#include "data/bitmap.h"
#include "data/resize.h"

/* Half-open, in pixels; right 0 means the whole picture. */
typedef struct td_box {
    size_t left, top, right, bottom;
} td_box;

typedef struct td_fit {
    size_t height, width, channels; /* channels 1 or 3 */
    td_filter filter;               /* not used if the size already matches: pixels are copied */
} td_fit;

/* Fills `out` [height, width, channels] with the part `box` of the picture, cropped before it is
 * resized so that pixels outside do not contribute. The result equals Pillow's
 * crop(box).convert(mode).resize(size, filter). Grey from RGB is Rec. 601 luma, rounded; RGB from
 * grey repeats it; alpha is dropped. TD_ERR_USAGE for a box that is empty or not within the
 * picture, and for an invalid shape. */
td_status td_fit_picture(const td_bitmap *picture, td_box box, const td_fit *fit, uint8_t *out,
                         td_error *error) TD_MUST_USE;

#endif
