/* From the transform domain back to pixels. */
#include "nn/winograd_grid.h"
#include "nn/winograd_steps.h"

TD_WG_INLINE void gather_output(const float *from, size_t point, const td_wg_window *window,
                                size_t lanes, bool edge, bool part, td_vec bias, bool relu,
                                float *y) {
    td_vec half[4][6];
    for (size_t j = 0; j < 6; j++) {
        td_vec column[6], done[4];
        TD_WG_UNROLL
        for (size_t i = 0; i < 6; i++)
            column[i] = td_vec_load(from + (i * 6 + j) * point);
        td_wg_step_a(column, done);
        TD_WG_UNROLL
        for (size_t i = 0; i < 4; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 4; i++) {
        td_vec done[4];
        td_wg_step_a(half[i], done);
        TD_WG_UNROLL
        for (size_t j = 0; j < 4; j++) {
            if (edge && !td_wg_inside(window, i, j))
                continue;
            td_vec value = done[j] + bias;
            value = relu ? td_vec_gate(value, value) : value;
            float *to = y + td_wg_offset(window, i, j);
            td_wg_prefetch(y, window, i, j + 4); /* the next tile */
            if (part)
                td_vec_store_part(to, value, lanes);
            else
                td_vec_store(to, value);
        }
    }
}

TD_WG_INLINE void gather_gradient(const float *from, size_t point, const td_wg_window *window,
                                  size_t lanes, bool edge, bool part, float *dx) {
    td_vec half[6][6];
    for (size_t j = 0; j < 6; j++) {
        td_vec column[6], done[6];
        TD_WG_UNROLL
        for (size_t i = 0; i < 6; i++)
            column[i] = td_vec_load(from + (i * 6 + j) * point);
        td_wg_step_b_adjoint(column, done);
        TD_WG_UNROLL
        for (size_t i = 0; i < 6; i++)
            half[i][j] = done[i];
    }
    for (size_t i = 0; i < 6; i++) {
        td_vec done[6];
        td_wg_step_b_adjoint(half[i], done);
        TD_WG_UNROLL
        for (size_t j = 0; j < 6; j++) {
            if (edge && !td_wg_inside(window, i, j))
                continue;
            float *to = dx + td_wg_offset(window, i, j);
            if (part)
                td_vec_store_part(to, td_vec_load_part(to, lanes) + done[j], lanes);
            else
                td_vec_store(to, td_vec_load(to) + done[j]);
        }
    }
}

void td_wg_gather_output(const td_winograd *conv, td_wg_tiles from, size_t first, size_t count,
                         size_t begin, size_t end, const float *bias, bool relu, float *y) {
    td_wg_grid grid = td_wg_make_grid(conv);
    for (size_t t = 0; t < count; t++) {
        td_wg_window window = td_wg_output_window(conv, &grid, first + t);
        bool edge = window.bottom < 4 || window.right < 4;
        const float *values = from.values + t * from.tile;
        for (size_t c = begin; c < end; c += TD_WG_LANES, values += TD_WG_LANES) {
            size_t lanes = end - c;
            bool part = lanes < TD_WG_LANES;
            td_vec shift = {0};
            if (bias)
                shift = part ? td_vec_load_part(bias + c, lanes) : td_vec_load(bias + c);
            if (part)
                gather_output(values, from.point, &window, lanes, true, true, shift, relu, y + c);
            else if (edge)
                gather_output(values, from.point, &window, lanes, true, false, shift, relu, y + c);
            else
                gather_output(values, from.point, &window, lanes, false, false, shift, relu, y + c);
        }
    }
}

void td_wg_gather_gradient(const td_winograd *conv, td_wg_tiles from, size_t first, size_t count,
                           size_t begin, size_t end, float *dx) {
    td_wg_grid grid = td_wg_make_grid(conv);
    for (size_t t = 0; t < count; t++) {
        td_wg_window window = td_wg_input_window(conv, &grid, first + t);
        bool edge = window.top > 0 || window.bottom < 6 || window.left > 0 || window.right < 6;
        const float *values = from.values + t * from.tile;
        for (size_t c = begin; c < end; c += TD_WG_LANES, values += TD_WG_LANES) {
            size_t lanes = end - c;
            if (lanes < TD_WG_LANES)
                gather_gradient(values, from.point, &window, lanes, true, true, dx + c);
            else if (edge)
                gather_gradient(values, from.point, &window, lanes, true, false, dx + c);
            else
                gather_gradient(values, from.point, &window, lanes, false, false, dx + c);
        }
    }
}
