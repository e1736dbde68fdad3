/* SPDX-License-Identifier: MIT */
/* Affine maps of the image plane, and an image sampled through one. Points are in pixels from the
 * centre of the image, x to the right, y down: the pixel at (row, column) of a height × width image
 * is the point (column − (width − 1)/2, row − (height − 1)/2). */
#ifndef TD_DATA_AFFINE_H
#define TD_DATA_AFFINE_H

#include <stddef.h>
#include <stdint.h>

/* (x, y) ↦ (xx·x + xy·y + dx, yx·x + yy·y + dy) */
typedef struct td_affine {
    double xx, xy, dx;
    double yx, yy, dy;
} td_affine;

/* A sampled image takes each of its points from where `td_affine` says, so these are named after
 * what then happens to the picture. Rotation is counter-clockwise as seen; scale > 0 enlarges. */
td_affine td_affine_identity(void);
td_affine td_affine_translate(double right, double down);
td_affine td_affine_rotate(double degrees);
td_affine td_affine_scale(double scale);
td_affine td_affine_mirror(void); /* left and right change places */

/* As a map of points, in Keras's words: (x − y·sin, y·cos) of the angle; and (x·across, y·down), so
 * that a factor above 1 makes the picture smaller. */
td_affine td_affine_shear(double degrees);
td_affine td_affine_stretch(double across, double down);

/* First `first` happens to the picture, then `second`. */
td_affine td_affine_then(td_affine first, td_affine second);

/* `to` [height, width, channels] becomes the picture `from`, of the same shape, sampled through
 * `map`: bilinear, 0 outside of it. A map that moves whole pixels copies exactly. */
void td_affine_sample(td_affine map, const uint8_t *from, size_t height, size_t width,
                      size_t channels, float *to);

/* The same with the nearest pixel of the border outside of it. */
void td_affine_sample_nearest(td_affine map, const uint8_t *from, size_t height, size_t width,
                              size_t channels, float *to);

#endif
