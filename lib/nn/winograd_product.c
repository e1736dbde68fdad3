/* The products in the transform domain. They are many and small (tens of tiles by tens of
 * channels), and their operands are laid out by the transforms as a register kernel wants them:
 * nothing has to be packed, which is why this beats sgemm here. */
#include "nn/winograd_inner.h"

/* `rows` × `vectors` accumulators stay in registers over the whole depth. Both are constants after
 * inlining. Each element is summed in the order of depth, whatever the number of rows: results do
 * not depend on how tiles were grouped. */
TD_WG_INLINE void multiply_rows(const td_wg_product *product, size_t first, size_t rows,
                                size_t vectors) {
    td_vec sums[TD_WG_ROWS][2];
    const float *a = product->a + first * product->a_row, *b = product->b;
    float *c = product->c + first * product->c_row;
    size_t a_row = product->a_row, a_depth = product->a_depth, c_row = product->c_row;
    TD_WG_UNROLL
    for (size_t i = 0; i < rows; i++) {
        TD_WG_UNROLL
        for (size_t j = 0; j < vectors; j++)
            sums[i][j] = product->add ? td_vec_load(c + i * c_row + j * TD_WG_LANES) : (td_vec){0};
    }
    for (size_t depth = product->depth; depth > 0; depth--) {
        td_vec columns[2];
        TD_WG_UNROLL
        for (size_t j = 0; j < vectors; j++)
            columns[j] = td_vec_load(b + j * TD_WG_LANES);
        TD_WG_UNROLL
        for (size_t i = 0; i < rows; i++) {
            td_vec factor = td_vec_set(a[i * a_row]);
            TD_WG_UNROLL
            for (size_t j = 0; j < vectors; j++)
                sums[i][j] = td_vec_fma(factor, columns[j], sums[i][j]);
        }
        a += a_depth;
        b += product->b_depth;
    }
    TD_WG_UNROLL
    for (size_t i = 0; i < rows; i++) {
        TD_WG_UNROLL
        for (size_t j = 0; j < vectors; j++)
            td_vec_store(c + i * c_row + j * TD_WG_LANES, sums[i][j]);
    }
}

TD_WG_INLINE void multiply_all(const td_wg_product *product, size_t vectors) {
    size_t row = 0, rows = product->rows;
    for (; rows - row >= TD_WG_ROWS; row += TD_WG_ROWS)
        multiply_rows(product, row, TD_WG_ROWS, vectors);
    if (rows - row >= TD_WG_ROWS * 2 / 3) {
        multiply_rows(product, row, TD_WG_ROWS * 2 / 3, vectors);
        row += TD_WG_ROWS * 2 / 3;
    }
    for (; rows - row >= TD_WG_ROWS / 3; row += TD_WG_ROWS / 3)
        multiply_rows(product, row, TD_WG_ROWS / 3, vectors);
    for (; row < rows; row++)
        multiply_rows(product, row, 1, vectors);
}

void td_wg_multiply(const td_wg_product *product) {
    if (product->columns > TD_WG_LANES)
        multiply_all(product, 2);
    else
        multiply_all(product, 1);
}
