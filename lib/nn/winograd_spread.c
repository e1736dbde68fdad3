/* From pixels into the transform domain. */
#include "nn/winograd_grid.h"
#include "nn/winograd_steps.h"

/* One tile and up to TD_WG_LANES channels. `edge` and `part` are constants after inlining: whether
 * the window may leave the image, whether there are fewer channels than lanes. */
TD_WG_INLINE td_vec pixel_at(const float *pixels, const td_wg_window *window, size_t i, size_t j,
                             size_t lanes, bool edge, bool part) {
    if (edge && !td_wg_inside(window, i, j))
        return (td_vec){0};
    const float *from = pixels + td_wg_offset(window, i, j);
    return part ? td_vec_load_part(from, lanes) : td_vec_load(from);
}

TD_WG_INLINE void spread_input(const float *x, const td_wg_window *window, size_t lanes, bool edge,
                               bool part, float *to, size_t point) {
    td_vec half[6][6];
    for (size_t j = 0; j < 6; j++) {
        td_vec column[6], done[6];
        TD_WG_UNROLL
        for (size_t i = 0; i < 6; i++)
            column[i] = pixel_at(x, window, i, j, lanes, edge, part);
        TD_WG_UNROLL
        for (size_t i = 6; i < 10; i++) /* the tile below */
            td_wg_prefetch(x, window, i, j);
        td_wg_step_b(column, done);
        TD_WG_UNROLL
        for (size_t i = 0; i < 6; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 6; i++) {
        td_vec done[6];
        td_wg_step_b(half[i], done);
        TD_WG_UNROLL
        for (size_t j = 0; j < 6; j++)
            td_vec_store(to + (i * 6 + j) * point, done[j]);
    }
}

/* Returns the sum over the tile's pixels. */
TD_WG_INLINE td_vec spread_gradient(const float *dy, const td_wg_window *window, size_t lanes,
                                    bool edge, bool part, float *to, size_t point) {
    td_vec half[6][4], sum = {0};
    for (size_t j = 0; j < 4; j++) {
        td_vec column[4], done[6];
        TD_WG_UNROLL
        for (size_t i = 0; i < 4; i++) {
            column[i] = pixel_at(dy, window, i, j, lanes, edge, part);
            td_wg_prefetch(dy, window, i, j + 4); /* the next tile */
        }
        sum += (column[0] + column[1]) + (column[2] + column[3]);
        td_wg_step_a_adjoint(column, done);
        TD_WG_UNROLL
        for (size_t i = 0; i < 6; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 6; i++) {
        td_vec done[6];
        td_wg_step_a_adjoint(half[i], done);
        TD_WG_UNROLL
        for (size_t j = 0; j < 6; j++)
            td_vec_store(to + (i * 6 + j) * point, done[j]);
    }
    return sum;
}

void td_wg_spread_input(const td_winograd *conv, const float *x, size_t first, size_t count,
                        td_wg_tiles to) {
    td_wg_grid grid = td_wg_make_grid(conv);
    for (size_t t = 0; t < count; t++) {
        td_wg_window window = td_wg_input_window(conv, &grid, first + t);
        bool edge = window.top > 0 || window.bottom < 6 || window.left > 0 || window.right < 6;
        float *values = to.values + t * to.tile;
        for (size_t c = 0; c < conv->in; c += TD_WG_LANES) {
            size_t lanes = conv->in - c;
            if (lanes < TD_WG_LANES)
                spread_input(x + c, &window, lanes, true, true, values + c, to.point);
            else if (edge)
                spread_input(x + c, &window, TD_WG_LANES, true, false, values + c, to.point);
            else
                spread_input(x + c, &window, TD_WG_LANES, false, false, values + c, to.point);
        }
    }
}

TD_WG_INLINE td_vec spread_gradient_any(const float *dy, const td_wg_window *window, size_t lanes,
                                        bool edge, float *to, size_t point) {
    if (lanes < TD_WG_LANES)
        return spread_gradient(dy, window, lanes, true, true, to, point);
    if (edge)
        return spread_gradient(dy, window, lanes, true, false, to, point);
    return spread_gradient(dy, window, lanes, false, false, to, point);
}

static void add_part(float *sums, td_vec values, size_t lanes) {
    if (lanes < TD_WG_LANES)
        td_vec_store_part(sums, td_vec_load_part(sums, lanes) + values, lanes);
    else
        td_vec_store(sums, td_vec_load(sums) + values);
}

void td_wg_spread_gradient(const td_winograd *conv, const float *dy, size_t first, size_t count,
                           td_wg_tiles to, float *sums) {
    td_wg_grid grid = td_wg_make_grid(conv);
    for (size_t t = 0; t < count; t++) {
        td_wg_window window = td_wg_output_window(conv, &grid, first + t);
        bool edge = window.bottom < 4 || window.right < 4;
        float *values = to.values + t * to.tile;
        for (size_t c = 0; c < conv->out; c += TD_WG_LANES) {
            size_t lanes = conv->out - c;
            td_vec sum = spread_gradient_any(dy + c, &window, lanes, edge, values + c, to.point);
            if (sums)
                add_part(sums + c, sum, lanes);
        }
    }
}
