/* SPDX-License-Identifier: MIT */
/* Transparent pictures laid on a ground of one colour, since a data set has no alpha. */
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

/* What the alpha channel of a picture was. */
typedef struct td_alpha {
    bool had;         /* it has had one */
    bool transparent; /* some pixel is not opaque */
    bool
        lost; /* its form was in its alpha alone, and it is of one colour now: that of the ground */
} td_alpha;

/* The picture becomes grey or RGB: (value * alpha + ground * (255 - alpha)) / 255, rounded. Grey
 * pictures with transparent pixels become RGB where the ground has colour. On failure the picture
 * is as before. */
td_status td_ground_lay(td_bitmap *bitmap, td_ground ground, td_alpha *found,
                        td_error *error) TD_MUST_USE;

#endif
