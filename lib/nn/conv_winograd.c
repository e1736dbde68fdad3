/* SPDX-License-Identifier: MIT */
/* Convolution by Winograd's minimal filtering, for 3×3 kernels of stride 1 (nn/winograd.h). */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/conv.h"
#include "nn/kernel/vector.h"
#include "nn/kernel/winograd.h"

static td_winograd winograd_of(const td_conv *c) {
    return (td_winograd){c->in.height, c->in.width, c->in.channels, c->out.channels,
                         c->window.pad_h};
}

static bool computes(const td_conv *c) {
    const td_window *w = &c->window;
    return td_conv_plain(c) && w->kernel_h == 3 && w->kernel_w == 3 && w->stride_h == 1 &&
           w->stride_w == 1 && w->pad_h == w->pad_w && w->pad_h <= 2;
}

/* On the smallest images a tile of 4×4 outputs is mostly padding: at 2×2 it is as fast as im2col,
 * at 1×1 much slower. Channels are computed TD_LANES at a time, and with few channels the
 * transforms cost more than the saved products: with 16 lanes the direct path is up to 2.2 times as
 * fast from 8 to 16 channels, with 4 lanes at most half as fast from 4 to 32 (bench_paths). */
enum { LEAST_INPUTS = TD_LANES > 4 ? 8 : 3, LEAST_PAIRS = TD_LANES > 8 ? 256 : 64 };

static bool pays(const td_conv *c) {
    return c->out.height > 1 && c->out.width > 1 && c->in.channels >= LEAST_INPUTS &&
           c->in.channels * c->out.channels >= LEAST_PAIRS;
}

static size_t prepared(const td_conv *c) {
    td_winograd g = winograd_of(c);
    return td_winograd_filter_floats(&g);
}

/* In the backward pass, the weights transformed for it come first: the prepared ones are kept for
 * the next forward pass. */
static size_t scratch(const td_conv *c, size_t batch, bool backward) {
    td_winograd g = winograd_of(c);
    return td_winograd_scratch_floats(&g, batch, td_threads()) +
           (backward ? td_winograd_filter_floats(&g) : 0);
}

static void prepare(const td_conv *c, const td_run *run) {
    td_winograd g = winograd_of(c);
    td_winograd_filters(&g, run->params[0], run->prepared);
}

static void forward(const td_conv *c, const td_run *run) {
    td_winograd g = winograd_of(c);
    td_winograd_forward(&g, run->batch, run->in[0], run->prepared, run->params[1], run->bounds,
                        run->out, run->scratch);
}

static void backward(const td_conv *c, const td_run *run) {
    td_winograd g = winograd_of(c);
    float *weights = run->scratch, *rest = run->scratch + td_winograd_filter_floats(&g);
    if (run->dparams[0])
        td_winograd_backward_weights(&g, run->batch, run->in[0], run->dout, run->dparams[0],
                                     run->dparams[1], rest);
    if (run->din[0]) {
        td_winograd_filters_backward(&g, run->params[0], weights);
        td_winograd_backward_input(&g, run->batch, run->dout, weights, run->din[0], rest);
    }
}

const td_conv_path td_conv_winograd = {"winograd", computes, pays,    prepared,
                                       scratch,    prepare,  forward, backward};
