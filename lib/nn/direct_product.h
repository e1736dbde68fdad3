/* The matrix product under direct convolution: its operands are read in place, by strides, from
 * images and their gradients. Not for others. */
#ifndef TD_NN_DIRECT_PRODUCT_H
#define TD_NN_DIRECT_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/* C [rows, columns] (+)= sum over i < outer, k < depth of A[row, i, k] · B[i, k, column]. Columns
 * come in vectors of at most TD_WG_LANES, which are unit-stride; every other step between
 * neighbours is given in floats. */
typedef struct td_direct_product {
    size_t rows, outer, depth;
    size_t vectors, lanes, last_lanes; /* columns of each vector, and of the last one */
    const float *a;
    size_t a_row, a_outer, a_depth;
    const float *b;
    size_t b_vector, b_outer, b_depth;
    float *c;
    size_t c_row, c_vector;
    const float *bias; /* added to each row, vectors TD_WG_LANES apart; NULL for none */
    bool add, relu;    /* adds to C; clips the result below at 0 */
} td_direct_product;

/* Each element is summed in the order of (outer, depth) whatever the other sizes: results do not
 * depend on how rows are grouped. Nothing outside of the lanes is read from B or written to C. */
void td_direct_multiply(const td_direct_product *product);

#endif
