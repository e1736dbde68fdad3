/* SPDX-License-Identifier: MIT */
/* The warping field of WaNet: Nguyen, Tran, "WaNet – imperceptible warping-based backdoor attack",
 * ICLR 2021, section 3.2. */
#ifndef TD_TRIGGER_WARP_H
#define TD_TRIGGER_WARP_H

#include <stddef.h>
#include <stdint.h>

enum { TD_WARP_GRID = 64 }; /* most points per side */

/* The control points: `field` [2, grid, grid] is drawn from U[−1, 1] and divided by the mean of its
 * absolute values. Plane 0 moves along columns, plane 1 along rows. */
void td_warp_draw(uint64_t seed, size_t grid, double *field);

/* Enlarges one plane of control points, grid × grid, to `out` [height, width] by cubic convolution
 * (a = −0.75, corners on corners, borders repeated), like PyTorch's bicubic. */
void td_warp_enlarge(const double *plane, size_t grid, size_t height, size_t width, double *out);

#endif
