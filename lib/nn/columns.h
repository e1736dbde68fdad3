/* SPDX-License-Identifier: MIT */
/* Convolution as a matrix product ("im2col"): each output pixel's window becomes a row of columns,
 * a few rows of pixels (a strip) at a time so that they stay in the level-2 cache. The convolution
 * and the transposed convolution, its adjoint, use these functions.
 *
 * Columns are [pixels, taps] and prepared weights [taps, out], with taps ordered (kernel row,
 * kernel column, input channel), which makes the copies long and contiguous. */
#ifndef TD_NN_COLUMNS_H
#define TD_NN_COLUMNS_H

#include "nn/conv.h"

#define td_columns_rows TD_KERNEL_NAME(td_columns_rows)
#define td_columns_floats TD_KERNEL_NAME(td_columns_floats)
#define td_columns_forward_images TD_KERNEL_NAME(td_columns_forward_images)
#define td_columns_backward_images TD_KERNEL_NAME(td_columns_backward_images)
#define td_columns_gather TD_KERNEL_NAME(td_columns_gather)
#define td_columns_scatter TD_KERNEL_NAME(td_columns_scatter)
#define td_columns_prepare TD_KERNEL_NAME(td_columns_prepare)
#define td_columns_weights TD_KERNEL_NAME(td_columns_weights)
#define td_columns_scratch TD_KERNEL_NAME(td_columns_scratch)
#define td_columns_partial TD_KERNEL_NAME(td_columns_partial)
#define td_columns_reduce TD_KERNEL_NAME(td_columns_reduce)
#define td_columns_add_rows TD_KERNEL_NAME(td_columns_add_rows)

/* Rows of output pixels in a strip, and the floats of its columns. */
size_t td_columns_rows(const td_conv *conv);
size_t td_columns_floats(const td_conv *conv);

/* Images in a chunk of work: for the forward pass, and for the backward pass, where each chunk has
 * a partial gradient of the weights. */
size_t td_columns_forward_images(const td_conv *conv);
size_t td_columns_backward_images(const td_conv *conv, size_t batch);

/* Columns [row, row + rows) of x, the input of a chunk of images; rows are counted over all images
 * of the chunk. */
void td_columns_gather(const td_conv *conv, const float *x, float *columns, size_t row,
                       size_t rows);

/* The adjoint: adds these columns to x. */
void td_columns_scatter(const td_conv *conv, const float *columns, float *x, size_t row,
                        size_t rows);

/* Weights OIHW as [taps, out], and their number. */
void td_columns_prepare(const td_conv *conv, const float *oihw, float *prepared);
size_t td_columns_weights(const td_conv *conv);

/* Scratch memory: td_columns_floats for each thread; then, if `backward`, for each chunk the
 * partial gradient of the prepared weights and of `biases` biases after it. */
size_t td_columns_scratch(const td_conv *conv, size_t batch, size_t biases, bool backward);
float *td_columns_partial(const td_conv *conv, float *scratch, size_t biases, size_t chunk);

/* Sums the chunks' partial gradients in order into dw, OIHW, and db, which may be NULL. */
void td_columns_reduce(const td_conv *conv, float *scratch, size_t batch, size_t biases, float *dw,
                       float *db);

/* sum [n] += each of `count` rows [n]. */
void td_columns_add_rows(float *sum, const float *rows, size_t count, size_t n);

#endif
