/* SPDX-License-Identifier: MIT */
#include "nn/kernel/winograd_transforms.h"

#include "base/parallel.h"
#include <stdint.h>

/* The interpolation points ±P and ±Q; exact in float, as are the products of their powers. */
#define P 0.6875f
#define Q 1.375f
#define P2 (P * P)
#define Q2 (Q * Q)
#define P3 (P2 * P)
#define Q3 (Q2 * Q)

/* to[6] = Bᵀ d[6] */
TD_INLINE void input_1d(const td_vec *d, td_vec *to) {
    const td_vec p = td_vec_set(P), q = td_vec_set(Q);
    const td_vec p2 = td_vec_set(-P2), q2 = td_vec_set(-Q2);
    const td_vec sum = td_vec_set(-(P2 + Q2)), both = td_vec_set(P2 * Q2);
    to[0] = td_vec_fma(both, d[0], td_vec_fma(sum, d[2], d[4]));
    td_vec even = td_vec_fma(q2, d[2], d[4]), odd = td_vec_fma(q2, d[1], d[3]);
    to[1] = td_vec_fma(p, odd, even);
    to[2] = td_vec_fma(-p, odd, even);
    even = td_vec_fma(p2, d[2], d[4]), odd = td_vec_fma(p2, d[1], d[3]);
    to[3] = td_vec_fma(q, odd, even);
    to[4] = td_vec_fma(-q, odd, even);
    to[5] = td_vec_fma(both, d[1], td_vec_fma(sum, d[3], d[5]));
}

/* to[6] = B m[6] */
TD_INLINE void input_adjoint_1d(const td_vec *m, td_vec *to) {
    const td_vec p = td_vec_set(P), q = td_vec_set(Q);
    const td_vec p2 = td_vec_set(-P2), q2 = td_vec_set(-Q2);
    const td_vec sum = td_vec_set(-(P2 + Q2)), both = td_vec_set(P2 * Q2);
    td_vec even_p = m[1] + m[2], odd_p = p * (m[1] - m[2]);
    td_vec even_q = m[3] + m[4], odd_q = q * (m[3] - m[4]);
    to[0] = both * m[0];
    to[1] = td_vec_fma(q2, odd_p, td_vec_fma(p2, odd_q, both * m[5]));
    to[2] = td_vec_fma(q2, even_p, td_vec_fma(p2, even_q, sum * m[0]));
    to[3] = td_vec_fma(sum, m[5], odd_p + odd_q);
    to[4] = m[0] + (even_p + even_q);
    to[5] = m[5];
}

/* to[4] = Aᵀ m[6] */
TD_INLINE void output_1d(const td_vec *m, td_vec *to) {
    td_vec even_p = m[1] + m[2], odd_p = m[1] - m[2];
    td_vec even_q = m[3] + m[4], odd_q = m[3] - m[4];
    to[0] = m[0] + (even_p + even_q);
    to[1] = td_vec_fma(td_vec_set(P), odd_p, td_vec_set(Q) * odd_q);
    to[2] = td_vec_fma(td_vec_set(P2), even_p, td_vec_set(Q2) * even_q);
    to[3] = td_vec_fma(td_vec_set(P3), odd_p, td_vec_fma(td_vec_set(Q3), odd_q, m[5]));
}

/* to[6] = A y[4] */
TD_INLINE void output_adjoint_1d(const td_vec *y, td_vec *to) {
    const td_vec p = td_vec_set(P), q = td_vec_set(Q);
    to[0] = y[0];
    td_vec even = td_vec_fma(td_vec_set(P2), y[2], y[0]);
    td_vec odd = td_vec_fma(td_vec_set(P2), y[3], y[1]);
    to[1] = td_vec_fma(p, odd, even);
    to[2] = td_vec_fma(-p, odd, even);
    even = td_vec_fma(td_vec_set(Q2), y[2], y[0]);
    odd = td_vec_fma(td_vec_set(Q2), y[3], y[1]);
    to[3] = td_vec_fma(q, odd, even);
    to[4] = td_vec_fma(-q, odd, even);
    to[5] = y[3];
}

/* to[6] = G g[3] */
TD_INLINE void filter_1d(const td_vec *g, td_vec *to) {
    const td_vec at_p = td_vec_set(0.5f / (P2 * (P2 - Q2)));
    const td_vec at_q = td_vec_set(0.5f / (Q2 * (Q2 - P2)));
    to[0] = td_vec_set(1 / (P2 * Q2)) * g[0];
    td_vec even = td_vec_fma(td_vec_set(P2), g[2], g[0]), odd = td_vec_set(P) * g[1];
    to[1] = at_p * (even + odd);
    to[2] = at_p * (even - odd);
    even = td_vec_fma(td_vec_set(Q2), g[2], g[0]), odd = td_vec_set(Q) * g[1];
    to[3] = at_q * (even + odd);
    to[4] = at_q * (even - odd);
    to[5] = g[2];
}

/* to[3] = Gᵀ u[6] */
TD_INLINE void filter_adjoint_1d(const td_vec *u, td_vec *to) {
    const td_vec at_p = td_vec_set(0.5f / (P2 * (P2 - Q2)));
    const td_vec at_q = td_vec_set(0.5f / (Q2 * (Q2 - P2)));
    td_vec even_p = at_p * (u[1] + u[2]), odd_p = at_p * (u[1] - u[2]);
    td_vec even_q = at_q * (u[3] + u[4]), odd_q = at_q * (u[3] - u[4]);
    to[0] = td_vec_fma(td_vec_set(1 / (P2 * Q2)), u[0], even_p + even_q);
    to[1] = td_vec_fma(td_vec_set(P), odd_p, td_vec_set(Q) * odd_q);
    to[2] = td_vec_fma(td_vec_set(P2), even_p, td_vec_fma(td_vec_set(Q2), even_q, u[5]));
}

td_winograd_grid td_winograd_grid_of(const td_winograd *conv) {
    td_winograd_grid grid = {.out_height = conv->height + 2 * conv->pad - 2,
                             .out_width = conv->width + 2 * conv->pad - 2};
    grid.columns = (grid.out_width + 3) / 4;
    grid.image_tiles = (grid.out_height + 3) / 4 * grid.columns;
    return grid;
}

/* A window of pixels in an NHWC batch that may extend past the image's edge. */
typedef struct tile_window {
    ptrdiff_t origin;  /* offset of pixel (0, 0), channel 0; may lie outside the batch */
    size_t row, pixel; /* distances between rows and between pixels */
    size_t top, bottom, left, right; /* pixels [top, bottom) × [left, right) are in the image */
} tile_window;

TD_INLINE bool inside(const tile_window *window, size_t i, size_t j) {
    return i >= window->top && i < window->bottom && j >= window->left && j < window->right;
}

TD_INLINE ptrdiff_t offset_of(const tile_window *window, size_t i, size_t j) {
    return window->origin + (ptrdiff_t)(i * window->row + j * window->pixel);
}

/* Prefetches a pixel. It may be outside the window, the image and the batch. */
TD_INLINE void prefetch(const float *pixels, const tile_window *window, size_t i, size_t j) {
    uintptr_t offset = (uintptr_t)offset_of(window, i, j) * sizeof(float);
    __builtin_prefetch((const void *)((uintptr_t)pixels + offset));
}

/* The 6×6 window of a tile's input. */
TD_INLINE tile_window input_window(const td_winograd *conv, const td_winograd_grid *grid,
                                   size_t tile) {
    size_t image = tile / grid->image_tiles, place = tile % grid->image_tiles;
    size_t y = place / grid->columns * 4, x = place % grid->columns * 4, pad = conv->pad;
    ptrdiff_t first = (ptrdiff_t)(image * conv->height + y) - (ptrdiff_t)pad;
    size_t below = conv->height + pad - y, after = conv->width + pad - x;
    return (tile_window){
        .origin =
            (first * (ptrdiff_t)conv->width + (ptrdiff_t)x - (ptrdiff_t)pad) * (ptrdiff_t)conv->in,
        .row = conv->width * conv->in,
        .pixel = conv->in,
        .top = y < pad ? pad - y : 0,
        .bottom = below < 6 ? below : 6,
        .left = x < pad ? pad - x : 0,
        .right = after < 6 ? after : 6,
    };
}

/* The 4×4 window of its output. */
TD_INLINE tile_window output_window(const td_winograd *conv, const td_winograd_grid *grid,
                                    size_t tile) {
    size_t image = tile / grid->image_tiles, place = tile % grid->image_tiles;
    size_t y = place / grid->columns * 4, x = place % grid->columns * 4;
    size_t below = grid->out_height - y, after = grid->out_width - x;
    return (tile_window){
        .origin = (ptrdiff_t)(((image * grid->out_height + y) * grid->out_width + x) * conv->out),
        .row = grid->out_width * conv->out,
        .pixel = conv->out,
        .top = 0,
        .bottom = below < 4 ? below : 4,
        .left = 0,
        .right = after < 4 ? after : 4,
    };
}

/* One tile and up to TD_LANES channels. `edge` and `part` are constants after inlining: whether the
 * window may leave the image, and whether there are fewer channels than lanes. */
TD_INLINE td_vec pixel_at(const float *pixels, const tile_window *window, size_t i, size_t j,
                          size_t lanes, bool edge, bool part) {
    if (edge && !inside(window, i, j))
        return (td_vec){0};
    const float *from = pixels + offset_of(window, i, j);
    return part ? td_vec_load_part(from, lanes) : td_vec_load(from);
}

TD_INLINE void input_tile(const float *x, const tile_window *window, size_t lanes, bool edge,
                          bool part, float *to, size_t point) {
    td_vec half[6][6];
    for (size_t j = 0; j < 6; j++) {
        td_vec column[6], done[6];
        TD_UNROLL
        for (size_t i = 0; i < 6; i++)
            column[i] = pixel_at(x, window, i, j, lanes, edge, part);
        TD_UNROLL
        for (size_t i = 6; i < 10; i++) /* the tile below */
            prefetch(x, window, i, j);
        input_1d(column, done);
        TD_UNROLL
        for (size_t i = 0; i < 6; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 6; i++) {
        td_vec done[6];
        input_1d(half[i], done);
        TD_UNROLL
        for (size_t j = 0; j < 6; j++)
            td_vec_store(to + (i * 6 + j) * point, done[j]);
    }
}

void td_winograd_input(const td_winograd *conv, const float *x, size_t first, size_t count,
                       td_winograd_tiles to) {
    td_winograd_grid grid = td_winograd_grid_of(conv);
    for (size_t t = 0; t < count; t++) {
        tile_window window = input_window(conv, &grid, first + t);
        bool edge = window.top > 0 || window.bottom < 6 || window.left > 0 || window.right < 6;
        float *values = to.values + t * to.tile;
        for (size_t c = 0; c < conv->in; c += TD_LANES) {
            size_t lanes = conv->in - c;
            if (lanes < TD_LANES)
                input_tile(x + c, &window, lanes, true, true, values + c, to.point);
            else if (edge)
                input_tile(x + c, &window, TD_LANES, true, false, values + c, to.point);
            else
                input_tile(x + c, &window, TD_LANES, false, false, values + c, to.point);
        }
    }
}

TD_INLINE void input_adjoint_tile(const float *from, size_t point, const tile_window *window,
                                  size_t lanes, bool edge, bool part, float *dx) {
    td_vec half[6][6];
    for (size_t j = 0; j < 6; j++) {
        td_vec column[6], done[6];
        TD_UNROLL
        for (size_t i = 0; i < 6; i++)
            column[i] = td_vec_load(from + (i * 6 + j) * point);
        input_adjoint_1d(column, done);
        TD_UNROLL
        for (size_t i = 0; i < 6; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 6; i++) {
        td_vec done[6];
        input_adjoint_1d(half[i], done);
        TD_UNROLL
        for (size_t j = 0; j < 6; j++) {
            if (edge && !inside(window, i, j))
                continue;
            float *to = dx + offset_of(window, i, j);
            if (part)
                td_vec_store_part(to, td_vec_load_part(to, lanes) + done[j], lanes);
            else
                td_vec_store(to, td_vec_load(to) + done[j]);
        }
    }
}

void td_winograd_input_adjoint(const td_winograd *conv, td_winograd_tiles from, size_t first,
                               size_t count, size_t begin, size_t end, float *dx) {
    td_winograd_grid grid = td_winograd_grid_of(conv);
    for (size_t t = 0; t < count; t++) {
        tile_window window = input_window(conv, &grid, first + t);
        bool edge = window.top > 0 || window.bottom < 6 || window.left > 0 || window.right < 6;
        const float *values = from.values + t * from.tile;
        for (size_t c = begin; c < end; c += TD_LANES, values += TD_LANES) {
            size_t lanes = end - c;
            if (lanes < TD_LANES)
                input_adjoint_tile(values, from.point, &window, lanes, true, true, dx + c);
            else if (edge)
                input_adjoint_tile(values, from.point, &window, lanes, true, false, dx + c);
            else
                input_adjoint_tile(values, from.point, &window, lanes, false, false, dx + c);
        }
    }
}

TD_INLINE void output_tile(const float *from, size_t point, const tile_window *window, size_t lanes,
                           bool edge, bool part, td_vec bias, td_bounds bounds, float *y) {
    td_vec half[4][6];
    for (size_t j = 0; j < 6; j++) {
        td_vec column[6], done[4];
        TD_UNROLL
        for (size_t i = 0; i < 6; i++)
            column[i] = td_vec_load(from + (i * 6 + j) * point);
        output_1d(column, done);
        TD_UNROLL
        for (size_t i = 0; i < 4; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 4; i++) {
        td_vec done[4];
        output_1d(half[i], done);
        TD_UNROLL
        for (size_t j = 0; j < 4; j++) {
            if (edge && !inside(window, i, j))
                continue;
            td_vec value = done[j] + bias;
            value = td_vec_clip(bounds, value);
            float *to = y + offset_of(window, i, j);
            prefetch(y, window, i, j + 4); /* the next tile */
            if (part)
                td_vec_store_part(to, value, lanes);
            else
                td_vec_store(to, value);
        }
    }
}

void td_winograd_output(const td_winograd *conv, td_winograd_tiles from, size_t first, size_t count,
                        size_t begin, size_t end, const float *bias, td_bounds bounds, float *y) {
    td_winograd_grid grid = td_winograd_grid_of(conv);
    for (size_t t = 0; t < count; t++) {
        tile_window window = output_window(conv, &grid, first + t);
        bool edge = window.bottom < 4 || window.right < 4;
        const float *values = from.values + t * from.tile;
        for (size_t c = begin; c < end; c += TD_LANES, values += TD_LANES) {
            size_t lanes = end - c;
            bool part = lanes < TD_LANES;
            td_vec shift = {0};
            if (bias)
                shift = part ? td_vec_load_part(bias + c, lanes) : td_vec_load(bias + c);
            if (part)
                output_tile(values, from.point, &window, lanes, true, true, shift, bounds, y + c);
            else if (edge)
                output_tile(values, from.point, &window, lanes, true, false, shift, bounds, y + c);
            else
                output_tile(values, from.point, &window, lanes, false, false, shift, bounds, y + c);
        }
    }
}

/* Returns the sum over the tile's pixels. */
TD_INLINE td_vec output_adjoint_tile(const float *dy, const tile_window *window, size_t lanes,
                                     bool edge, bool part, float *to, size_t point) {
    td_vec half[6][4], sum = {0};
    for (size_t j = 0; j < 4; j++) {
        td_vec column[4], done[6];
        TD_UNROLL
        for (size_t i = 0; i < 4; i++) {
            column[i] = pixel_at(dy, window, i, j, lanes, edge, part);
            prefetch(dy, window, i, j + 4); /* the next tile */
        }
        sum += (column[0] + column[1]) + (column[2] + column[3]);
        output_adjoint_1d(column, done);
        TD_UNROLL
        for (size_t i = 0; i < 6; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 6; i++) {
        td_vec done[6];
        output_adjoint_1d(half[i], done);
        TD_UNROLL
        for (size_t j = 0; j < 6; j++)
            td_vec_store(to + (i * 6 + j) * point, done[j]);
    }
    return sum;
}

TD_INLINE td_vec output_adjoint_any(const float *dy, const tile_window *window, size_t lanes,
                                    bool edge, float *to, size_t point) {
    if (lanes < TD_LANES)
        return output_adjoint_tile(dy, window, lanes, true, true, to, point);
    if (edge)
        return output_adjoint_tile(dy, window, lanes, true, false, to, point);
    return output_adjoint_tile(dy, window, lanes, false, false, to, point);
}

static void add_part(float *sums, td_vec values, size_t lanes) {
    if (lanes < TD_LANES)
        td_vec_store_part(sums, td_vec_load_part(sums, lanes) + values, lanes);
    else
        td_vec_store(sums, td_vec_load(sums) + values);
}

void td_winograd_output_adjoint(const td_winograd *conv, const float *dy, size_t first,
                                size_t count, td_winograd_tiles to, float *sums) {
    td_winograd_grid grid = td_winograd_grid_of(conv);
    for (size_t t = 0; t < count; t++) {
        tile_window window = output_window(conv, &grid, first + t);
        bool edge = window.bottom < 4 || window.right < 4;
        float *values = to.values + t * to.tile;
        for (size_t c = 0; c < conv->out; c += TD_LANES) {
            size_t lanes = conv->out - c;
            td_vec sum = output_adjoint_any(dy + c, &window, lanes, edge, values + c, to.point);
            if (sums)
                add_part(sums + c, sum, lanes);
        }
    }
}

/* to[36] = G g Gᵀ for TD_LANES filters g [3, 3], `tap` and `point` floats between their values.
 */
static void filter_lanes(const float *taps, size_t tap, float *to, size_t point) {
    td_vec half[6][3];
    for (size_t j = 0; j < 3; j++) {
        td_vec column[3], done[6];
        TD_UNROLL
        for (size_t i = 0; i < 3; i++)
            column[i] = td_vec_load(taps + (i * 3 + j) * tap);
        filter_1d(column, done);
        TD_UNROLL
        for (size_t i = 0; i < 6; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 6; i++) {
        td_vec done[6];
        filter_1d(half[i], done);
        TD_UNROLL
        for (size_t j = 0; j < 6; j++)
            td_vec_store(to + (i * 6 + j) * point, done[j]);
    }
}

/* taps[9] = Gᵀ u G. */
static void filter_adjoint_lanes(const float *from, size_t point, float *taps, size_t tap) {
    td_vec half[3][6];
    for (size_t j = 0; j < 6; j++) {
        td_vec column[6], done[3];
        TD_UNROLL
        for (size_t i = 0; i < 6; i++)
            column[i] = td_vec_load(from + (i * 6 + j) * point);
        filter_adjoint_1d(column, done);
        TD_UNROLL
        for (size_t i = 0; i < 3; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 3; i++) {
        td_vec done[3];
        filter_adjoint_1d(half[i], done);
        TD_UNROLL
        for (size_t j = 0; j < 3; j++)
            td_vec_store(taps + (i * 3 + j) * tap, done[j]);
    }
}

/* Filter (row, column) of the transformed matrix starts at oihw[row × row_step + column ×
 * column_step]. */
typedef struct filters {
    const float *oihw;
    size_t rows, columns, row_step, column_step;
    float *transformed;
} filters;

/* Items are rows, grouped by panel. */
static void transform_row(void *context, size_t item) {
    const filters *f = context;
    size_t panel = item / f->rows, row = item % f->rows, column = panel * TD_PANEL;
    const float *from = f->oihw + row * f->row_step + column * f->column_step;
    float taps[9][TD_PANEL] = {0};
    for (size_t c = 0; c < td_size_min(TD_PANEL, f->columns - column); c++)
        for (size_t tap = 0; tap < 9; tap++)
            taps[tap][c] = from[c * f->column_step + tap];
    float *to = f->transformed + panel * td_winograd_panel_floats(f->rows) + row * TD_PANEL;
    for (size_t half = 0; half < TD_PANEL; half += TD_LANES)
        filter_lanes(&taps[0][half], TD_PANEL, to + half, td_panel_floats(f->rows));
}

static void transform(filters *f) {
    td_parallel_each(td_panels(f->columns) * f->rows, transform_row, f);
}

void td_winograd_filters(const td_winograd *conv, const float *oihw, float *transformed) {
    transform(&(filters){.oihw = oihw,
                         .rows = conv->in,
                         .columns = conv->out,
                         .row_step = 9,
                         .column_step = conv->in * 9,
                         .transformed = transformed});
}

void td_winograd_filters_backward(const td_winograd *conv, const float *oihw, float *transformed) {
    transform(&(filters){.oihw = oihw,
                         .rows = conv->out,
                         .columns = conv->in,
                         .row_step = conv->in * 9,
                         .column_step = 9,
                         .transformed = transformed});
}

void td_winograd_filter_adjoint(const td_winograd *conv, const float *du, size_t point,
                                size_t panel, size_t begin, size_t end, bool add, float *dw) {
    size_t columns = td_size_min(conv->out - panel * TD_PANEL, TD_PANEL);
    for (size_t row = begin; row < end; row++, du += TD_PANEL) {
        float taps[9][TD_PANEL];
        for (size_t half = 0; half < columns; half += TD_LANES)
            filter_adjoint_lanes(du + half, point, &taps[0][half], TD_PANEL);
        float *to = dw + (panel * TD_PANEL * conv->in + row) * 9;
        for (size_t c = 0; c < columns; c++)
            for (size_t tap = 0; tap < 9; tap++) {
                float *value = to + c * conv->in * 9 + tap;
                *value = taps[tap][c] + (add ? *value : 0);
            }
    }
}
