/* SPDX-License-Identifier: MIT */
/* One change for each class that sends images of all other classes to it, found by ascent of the
 * margins: the search shared by the statistics `universal` and `mask`, which differ in the set of
 * allowed changes. A class's value is the mean margin of its change over this round's images of
 * other classes, in units of the model's usual margin, each clipped to [−3, 1]. */
#ifndef TOOLS_IMPLANT_EVADE_CHANGE_H
#define TOOLS_IMPLANT_EVADE_CHANGE_H

#include "implant/evade.h"

typedef struct evade_change {
    float *changes, *velocity; /* [classes, values], in grey levels */
    float *slope;              /* [values] */
    uint32_t *images;          /* [share]: in this round */
    size_t classes, share, size;
    double scale;
    void (*project)(const struct evade_change *c,
                    float *change); /* projects onto the set of allowed changes */
    double step;                    /* L2 norm of a step */
    size_t channels, pixels;        /* of `mask`: number of pixels that may change */
    double radius;                  /* of `universal`: the largest L2 norm */
} evade_change;

td_status evade_change_open(const evade_view *view, evade_change *c, td_arena *arena, size_t *units,
                            td_error *error) TD_MUST_USE;

/* evade_statistic.advance, .values and .push, whose state is an evade_change. */
void evade_change_advance(const evade_view *view, void *state);
void evade_change_values(const evade_view *view, void *state, double *values);
void evade_change_push(const evade_view *view, void *state, const double *slopes, float *gradient);

#endif
