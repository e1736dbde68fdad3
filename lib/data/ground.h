/* SPDX-License-Identifier: MIT */
/* Composites transparent pictures onto a background colour, since a data set has no alpha. */
#ifndef TD_DATA_GROUND_H
#define TD_DATA_GROUND_H

#include "base/error.h"
#include "data/bitmap.h"
#include <stdbool.h>

typedef struct td_ground {
    uint8_t rgb[3];
} td_ground;

static inline bool td_ground_is_grey(td_ground ground) {
    return ground.rgb[0] == ground.rgb[1] && ground.rgb[1] == ground.rgb[2];
}

/* The alpha channel that a picture had. */
typedef struct td_alpha {
    bool had;         /* there was one */
    bool transparent; /* some pixel is not opaque */
    bool lost; /* the shape was only in the alpha channel: now all pixels have the background's
                  colour */
} td_alpha;

/* The picture becomes grey or RGB: (value * alpha + ground * (255 - alpha)) / 255, rounded. Grey
 * pictures with transparent pixels become RGB if the background is not grey. On failure the picture
 * is unchanged. */
td_status td_ground_lay(td_bitmap *bitmap, td_ground ground, td_alpha *found,
                        td_error *error) TD_MUST_USE;

#endif
