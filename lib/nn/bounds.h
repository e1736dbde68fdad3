/* SPDX-License-Identifier: MIT */
/* Clipping bounds: an activation that an operator applies as it stores. */
#ifndef TD_NN_BOUNDS_H
#define TD_NN_BOUNDS_H

#include <math.h>
#include <stdbool.h>

/* Values below `least` become `least`, values above `most` become `most`. A NaN is kept, so that it
 * is noticed. */
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

/* The gradient of a value that was clipped to `out`. Without a branch, at -O2, too. */
static inline float td_gate(td_bounds bounds, float gradient, float out) {
    const float above = out > bounds.least ? gradient : 0;
    return out < bounds.most ? above : 0;
}

#endif
