/* SPDX-License-Identifier: MIT */
/* Winograd convolution F(4×4, 3×3): 3×3 kernels, stride 1, float32, activations NHWC.
 *
 * An output tile of 4×4 pixels needs 36 products per pair of channels instead of 144, from 6×6
 * input pixels d: Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A (Lavin and Gray, "Fast Algorithms for Convolutional
 * Neural Networks", 2016). The gradients are the exact adjoints of the same transforms. The
 * interpolation points are 0, ±11/16, ±11/8, ∞ instead of the usual 0, ±1, ±2, ∞: still exact in
 * binary, with a largest error six times smaller.
 *
 * Every function takes a whole batch, runs on td_threads() threads, and gives the same bytes at any
 * number of threads. Pointers need the alignment of float only; 64 bytes is faster. */
#ifndef TD_NN_KERNEL_WINOGRAD_H
#define TD_NN_KERNEL_WINOGRAD_H

#include "nn/kernel/kernel.h"
#include <stdbool.h>
#include <stddef.h>

#define td_winograd_filter_floats TD_KERNEL_NAME(td_winograd_filter_floats)
#define td_winograd_scratch_floats TD_KERNEL_NAME(td_winograd_scratch_floats)
#define td_winograd_filters TD_KERNEL_NAME(td_winograd_filters)
#define td_winograd_filters_backward TD_KERNEL_NAME(td_winograd_filters_backward)
#define td_winograd_forward TD_KERNEL_NAME(td_winograd_forward)
#define td_winograd_backward_input TD_KERNEL_NAME(td_winograd_backward_input)
#define td_winograd_backward_weights TD_KERNEL_NAME(td_winograd_backward_weights)

typedef struct td_winograd {
    size_t height, width; /* of the input; height + 2 pad ≥ 3 and width + 2 pad ≥ 3 */
    size_t in, out;       /* channels, ≥ 1 */
    size_t pad;           /* 0, 1 or 2: the output has height + 2 pad − 2 rows */
} td_winograd;

/* Floats for the transformed filters of either direction. */
size_t td_winograd_filter_floats(const td_winograd *conv);

/* Floats of scratch for any of the passes below while td_threads() is at most `threads`. `batch`,
 * here and below, is ≥ 1. A few MB per thread, and more in total for many channels; bounded as the
 * batch grows. */
size_t td_winograd_scratch_floats(const td_winograd *conv, size_t batch, size_t threads);

/* The filter transform of PyTorch's weights [out, in, 3, 3], for td_winograd_forward. */
void td_winograd_filters(const td_winograd *conv, const float *oihw, float *transformed);

/* The same for td_winograd_backward_input. The two are never needed at once, so one buffer can
 * serve both. */
void td_winograd_filters_backward(const td_winograd *conv, const float *oihw, float *transformed);

/* y [batch, height', width', out] = x [batch, height, width, in] * weights + bias, then ReLU if
 * requested. `bias` [out] may be NULL. */
void td_winograd_forward(const td_winograd *conv, size_t batch, const float *x,
                         const float *transformed, const float *bias, td_bounds bounds, float *y,
                         float *scratch);

/* Overwrites dx [batch, height, width, in] with the gradient. */
void td_winograd_backward_input(const td_winograd *conv, size_t batch, const float *dy,
                                const float *transformed, float *dx, float *scratch);

/* Overwrites dw [out, in, 3, 3] and, unless NULL, dbias [out], with the sums over the batch. */
void td_winograd_backward_weights(const td_winograd *conv, size_t batch, const float *x,
                                  const float *dy, float *dw, float *dbias, float *scratch);

#endif
