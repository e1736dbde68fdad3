/* With vectors of 16 the register kernel is up to twice as fast as sgemm, which may not know the
 * processor; with shorter ones sgemm is as good, save where operands are laid out in panels
 * already, so that nothing has to be packed. */
#include "nn/product.h"

#include <cblas.h>

enum {
    DEPTH = 256,             /* of a packed panel of b, which the level-1 cache holds */
    ROWS = 4 * TD_PANEL_ROWS /* of c that are computed aside where a panel is not whole lanes */
};

/* `rows` × `vectors` accumulators stay in registers over the whole depth. Both are constants after
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

/* Part of the product: `depth` terms from `first` on, `columns` columns of c from `column` on. */
typedef struct part {
    size_t first, depth, column, columns;
} part;

/* Rows [first, first + depth) of a panel of op(b), filled up with zeros: [depth][TD_PANEL]. */
static void pack(const td_product *p, const part *t, float *panel) {
    if (t->columns < TD_PANEL)
        memset(panel, 0, t->depth * TD_PANEL * sizeof *panel);
    if (!p->transpose_b) {
        const float *b = p->b + t->first * p->b_row + t->column;
        for (size_t d = 0; d < t->depth; d++)
            memcpy(panel + d * TD_PANEL, b + d * p->b_row, t->columns * sizeof *panel);
        return;
    }
    const float *b = p->b + t->column * p->b_row + t->first;
    for (size_t block = 0; block < t->depth; block += TD_LANES)
        for (size_t j = 0; j < t->columns; j++)
            for (size_t d = block; d < td_size_min(block + TD_LANES, t->depth); d++)
                panel[d * TD_PANEL + j] = b[j * p->b_row + d];
}

/* Rows aside, then copied: nothing behind the columns is touched. */
static void multiply_aside(const td_product *p, const part *t, td_panel_product product) {
    float aside[ROWS * TD_PANEL];
    const size_t c_row = product.c_row;
    float *c = product.c;
    product.c = aside;
    product.c_row = TD_PANEL;
    for (size_t row = 0; row < p->m; row += ROWS) {
        product.rows = td_size_min(ROWS, p->m - row);
        for (size_t i = 0; product.add && i < product.rows; i++)
            memcpy(aside + i * TD_PANEL, c + (row + i) * c_row, t->columns * sizeof *c);
        td_panel_multiply(&product);
        for (size_t i = 0; i < product.rows; i++)
            memcpy(c + (row + i) * c_row, aside + i * TD_PANEL, t->columns * sizeof *c);
        product.a += ROWS * product.a_row;
    }
}

static void multiply_part(const td_product *p, const part *t) {
    float panel[DEPTH * TD_PANEL];
    const bool whole = t->columns % TD_LANES == 0;
    const bool direct =
        whole && !p->transpose_b && p->m <= TD_PANEL_ROWS; /* packing would not pay */
    td_panel_product product = {
        .rows = p->m,
        .columns = t->columns,
        .depth = t->depth,
        .a = p->a + t->first * (p->transpose_a ? p->a_row : 1),
        .a_row = p->transpose_a ? 1 : p->a_row,
        .a_depth = p->transpose_a ? p->a_row : 1,
        .b = direct ? p->b + t->first * p->b_row + t->column : panel,
        .b_depth = direct ? p->b_row : TD_PANEL,
        .c = p->c + t->column,
        .c_row = p->c_row,
        .add = p->add || t->first > 0,
    };
    if (!direct)
        pack(p, t, panel);
    if (whole)
        td_panel_multiply(&product);
    else
        multiply_aside(p, t, product);
}

static void multiply_by_sgemm(const td_product *p) {
    cblas_sgemm(CblasRowMajor, p->transpose_a ? CblasTrans : CblasNoTrans,
                p->transpose_b ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n, (int)p->k, 1.0f,
                p->a, (int)p->a_row, p->b, (int)p->b_row, p->add ? 1.0f : 0.0f, p->c,
                (int)p->c_row);
}

void td_multiply(const td_product *p) {
    if (TD_LANES < 16) {
        multiply_by_sgemm(p);
        return;
    }
    for (size_t first = 0; first < p->k; first += DEPTH)
        for (size_t column = 0; column < p->n; column += TD_PANEL) {
            const part t = {first, td_size_min(DEPTH, p->k - first), column,
                            td_size_min(TD_PANEL, p->n - column)};
            multiply_part(p, &t);
        }
}
