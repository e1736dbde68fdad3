/* A matrix product on the calling thread. All matrices are row-major. */
#ifndef TD_NN_PRODUCT_H
#define TD_NN_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/* c (+)= op(a)·op(b) with op(a) m×k and op(b) k×n; `a_row`, `b_row` and `c_row` floats from row to
 * row as stored. For use inside td_parallel_for. */
typedef struct td_product {
    size_t m, n, k;
    const float *a, *b;
    size_t a_row, b_row;
    bool transpose_a, transpose_b; /* a is stored k×m, b is stored n×k */
    float *c;
    size_t c_row;
    bool add; /* to c, which is overwritten otherwise */
} td_product;

void td_multiply(const td_product *product);

#endif
