/* SPDX-License-Identifier: MIT */
/* Tensors seen through strides: transposing, slicing and most reshaping change only the view, not
 * the numbers. */
#ifndef TD_MODEL_VIEW_H
#define TD_MODEL_VIEW_H

#include "data/safetensors.h"
#include <stdbool.h>

/* The stride of a batch dimension: our images of a batch are not contiguous. */
#define TD_VIEW_BATCH SIZE_MAX

typedef struct td_view {
    size_t rank, dims[TD_TENSOR_RANK];
    size_t strides[TD_TENSOR_RANK]; /* in elements of the underlying tensor; arbitrary for a size of
                                       1 */
    size_t offset;
} td_view;

/* The row-major view. */
td_view td_view_rows(size_t rank, const size_t *dims);

/* Number of elements. It cannot overflow, because the tensor exists. */
size_t td_view_count(const td_view *view);

/* The offset of the i-th element, row-major. Not for views with a batch of more than one. */
size_t td_view_place(const td_view *view, size_t i);

/* Whether the view is row-major. */
bool td_view_is_rows(const td_view *view);

/* The same elements in the same order with other sizes; false if strides cannot express it. */
bool td_view_reshape(const td_view *view, size_t rank, const size_t *dims, td_view *out);

/* Dimension i of the result is dimension perm[i] of `view`. */
td_view td_view_permute(const td_view *view, const size_t *perm);

/* Removes or inserts a dimension of size 1. */
td_view td_view_squeeze(const td_view *view, size_t axis);
td_view td_view_unsqueeze(const td_view *view, size_t axis);

/* The dimensions with more than one element, without the batch. */
td_view td_view_used(const td_view *view);

/* Whether two views show the same elements. */
bool td_view_is_same(const td_view *a, const td_view *b);

#endif
