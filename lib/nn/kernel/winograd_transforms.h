/* SPDX-License-Identifier: MIT */
/* The transforms of the Winograd convolution (winograd.h) and their adjoints, for tiles of a batch:
 *
 *     input transform    V = Bᵀ d B    adjoint  dd = B m Bᵀ
 *     filter transform   U = G g Gᵀ    adjoint  dg = Gᵀ dU G
 *     output transform   Y = Aᵀ m A    adjoint  M = A dY Aᵀ
 *
 * In the transform domain a tile has 36 points, and values are stored as [point][tile][channel].
 * Transformed filters are split into panels (product.h): [panel][point][row][column]. */
#ifndef TD_NN_KERNEL_WINOGRAD_TRANSFORMS_H
#define TD_NN_KERNEL_WINOGRAD_TRANSFORMS_H

#include "nn/kernel/panel.h"
#include "nn/kernel/winograd.h"

#define td_winograd_grid_of TD_KERNEL_NAME(td_winograd_grid_of)
#define td_winograd_input TD_KERNEL_NAME(td_winograd_input)
#define td_winograd_input_adjoint TD_KERNEL_NAME(td_winograd_input_adjoint)
#define td_winograd_output TD_KERNEL_NAME(td_winograd_output)
#define td_winograd_output_adjoint TD_KERNEL_NAME(td_winograd_output_adjoint)
#define td_winograd_filter_adjoint TD_KERNEL_NAME(td_winograd_filter_adjoint)

enum { TD_WINOGRAD_POINTS = 36 };

/* Sizes that follow from the shape. */
typedef struct td_winograd_grid {
    size_t out_height, out_width;
    size_t columns;     /* tiles in a row of tiles */
    size_t image_tiles; /* tiles in an image; tiles are numbered through the batch */
} td_winograd_grid;

td_winograd_grid td_winograd_grid_of(const td_winograd *conv);

/* Tiles in the transform domain. */
typedef struct td_winograd_tiles {
    float *values;
    size_t tile, point; /* distances between tiles and between points, in floats */
} td_winograd_tiles;

/* Floats of a panel of transformed filters with `rows` rows; its points are td_panel_floats(rows)
 * apart. */
static inline size_t td_winograd_panel_floats(size_t rows) {
    return TD_WINOGRAD_POINTS * td_panel_floats(rows);
}

/* to[0..count) = the transform of tiles first … first + count − 1 of x. */
void td_winograd_input(const td_winograd *conv, const float *x, size_t first, size_t count,
                       td_winograd_tiles to);

/* Adds the adjoint of `from`[0..count) to channels begin … end − 1 of those tiles of dx, which
 * overlap; `from` starts at channel `begin`. */
void td_winograd_input_adjoint(const td_winograd *conv, td_winograd_tiles from, size_t first,
                               size_t count, size_t begin, size_t end, float *dx);

/* Channels begin … end − 1 of tiles first … first + count − 1 of y = the transform of
 * `from`[0..count) + bias [out], which may be NULL, then ReLU; `from` starts at channel `begin`. */
void td_winograd_output(const td_winograd *conv, td_winograd_tiles from, size_t first, size_t count,
                        size_t begin, size_t end, const float *bias, td_bounds bounds, float *y);

/* to[0..count) = the adjoint of those tiles of dy. Adds their sum over all pixels to sums [out]
 * unless NULL. */
void td_winograd_output_adjoint(const td_winograd *conv, const float *dy, size_t first,
                                size_t count, td_winograd_tiles to, float *sums);

/* Adds or writes the adjoint of rows begin … end − 1 (input channels) of one panel to dw [out, in,
 * 3, 3]. `du` is [point][row][column] with `point` floats between points, its first row being
 * `begin`. The transform itself is in winograd.h. */
void td_winograd_filter_adjoint(const td_winograd *conv, const float *du, size_t point,
                                size_t panel, size_t begin, size_t end, bool add, float *dw);

#endif
