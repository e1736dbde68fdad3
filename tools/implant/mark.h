/* SPDX-License-Identifier: MIT */
/* A square of pixels optimised by gradients: the trigger of attacks that make their own. */
#ifndef TOOLS_IMPLANT_MARK_H
#define TOOLS_IMPLANT_MARK_H

#include "base/arena.h"
#include "base/shape.h"
#include "data/bitmap.h"
#include "data/images.h"

typedef struct mark {
    td_shape image;
    size_t side, top, left;
    size_t count;  /* side × side × channels */
    float *values; /* [side, side, channels], in [0, 255]; rounded when stamped */
    float *gradient;
    float *moments; /* [2, count]: Adam's, for the argument of a tanh */
    float *place;   /* [count]: that argument */
    uint64_t steps;
} mark;

/* Creates a mark of one value; its memory is in `arena`. */
td_status mark_open(mark *m, td_shape image, size_t side, size_t top, size_t left, float value,
                    td_arena *arena, td_error *error) TD_MUST_USE;

/* Pastes the mark, rounded, into one image of floats. */
void mark_paste(const mark *m, float *image);

/* Copies of the images with the mark, in `arena`. */
td_status mark_stamp(const mark *m, const td_images *images, td_arena *arena, td_images *out,
                     td_error *error) TD_MUST_USE;

/* Sums the pixels' gradients [count, image] over the images, in order, into m->gradient. */
void mark_gather(mark *m, const float *pixels, size_t count);

/* One step of Adam against m->gradient, on u with value = 255·(tanh(u) + 1)/2. */
void mark_adam(mark *m, double lr);

/* One step of `size` grey levels against the gradient's signs, clipped to 0 and 255. */
void mark_sign_step(mark *m, double size);

td_status mark_draw(const mark *m, td_bitmap *out, td_error *error) TD_MUST_USE;

#endif
