/* Max pooling of 2×2 windows, stride 2, no padding, of one image [height, width, channels]. An odd
 * last row or column belongs to no window. Not for others than max_pool.c, which says what is
 * computed; the results are the same. */
#ifndef TD_NN_MAX_POOL_2X2_H
#define TD_NN_MAX_POOL_2X2_H

#include "nn/net.h"

void td_max_pool_2x2(td_shape in, const float *x, float *y);

/* dx is overwritten. */
void td_max_pool_2x2_backward(td_shape in, const float *x, const float *y, const float *dy,
                              float *dx);

#endif
