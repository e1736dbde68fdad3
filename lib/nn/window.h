/* SPDX-License-Identifier: MIT */
/* Sliding windows, shared by convolution and pooling. */
#ifndef TD_NN_WINDOW_H
#define TD_NN_WINDOW_H

#include "base/size.h"
#include "nn/op.h"

/* Kernel size, stride and padding along each axis: padding before the image, which shifts
 * positions, and after it. */
typedef struct td_window {
    size_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, pad_bottom, pad_right;
    bool ceil; /* the last window may extend past the padding's end if it begins before that */
} td_window;

/* The keys of convolutions and of pools, in this order; `sides` is the kind of the pad key. A
 * convolution's keys end with the bias. */
#define TD_KEYS_CONVOLUTION(sides)                                                                 \
    {.name = "out",                                                                                \
     .kind = TD_KEY_COUNT,                                                                         \
     .least = 1,                                                                                   \
     .most = 1 << 20,                                                                              \
     .required = true,                                                                             \
     .help = "Channels that it makes"},                                                            \
        {.name = "kernel",                                                                         \
         .kind = TD_KEY_PAIR,                                                                      \
         .least = 1,                                                                               \
         .most = 1024,                                                                             \
         .required = true,                                                                         \
         .help = "Height and width of the kernel"},                                                \
        {.name = "stride",                                                                         \
         .kind = TD_KEY_PAIR,                                                                      \
         .least = 1,                                                                               \
         .most = 1024,                                                                             \
         .standard = "1",                                                                          \
         .help = "Pixels from one window to the next"},                                            \
    {                                                                                              \
        .name = "pad", .kind = sides, .most = 1024, .standard = "0",                               \
        .help = "Zeros added on each side"                                                         \
    }

#define TD_KEY_BIAS                                                                                \
    {                                                                                              \
        .name = "bias", .kind = TD_KEY_COUNT, .most = 1, .standard = "1",                          \
        .help = "Whether a learnt number is added to each channel"                                 \
    }

#define TD_KEYS_POOL_WINDOW                                                                        \
    {.name = "size",                                                                               \
     .kind = TD_KEY_PAIR,                                                                          \
     .least = 1,                                                                                   \
     .most = 1024,                                                                                 \
     .required = true,                                                                             \
     .help = "Height and width of the window"},                                                    \
        {.name = "stride",                                                                         \
         .kind = TD_KEY_PAIR,                                                                      \
         .most = 1024,                                                                             \
         .standard = "0",                                                                          \
         .help = "Pixels from one window to the next; 0 is size"},                                 \
        {.name = "pad",                                                                            \
         .kind = TD_KEY_SIDES,                                                                     \
         .most = 512,                                                                              \
         .standard = "0",                                                                          \
         .help = "Pixels added on each side, at most half of size"},                               \
    {                                                                                              \
        .name = "ceil", .kind = TD_KEY_COUNT, .most = 1, .standard = "0", .optional = true,        \
        .help = "Whether a last window may be partly outside (as PyTorch's ceil_mode)"             \
    }

/* Phrases for td_op.shapes. */
#define TD_SHAPES_WINDOW(size) "H' = ⌊(H + 2·pad − " size ") / stride⌋ + 1, W' alike"

/* The window from a node's kernel and stride. A stride of 0 means the kernel's size. */
static inline td_window td_window_of(const td_setting *kernel, const td_setting *stride) {
    return (td_window){
        .kernel_h = kernel->pair.first,
        .kernel_w = kernel->pair.second,
        .stride_h = stride->pair.first > 0 ? stride->pair.first : kernel->pair.first,
        .stride_w = stride->pair.second > 0 ? stride->pair.second : kernel->pair.second,
    };
}

/* The same with padding, a TD_KEY_SIDES. */
static inline td_window td_window_padded(const td_setting *kernel, const td_setting *stride,
                                         const td_setting *pad) {
    td_window w = td_window_of(kernel, stride);
    w.pad_h = pad->sides.top;
    w.pad_w = pad->sides.left;
    w.pad_bottom = pad->sides.bottom;
    w.pad_right = pad->sides.right;
    return w;
}

/* The window of a pool, whose keys begin with TD_KEYS_POOL_WINDOW. */
static inline td_window td_window_of_pool(const td_node *node) {
    td_window w = td_window_padded(&node->values[0], &node->values[1], &node->values[2]);
    w.ceil = node->values[3].count > 0;
    return w;
}

/* Number of windows along an axis; at least one fits. */
static inline size_t td_window_places(size_t in, size_t before, size_t after, size_t kernel,
                                      size_t stride, bool ceil) {
    const size_t rest = in + before + after - kernel;
    const size_t last = (rest + (ceil ? stride - 1 : 0)) / stride;
    return last - (ceil && last * stride >= in + before) + 1;
}

/* Height and width of the output (the caller sets the channels). */
static inline td_status td_window_infer(const td_window *w, td_shape in, td_shape *out,
                                        td_error *error) {
    if (in.height + w->pad_h + w->pad_bottom < w->kernel_h ||
        in.width + w->pad_w + w->pad_right < w->kernel_w)
        return td_fail(error, TD_ERR_FORMAT,
                       "a %zu×%zu window does not fit its input of %zu×%zu×%zu", w->kernel_h,
                       w->kernel_w, in.height, in.width, in.channels);
    out->height =
        td_window_places(in.height, w->pad_h, w->pad_bottom, w->kernel_h, w->stride_h, w->ceil);
    out->width =
        td_window_places(in.width, w->pad_w, w->pad_right, w->kernel_w, w->stride_w, w->ceil);
    return TD_OK;
}

/* The shape of a pool's output. */
static inline td_status td_window_infer_pool(td_node *node, td_shape in, td_error *error) {
    const td_window w = td_window_of_pool(node);
    const size_t pad_h = td_size_max(w.pad_h, w.pad_bottom);
    const size_t pad_w = td_size_max(w.pad_w, w.pad_right);
    if (pad_h > w.kernel_h / 2 || pad_w > w.kernel_w / 2)
        return td_fail(error, TD_ERR_FORMAT,
                       "a pad of %zu×%zu is more than half of the %zu×%zu window", pad_h, pad_w,
                       w.kernel_h, w.kernel_w);
    node->shape.channels = in.channels;
    return td_window_infer(&w, in, &node->shape, error);
}

#endif
