/* SPDX-License-Identifier: MIT */
#include "nn/kernel/panel.h"

/* Keeps `rows` × `vectors` accumulators in registers over the whole depth. Both are constants after
 * inlining. */
TD_INLINE void multiply_rows(const td_panel_product *product, size_t first, size_t rows,
                             size_t vectors) {
    td_vec sums[TD_PANEL_ROWS][2];
    const float *a = product->a + first * product->a_row, *b = product->b;
    float *c = product->c + first * product->c_row;
    size_t a_row = product->a_row, a_depth = product->a_depth, c_row = product->c_row;
    TD_UNROLL
    for (size_t i = 0; i < rows; i++) {
        TD_UNROLL
        for (size_t j = 0; j < vectors; j++)
            sums[i][j] = product->add ? td_vec_load(c + i * c_row + j * TD_LANES) : (td_vec){0};
    }
    for (size_t depth = product->depth; depth > 0; depth--) {
        td_vec columns[2];
        TD_UNROLL
        for (size_t j = 0; j < vectors; j++)
            columns[j] = td_vec_load(b + j * TD_LANES);
        TD_UNROLL
        for (size_t i = 0; i < rows; i++) {
            td_vec factor = td_vec_set(a[i * a_row]);
            TD_UNROLL
            for (size_t j = 0; j < vectors; j++)
                sums[i][j] = td_vec_fma(factor, columns[j], sums[i][j]);
        }
        a += a_depth;
        b += product->b_depth;
    }
    TD_UNROLL
    for (size_t i = 0; i < rows; i++) {
        TD_UNROLL
        for (size_t j = 0; j < vectors; j++)
            td_vec_store(c + i * c_row + j * TD_LANES, sums[i][j]);
    }
}

TD_INLINE void multiply_vectors(const td_panel_product *product, size_t vectors) {
    size_t row = 0, rows = product->rows;
    for (; rows - row >= TD_PANEL_ROWS; row += TD_PANEL_ROWS)
        multiply_rows(product, row, TD_PANEL_ROWS, vectors);
    if (rows - row >= TD_PANEL_ROWS * 2 / 3) {
        multiply_rows(product, row, TD_PANEL_ROWS * 2 / 3, vectors);
        row += TD_PANEL_ROWS * 2 / 3;
    }
    for (; rows - row >= TD_PANEL_ROWS / 3; row += TD_PANEL_ROWS / 3)
        multiply_rows(product, row, TD_PANEL_ROWS / 3, vectors);
    for (; row < rows; row++)
        multiply_rows(product, row, 1, vectors);
}

void td_panel_multiply(const td_panel_product *product) {
    if (product->columns > TD_LANES)
        multiply_vectors(product, 2);
    else
        multiply_vectors(product, 1);
}
