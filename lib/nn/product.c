/* With vectors of 16 the register kernel of the Winograd convolution is up to twice as fast as
 * sgemm, which may not know the processor; with shorter ones sgemm is as good. */
#include "nn/product.h"

#include "base/size.h"
#include "nn/winograd_inner.h"
#include <cblas.h>

enum {
    DEPTH = 256,          /* of a packed panel of b, which the level-1 cache holds */
    ROWS = 4 * TD_WG_ROWS /* of c that are computed aside where a panel is not whole lanes */
};

/* Part of the product: `depth` terms from `first` on, `columns` columns of c from `column` on. */
typedef struct part {
    size_t first, depth, column, columns;
} part;

/* Rows [first, first + depth) of a panel of op(b), filled up with zeros: [depth][TD_WG_PANEL]. */
static void pack(const td_product *p, const part *t, float *panel) {
    if (t->columns < TD_WG_PANEL)
        memset(panel, 0, t->depth * TD_WG_PANEL * sizeof *panel);
    if (!p->transpose_b) {
        const float *b = p->b + t->first * p->b_row + t->column;
        for (size_t d = 0; d < t->depth; d++)
            memcpy(panel + d * TD_WG_PANEL, b + d * p->b_row, t->columns * sizeof *panel);
        return;
    }
    const float *b = p->b + t->column * p->b_row + t->first;
    for (size_t block = 0; block < t->depth; block += TD_WG_LANES)
        for (size_t j = 0; j < t->columns; j++)
            for (size_t d = block; d < td_size_min(block + TD_WG_LANES, t->depth); d++)
                panel[d * TD_WG_PANEL + j] = b[j * p->b_row + d];
}

/* Rows aside, then copied: nothing behind the columns is touched. */
static void multiply_aside(const td_product *p, const part *t, td_wg_product product) {
    float aside[ROWS * TD_WG_PANEL];
    const size_t c_row = product.c_row;
    float *c = product.c;
    product.c = aside;
    product.c_row = TD_WG_PANEL;
    for (size_t row = 0; row < p->m; row += ROWS) {
        product.rows = td_size_min(ROWS, p->m - row);
        for (size_t i = 0; product.add && i < product.rows; i++)
            memcpy(aside + i * TD_WG_PANEL, c + (row + i) * c_row, t->columns * sizeof *c);
        td_wg_multiply(&product);
        for (size_t i = 0; i < product.rows; i++)
            memcpy(c + (row + i) * c_row, aside + i * TD_WG_PANEL, t->columns * sizeof *c);
        product.a += ROWS * product.a_row;
    }
}

static void multiply_part(const td_product *p, const part *t) {
    float panel[DEPTH * TD_WG_PANEL];
    const bool whole = t->columns % TD_WG_LANES == 0;
    const bool direct = whole && !p->transpose_b && p->m <= TD_WG_ROWS; /* packing would not pay */
    td_wg_product product = {
        .rows = p->m,
        .columns = t->columns,
        .depth = t->depth,
        .a = p->a + t->first * (p->transpose_a ? p->a_row : 1),
        .a_row = p->transpose_a ? 1 : p->a_row,
        .a_depth = p->transpose_a ? p->a_row : 1,
        .b = direct ? p->b + t->first * p->b_row + t->column : panel,
        .b_depth = direct ? p->b_row : TD_WG_PANEL,
        .c = p->c + t->column,
        .c_row = p->c_row,
        .add = p->add || t->first > 0,
    };
    if (!direct)
        pack(p, t, panel);
    if (whole)
        td_wg_multiply(&product);
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
    if (TD_WG_LANES < 16) {
        multiply_by_sgemm(p);
        return;
    }
    for (size_t first = 0; first < p->k; first += DEPTH)
        for (size_t column = 0; column < p->n; column += TD_WG_PANEL) {
            const part t = {first, td_size_min(DEPTH, p->k - first), column,
                            td_size_min(TD_WG_PANEL, p->n - column)};
            multiply_part(p, &t);
        }
}
