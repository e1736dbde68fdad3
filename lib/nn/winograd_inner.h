/* What the files of the Winograd convolution share. Not for others.
 *
 * A pass has three steps: spread pixels into the transform domain (36 points a tile), multiply by
 * the weights point by point, and gather the tiles back into pixels. In the transform domain a
 * value stands at [point][tile][channel]; td_wg_tiles says how far apart. Transformed weights are
 * cut into panels of TD_WG_PANEL columns: [panel][point][row][column], the last panel filled up
 * with zeros. */
#ifndef TD_NN_WINOGRAD_INNER_H
#define TD_NN_WINOGRAD_INNER_H

#include "nn/winograd.h"
#include "nn/winograd_vector.h"

enum {
    TD_WG_POINTS = 36,
    TD_WG_LINE = 16,      /* floats in a line of the cache */
    TD_WG_TASK_TILES = 4, /* of a slab that a task spreads or gathers */
    TD_WG_TASK_ROWS = 24, /* of dU that a task computes from a slab */
};

/* The interpolation points ±P and ±Q; exact in float, as are the products of their powers. */
#define TD_WG_P 0.6875f
#define TD_WG_Q 1.375f

/* Tiles in the transform domain. */
typedef struct td_wg_tiles {
    float *values;
    size_t tile, point; /* distances between tiles and between points, in floats */
} td_wg_tiles;

/* Sizes that follow from the shape. */
typedef struct td_wg_grid {
    size_t out_height, out_width;
    size_t columns;     /* tiles in a row of tiles */
    size_t image_tiles; /* tiles in an image; tiles are numbered through the batch */
} td_wg_grid;

static inline td_wg_grid td_wg_make_grid(const td_winograd *conv) {
    td_wg_grid grid = {.out_height = conv->height + 2 * conv->pad - 2,
                       .out_width = conv->width + 2 * conv->pad - 2};
    grid.columns = (grid.out_width + 3) / 4;
    grid.image_tiles = (grid.out_height + 3) / 4 * grid.columns;
    return grid;
}

static inline size_t td_wg_round_up(size_t count, size_t unit) {
    return (count + unit - 1) / unit * unit;
}

static inline size_t td_wg_panels(size_t channels) {
    return td_wg_round_up(channels, TD_WG_PANEL) / TD_WG_PANEL;
}

/* Distance between the points of a panel of transformed weights, and the panel's floats: a line
 * more than the values need, since points a power of two apart would meet in few sets of the cache.
 */
static inline size_t td_wg_panel_point(size_t rows) {
    return rows * TD_WG_PANEL + TD_WG_LINE;
}

static inline size_t td_wg_panel_floats(size_t rows) {
    return TD_WG_POINTS * td_wg_panel_point(rows);
}

/* How a pass cuts its work; a function of the shape and the batch alone. */
typedef struct td_wg_sizes {
    bool slabs;   /* each step over a slab of tiles, not a task taking a block through all steps */
    size_t tiles; /* in a slab or a block */
    size_t group; /* weight gradients without slabs: tiles that share a dU */
    size_t weights; /* floats of a whole dU */
} td_wg_sizes;

/* For matrices rows × columns at each point: in × out, or out × in for the input's gradient. */
td_wg_sizes td_wg_data_sizes(size_t tiles, size_t rows, size_t columns);
td_wg_sizes td_wg_weight_sizes(const td_winograd *conv, size_t tiles);

/* The floats of scratch that each pass cuts up. */
size_t td_wg_data_scratch(size_t tiles, size_t rows, size_t columns, size_t threads);
size_t td_wg_weight_scratch(const td_winograd *conv, size_t tiles, size_t threads);

/* Lays out `tiles` tiles of `channels` channels at `values`. */
td_wg_tiles td_wg_lay_out(float *values, size_t tiles, size_t channels);

/* The floats that td_wg_lay_out's tiles take. */
size_t td_wg_tiles_floats(size_t tiles, size_t channels);

/* to[0..count) = Bᵀ d B of tiles first … first + count − 1 of x. */
void td_wg_spread_input(const td_winograd *conv, const float *x, size_t first, size_t count,
                        td_wg_tiles to);

/* to[0..count) = A dY Aᵀ of the tiles of dy. Their sum over all pixels is added to sums[out] unless
 * NULL. */
void td_wg_spread_gradient(const td_winograd *conv, const float *dy, size_t first, size_t count,
                           td_wg_tiles to, float *sums);

/* Channels begin … end − 1 of y's tiles = Aᵀ m A + bias, then ReLU; `from` starts at channel
 * `begin`. */
void td_wg_gather_output(const td_winograd *conv, td_wg_tiles from, size_t first, size_t count,
                         size_t begin, size_t end, const float *bias, bool relu, float *y);

/* Adds B m Bᵀ to channels begin … end − 1 of dx. Neighbouring tiles overlap there. */
void td_wg_gather_gradient(const td_winograd *conv, td_wg_tiles from, size_t first, size_t count,
                           size_t begin, size_t end, float *dx);

/* A matrix product C (+)= A · B with B and C at most one panel wide. A is [rows, depth] with the
 * distances a_row and a_depth; B [depth, columns] and C [rows, columns] have unit stride in columns
 * and are readable and writable up to a whole number of lanes. */
typedef struct td_wg_product {
    size_t rows, columns, depth;
    const float *a;
    size_t a_row, a_depth;
    const float *b;
    size_t b_depth;
    float *c;
    size_t c_row;
    bool add;
} td_wg_product;

void td_wg_multiply(const td_wg_product *product);

/* Adds or writes Gᵀ dU G of rows begin … end − 1 of one panel to dw. `du` is [point][row][column]
 * with `point` floats between points, its first row being `begin`. */
void td_wg_weight_gradient(const td_winograd *conv, const float *du, size_t point, size_t panel,
                           size_t begin, size_t end, bool add, float *dw);

#endif
