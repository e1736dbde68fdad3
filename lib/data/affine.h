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

/* td_affine_sample reads each output point from the input point that `td_affine` gives. The
 * functions are named after what that does to the picture. Rotation is counter-clockwise as seen;
 * scale > 0 enlarges. */
td_affine td_affine_identity(void);
td_affine td_affine_translate(double right, double down);
td_affine td_affine_rotate(double degrees);
td_affine td_affine_scale(double scale);
td_affine td_affine_mirror(void); /* mirrors left and right */

/* Maps of points in Keras's convention: (x − y·sin, y·cos) of the angle; and (x·across, y·down), so
 * that a factor above 1 shrinks the picture. */
td_affine td_affine_shear(double degrees);
td_affine td_affine_stretch(double across, double down);

/* The picture is transformed by `first`, then by `second`. */
td_affine td_affine_then(td_affine first, td_affine second);

/* Samples `from` through `map` into `to`, both [height, width, channels]: bilinear, 0 outside the
 * picture. A map by whole pixels copies exactly. */
void td_affine_sample(td_affine map, const uint8_t *from, size_t height, size_t width,
                      size_t channels, float *to);

/* The same, but outside the picture the nearest border pixel is used. */
void td_affine_sample_nearest(td_affine map, const uint8_t *from, size_t height, size_t width,
                              size_t channels, float *to);

#endif
