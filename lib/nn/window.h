/* The arithmetic of sliding windows, shared by convolution and pooling. */
#ifndef TD_NN_WINDOW_H
#define TD_NN_WINDOW_H

#include "nn/op.h"

/* height_* and width_*: kernel size, stride and padding along each axis. */
typedef struct td_window {
    size_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
} td_window;

/* The keys of convolutions and of pools, in this order; a convolution's end with the bias. */
#define TD_KEYS_CONVOLUTION                                                                        \
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
        .name = "pad", .kind = TD_KEY_PAIR, .most = 1024, .standard = "0",                         \
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
    {                                                                                              \
        .name = "pad", .kind = TD_KEY_PAIR, .most = 512, .standard = "0",                          \
        .help = "Pixels added on each side, at most half of size"                                  \
    }

/* Words for td_op.shapes. */
#define TD_SHAPES_WINDOW(size) "H' = ⌊(H + 2·pad − " size ") / stride⌋ + 1, W' alike"

/* From three values of a node: kernel, stride, pad. A stride of 0 means the kernel's size. */
static inline td_window td_window_of(const td_setting *kernel, const td_setting *stride,
                                     const td_setting *pad) {
    return (td_window){
        .kernel_h = kernel->pair.first,
        .kernel_w = kernel->pair.second,
        .stride_h = stride->pair.first > 0 ? stride->pair.first : kernel->pair.first,
        .stride_w = stride->pair.second > 0 ? stride->pair.second : kernel->pair.second,
        .pad_h = pad->pair.first,
        .pad_w = pad->pair.second,
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
