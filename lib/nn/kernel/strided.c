/* SPDX-License-Identifier: MIT */
#include "nn/kernel/strided.h"

#include "base/parallel.h"
#include "nn/kernel/panel.h"
#include "nn/kernel/vector.h"

enum { MOST_ROWS = 12 }; /* of one vector, in registers; of two, TD_PANEL_ROWS */

/* Keeps `rows` × `vectors` accumulators in registers; both are constants after inlining. */
TD_INLINE void multiply_block(const td_strided_product *p, size_t first, size_t rows, size_t vector,
                              size_t vectors) {
    const td_bounds bounds = p->bounds ? *p->bounds : TD_UNBOUNDED;
    td_vec sums[MOST_ROWS][2];
    td_lane_mask lanes[2];
    const float *a_outer = p->a + first * p->a_row, *b_outer = p->b + vector * p->b_vector;
    float *c = p->c + first * p->c_row + vector * p->c_vector;
    const size_t a_row = p->a_row, a_depth = p->a_depth, c_row = p->c_row, c_vector = p->c_vector;
    const size_t b_vector = p->b_vector, b_depth = p->b_depth;
    for (size_t j = 0; j < vectors; j++)
        lanes[j] = td_first_lanes(vector + j + 1 < p->vectors ? p->lanes : p->last_lanes);
    TD_UNROLL
    for (size_t i = 0; i < rows; i++) {
        TD_UNROLL
        for (size_t j = 0; j < vectors; j++)
            sums[i][j] = p->add    ? td_vec_load_lanes(c + i * c_row + j * c_vector, lanes[j])
                         : p->bias ? td_vec_load(p->bias + (vector + j) * TD_LANES)
                                   : (td_vec){0};
    }
    for (size_t outer = p->outer; outer > 0; outer--) {
        const float *a = a_outer, *b = b_outer;
        for (size_t depth = p->depth; depth > 0; depth--) {
            td_vec columns[2];
            TD_UNROLL
            for (size_t j = 0; j < vectors; j++)
                columns[j] = td_vec_load_lanes(b + j * b_vector, lanes[j]);
            TD_UNROLL
            for (size_t i = 0; i < rows; i++) {
                td_vec factor = td_vec_set(a[i * a_row]);
                TD_UNROLL
                for (size_t j = 0; j < vectors; j++)
                    sums[i][j] = td_vec_fma(factor, columns[j], sums[i][j]);
            }
            a += a_depth;
            b += b_depth;
        }
        a_outer += p->a_outer;
        b_outer += p->b_outer;
    }
    TD_UNROLL
    for (size_t i = 0; i < rows; i++) {
        TD_UNROLL
        for (size_t j = 0; j < vectors; j++)
            td_vec_store_lanes(c + i * c_row + j * c_vector, td_vec_clip(bounds, sums[i][j]),
                               lanes[j]);
    }
}

#define CASE(count)                                                                                \
    case count:                                                                                    \
        multiply_block(p, row, count, vector, vectors);                                            \
        break;

/* All rows by `vectors` vectors, in blocks with about equal numbers of rows. */
TD_INLINE void multiply_rows(const td_strided_product *p, size_t vector, size_t vectors) {
    const size_t most = vectors == 1 ? MOST_ROWS : TD_PANEL_ROWS;
    size_t row = 0;
    for (size_t blocks = td_chunks(p->rows, most); blocks > 0; blocks--) {
        size_t rows = td_chunks(p->rows - row, blocks);
        switch (rows) {
            CASE(1)
            CASE(2)
            CASE(3)
            CASE(4)
            CASE(5)
            CASE(6)
            CASE(7)
            CASE(8)
            CASE(9)
            CASE(10)
            CASE(11)
            CASE(12)
        }
        row += rows;
    }
}

void td_strided_multiply(const td_strided_product *p) {
    size_t vector = 0;
    for (; vector + 2 <= p->vectors; vector += 2)
        multiply_rows(p, vector, 2);
    if (vector < p->vectors)
        multiply_rows(p, vector, 1);
}
