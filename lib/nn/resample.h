/* SPDX-License-Identifier: MIT */
/* Resizing along one axis, shared by the operator and the export. */
#ifndef TD_NN_RESAMPLE_H
#define TD_NN_RESAMPLE_H

#include <math.h>
#include <stddef.h>

/* The filters, by PyTorch's names: `interpolate` with mode bilinear, the same with antialias (as
 * torchvision's Resize and Pillow), with align_corners, mode nearest and mode nearest-exact. These
 * are the values of the operator's key `filter`. */
typedef enum td_resample {
    TD_RESAMPLE_BILINEAR,
    TD_RESAMPLE_ANTIALIAS,
    TD_RESAMPLE_CORNERS,
    TD_RESAMPLE_NEAREST,
    TD_RESAMPLE_EXACT,
} td_resample;

/* The inputs of one result, a weighted mean: `count` from `first` on. Input k has the weight max(0,
 * 1 − |k + 1/2 − centre|/reach)·share. */
typedef struct td_taps {
    size_t first, count;
    double centre, reach, share;
} td_taps;

static inline double td_tap_height(const td_taps *t, size_t k) {
    return fmax(0, 1 - fabs((double)(t->first + k) + 0.5 - t->centre) / t->reach);
}

/* The weight of the k-th input. */
static inline float td_tap(const td_taps *t, size_t k) {
    return (float)(td_tap_height(t, k) * t->share);
}

/* The inputs of result i of `out`, out of `in` values. */
static inline td_taps td_taps_of(td_resample filter, size_t in, size_t out, size_t i) {
    const double scale = (double)in / (double)out;
    td_taps t = {.count = 1, .centre = ((double)i + 0.5) * scale, .reach = 1, .share = 1};
    if (filter == TD_RESAMPLE_NEAREST || filter == TD_RESAMPLE_EXACT) {
        t.first = filter == TD_RESAMPLE_NEAREST ? i * in / out : (2 * i + 1) * in / (2 * out);
        t.centre = (double)t.first + 0.5;
        return t;
    }
    if (filter == TD_RESAMPLE_CORNERS)
        t.centre = (out > 1 ? (double)(i * (in - 1)) / (double)(out - 1) : 0) + 0.5;
    if (filter == TD_RESAMPLE_ANTIALIAS)
        t.reach = fmax(scale, 1);
    t.first = (size_t)fmax(t.centre - t.reach + 0.5, 0);
    t.count = (size_t)fmin(t.centre + t.reach + 0.5, (double)in) - t.first;
    double sum = 0;
    for (size_t k = 0; k < t.count; k++)
        sum += td_tap_height(&t, k);
    t.share = 1 / sum;
    return t;
}

#endif
