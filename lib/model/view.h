/* SPDX-License-Identifier: MIT */
/* Tensors seen through strides: transposing, cutting and most reshaping change no number, only the
 * view. */
#ifndef TD_MODEL_VIEW_H
#define TD_MODEL_VIEW_H

#include "data/safetensors.h"
#include <stdbool.h>

/* The stride of images of a batch, which are not in one piece of memory for us. */
#define TD_VIEW_BATCH SIZE_MAX

typedef struct td_view {
    size_t rank, dims[TD_TENSOR_RANK];
    size_t strides[TD_TENSOR_RANK]; /* in elements of what is viewed; of a size of 1: anything */
    size_t offset;
} td_view;

/* Of numbers that lie row after row. */
td_view td_view_rows(size_t rank, const size_t *dims);

/* How many elements it shows; of a tensor that exists, so that it cannot overflow. */
size_t td_view_count(const td_view *view);

/* Where the i-th element, row after row, lies. Not for views with a batch of more than one. */
size_t td_view_place(const td_view *view, size_t i);

/* Whether the elements lie as in td_view_rows. */
bool td_view_is_rows(const td_view *view);

/* The same elements in the same order under other sizes; false where strides cannot say it. */
bool td_view_reshape(const td_view *view, size_t rank, const size_t *dims, td_view *out);

/* Dimension i is perm[i] of before. */
td_view td_view_permute(const td_view *view, const size_t *perm);

/* Takes out a dimension of size 1, or puts one in. */
td_view td_view_squeeze(const td_view *view, size_t axis);
td_view td_view_unsqueeze(const td_view *view, size_t axis);

/* The dimensions of more than one element, without that of the batch. */
td_view td_view_used(const td_view *view);

/* Whether two views show the same elements. */
bool td_view_is_same(const td_view *a, const td_view *b);

#endif
