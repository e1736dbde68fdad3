/* Where a tile's pixels lie. */
#ifndef TD_NN_WINOGRAD_GRID_H
#define TD_NN_WINOGRAD_GRID_H

#include "nn/winograd_inner.h"
#include <stdint.h>

/* A window of pixels in an NHWC batch that may reach over the image's edge. */
typedef struct td_wg_window {
    ptrdiff_t origin;  /* offset of pixel (0, 0), channel 0; may lie outside the batch */
    size_t row, pixel; /* distances between rows and between pixels */
    size_t top, bottom, left, right; /* pixels [top, bottom) × [left, right) are in the image */
} td_wg_window;

TD_WG_INLINE bool td_wg_inside(const td_wg_window *window, size_t i, size_t j) {
    return i >= window->top && i < window->bottom && j >= window->left && j < window->right;
}

TD_WG_INLINE ptrdiff_t td_wg_offset(const td_wg_window *window, size_t i, size_t j) {
    return window->origin + (ptrdiff_t)(i * window->row + j * window->pixel);
}

/* Asks for a pixel ahead of its use. It may lie outside the window, the image and the batch. */
TD_WG_INLINE void td_wg_prefetch(const float *pixels, const td_wg_window *window, size_t i,
                                 size_t j) {
    uintptr_t offset = (uintptr_t)td_wg_offset(window, i, j) * sizeof(float);
    __builtin_prefetch((const void *)((uintptr_t)pixels + offset));
}

/* The 6×6 window of a tile's input. */
static inline td_wg_window td_wg_input_window(const td_winograd *conv, const td_wg_grid *grid,
                                              size_t tile) {
    size_t image = tile / grid->image_tiles, place = tile % grid->image_tiles;
    size_t y = place / grid->columns * 4, x = place % grid->columns * 4, pad = conv->pad;
    ptrdiff_t first = (ptrdiff_t)(image * conv->height + y) - (ptrdiff_t)pad;
    size_t below = conv->height + pad - y, after = conv->width + pad - x;
    return (td_wg_window){
        .origin =
            (first * (ptrdiff_t)conv->width + (ptrdiff_t)x - (ptrdiff_t)pad) * (ptrdiff_t)conv->in,
        .row = conv->width * conv->in,
        .pixel = conv->in,
        .top = y < pad ? pad - y : 0,
        .bottom = below < 6 ? below : 6,
        .left = x < pad ? pad - x : 0,
        .right = after < 6 ? after : 6,
    };
}

/* The 4×4 window of its output. */
static inline td_wg_window td_wg_output_window(const td_winograd *conv, const td_wg_grid *grid,
                                               size_t tile) {
    size_t image = tile / grid->image_tiles, place = tile % grid->image_tiles;
    size_t y = place / grid->columns * 4, x = place % grid->columns * 4;
    size_t below = grid->out_height - y, after = grid->out_width - x;
    return (td_wg_window){
        .origin = (ptrdiff_t)(((image * grid->out_height + y) * grid->out_width + x) * conv->out),
        .row = grid->out_width * conv->out,
        .pixel = conv->out,
        .top = 0,
        .bottom = below < 4 ? below : 4,
        .left = 0,
        .right = after < 4 ? after : 4,
    };
}

#endif
