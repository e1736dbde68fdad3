/* The arithmetic of sliding windows, shared by convolution and pooling. */
#ifndef TD_NN_WINDOW_H
#define TD_NN_WINDOW_H

#include "nn/op.h"

/* height_* and width_*: kernel size, stride and padding along each axis. */
typedef struct td_window {
    size_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
} td_window;

/* From three values of a node: kernel, stride, pad. A stride of 0 means the kernel's size. */
static inline td_window td_window_of(const td_value *kernel, const td_value *stride,
                                     const td_value *pad) {
    return (td_window){
        .kernel_h = (size_t)kernel->first,
        .kernel_w = (size_t)kernel->second,
        .stride_h = (size_t)(stride->first > 0 ? stride->first : kernel->first),
        .stride_w = (size_t)(stride->second > 0 ? stride->second : kernel->second),
        .pad_h = (size_t)pad->first,
        .pad_w = (size_t)pad->second,
    };
}

/* Height and width of the output (channels are left to the caller). */
static inline td_status td_window_infer(const td_window *w, td_shape in, td_shape *out,
                                        td_error *error) {
    if (in.height + 2 * w->pad_h < w->kernel_h || in.width + 2 * w->pad_w < w->kernel_w)
        return td_fail(error, TD_ERR_FORMAT,
                       "a %zu×%zu window does not fit its input of %zu×%zu×%zu", w->kernel_h,
                       w->kernel_w, in.height, in.width, in.channels);
    out->height = (in.height + 2 * w->pad_h - w->kernel_h) / w->stride_h + 1;
    out->width = (in.width + 2 * w->pad_w - w->kernel_w) / w->stride_w + 1;
    return TD_OK;
}

#endif
