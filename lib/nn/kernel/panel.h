/* SPDX-License-Identifier: MIT */
/* Matrix products with operands that the transforms already lay out in the packed form that a BLAS
 * would make first. PANEL_ROWS × PANEL elements of the result stay in registers, as many as fit
 * beside the operands. All matrices are row-major. */
#ifndef TD_NN_KERNEL_PANEL_H
#define TD_NN_KERNEL_PANEL_H

#include "base/size.h"
#include "nn/kernel/vector.h"
#include <stdbool.h>

#define td_panel_multiply TD_KERNEL_NAME(td_panel_multiply)

/* Operands that are used often are stored in panels of PANEL columns, the last one padded with
 * zeros. */
enum { TD_PANEL = 2 * TD_LANES, TD_PANEL_ROWS = TD_LANES == 16 ? 12 : 6 };

static inline size_t td_panels(size_t columns) {
    return (columns + TD_PANEL - 1) / TD_PANEL;
}

/* Floats from a panel of `rows` rows to the next: one line more than the values need, because
 * panels at a power of two apart would share few sets of the cache. */
static inline size_t td_panel_floats(size_t rows) {
    return rows * TD_PANEL + TD_CACHE_LINE;
}

/* C (+)= A · B with B and C at most one panel wide (if `columns` is larger, only the first panel is
 * computed). A is [rows, depth] with the distances a_row and a_depth; B [depth, columns] and C
 * [rows, columns] have unit stride in columns and are readable and writable up to a whole number of
 * lanes. */
typedef struct td_panel_product {
    size_t rows, columns, depth;
    const float *a;
    size_t a_row, a_depth;
    const float *b;
    size_t b_depth;
    float *c;
    size_t c_row;
    bool add;
} td_panel_product;

/* Sums each element in the order of depth, whatever the number of rows: results do not depend on
 * how rows are grouped. */
void td_panel_multiply(const td_panel_product *product);

#endif
