/* SPDX-License-Identifier: MIT */
/* What values are clipped to: an activation that an operator applies as it stores. */
#ifndef TD_NN_BOUNDS_H
#define TD_NN_BOUNDS_H

#include <math.h>
#include <stdbool.h>

/* Values below `least` become it, then values above `most` become that. A NaN stays, to be noticed.
 */
typedef struct td_bounds {
    float least, most;
} td_bounds;

#define TD_UNBOUNDED ((td_bounds){-INFINITY, INFINITY})

static inline bool td_bounds_clip(td_bounds bounds) {
    return bounds.least > -INFINITY || bounds.most < INFINITY;
}

static inline float td_clip(td_bounds bounds, float value) {
    value = value < bounds.least ? bounds.least : value;
    return value > bounds.most ? bounds.most : value;
}

#endif
