/* SPDX-License-Identifier: MIT */
/* Geometry of a convolution operator, and the ways to compute it. */
#ifndef TD_NN_CONV_H
#define TD_NN_CONV_H

#include "nn/kernel/kernel.h"
#include "nn/window.h"

#define td_conv_toeplitz TD_KERNEL_NAME(td_conv_toeplitz)
#define td_conv_winograd TD_KERNEL_NAME(td_conv_winograd)
#define td_conv_direct TD_KERNEL_NAME(td_conv_direct)
#define td_conv_depthwise TD_KERNEL_NAME(td_conv_depthwise)
#define td_conv_pointwise TD_KERNEL_NAME(td_conv_pointwise)
#define td_conv_im2col TD_KERNEL_NAME(td_conv_im2col)
#define td_conv_paths TD_KERNEL_NAME(td_conv_paths)
#define td_conv_of TD_KERNEL_NAME(td_conv_of)

/* On small images some rows and columns of a kernel see only padding. `window` excludes them; the
 * weights do not. */
typedef struct td_conv {
    td_shape in, out;
    size_t groups; /* of input channels, each of which produces its share of the output channels */
    size_t pixel;  /* floats from one input pixel to the next */
    td_window window;
    size_t skip_top, skip_bottom, skip_left, skip_right; /* of the kernel */
} td_conv;

/* Whether no part of the kernel is left out. */
static inline bool td_conv_whole(const td_conv *c) {
    return c->skip_top + c->skip_bottom + c->skip_left + c->skip_right == 0;
}

/* Whether it has one group, the whole kernel, and the same padding on both sides. */
static inline bool td_conv_plain(const td_conv *c) {
    const td_window *w = &c->window;
    return td_conv_whole(c) && c->groups == 1 && w->pad_h == w->pad_bottom &&
           w->pad_w == w->pad_right;
}

/* Whether it is depthwise: each channel has its own group. */
static inline bool td_conv_separate(const td_conv *c) {
    return c->groups > 1 && c->groups == c->in.channels && c->groups == c->out.channels;
}

/* The convolution of one group; `pixel` stays. */
static inline td_conv td_conv_group(const td_conv *c) {
    td_conv group = *c;
    group.in.channels /= c->groups;
    group.out.channels /= c->groups;
    group.groups = 1;
    return group;
}

/* The run of a way whose prepared weights follow `floats` of another's. */
static inline td_run td_conv_run_after(const td_run *run, size_t floats) {
    td_run other = *run;
    other.prepared += floats;
    return other;
}

static inline size_t td_conv_taps(const td_conv *c) {
    return c->window.kernel_h * c->window.kernel_w * c->in.channels;
}

/* A way to compute convolutions; sizes in floats. The functions are those of td_op. */
typedef struct td_conv_path {
    const char *name;
    bool (*computes)(const td_conv *conv); /* whether it supports this convolution */
    bool (*pays)(const td_conv *conv);     /* whether it is faster than the paths after it */
    size_t (*prepared)(const td_conv *conv);
    size_t (*scratch)(const td_conv *conv, size_t batch, bool backward);
    void (*prepare)(const td_conv *conv, const td_run *run);
    void (*forward)(const td_conv *conv, const td_run *run);
    void (*backward)(const td_conv *conv, const td_run *run);
} td_conv_path;

extern const td_conv_path td_conv_toeplitz, td_conv_winograd, td_conv_direct, td_conv_depthwise,
    td_conv_pointwise, td_conv_im2col;

/* All paths, in order of preference; the last computes any convolution; ends with NULL. */
extern const td_conv_path *const td_conv_paths[];

/* The convolution of a conv node; `in` is the shape of its input. */
td_conv td_conv_of(const td_node *node, td_shape in);

#endif
