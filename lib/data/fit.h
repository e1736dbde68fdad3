/* SPDX-License-Identifier: MIT */
/* Pictures made to fit the shape that a data set's images have: cut, resized, grey or RGB. */
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
    td_filter filter;               /* not used where the size is right already: bytes stay */
} td_fit;

/* `out` [height, width, channels] becomes the part `box` of the picture, which is cut out before it
 * is resized: what is outside does not count, so that the result is that of Pillow's
 * crop(box).convert(mode).resize(size, filter). Grey from RGB is Rec. 601 luma, rounded; RGB from
 * grey repeats it; alpha is left out. TD_ERR_USAGE for a box that is empty or not within the
 * picture, and for a shape that no image has. */
td_status td_fit_picture(const td_bitmap *picture, td_box box, const td_fit *fit, uint8_t *out,
                         td_error *error) TD_MUST_USE;

#endif
