/* SPDX-License-Identifier: MIT */
/* The mean of each window, as PyTorch's AvgPool2d: padding counts as zeros, or with
 * count_include_pad=0 is excluded. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/window.h"
#include <string.h>

enum { COUNT_INCLUDE_PAD = 4 };

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net;
    return td_window_infer_pool(node, in[0], error);
}

/* The input pixels of an output pixel's window: rows [top, bottom), columns [left, right). */
typedef struct part {
    size_t top, bottom, left, right;
    float share; /* of each pixel in the mean */
} part;

static part part_of(const td_node *node, const td_window *w, td_shape in, size_t oy, size_t ox) {
    const size_t y = oy * w->stride_h, x = ox * w->stride_w; /* in the padded input */
    part p = {.top = td_size_max(y, w->pad_h) - w->pad_h,
              .bottom = td_size_min(y + w->kernel_h - w->pad_h, in.height),
              .left = td_size_max(x, w->pad_w) - w->pad_w,
              .right = td_size_min(x + w->kernel_w - w->pad_w, in.width)};
    size_t height = p.bottom - p.top, width = p.right - p.left;
    if (td_node_count(node, COUNT_INCLUDE_PAD)) { /* positions beyond the padding never count */
        height = td_size_min(w->kernel_h, in.height + w->pad_h + w->pad_bottom - y);
        width = td_size_min(w->kernel_w, in.width + w->pad_w + w->pad_right - x);
    }
    p.share = 1.0f / (float)(height * width);
    return p;
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_window w = td_window_of_pool(run->node);
    const td_shape in = td_run_in_shape(run, 0), out = run->node->shape;
    const size_t channels = out.channels;
    const float *image_in = run->in[0] + image * td_shape_size(in);
    float *restrict y = run->out + image * td_shape_size(out);
    for (size_t oy = 0; oy < out.height; oy++)
        for (size_t ox = 0; ox < out.width; ox++, y += channels) {
            const part p = part_of(run->node, &w, in, oy, ox);
            memset(y, 0, channels * sizeof *y);
            for (size_t iy = p.top; iy < p.bottom; iy++)
                for (size_t ix = p.left; ix < p.right; ix++) {
                    const float *restrict x = image_in + (iy * in.width + ix) * channels;
                    for (size_t c = 0; c < channels; c++)
                        y[c] += x[c];
                }
            for (size_t c = 0; c < channels; c++)
                y[c] *= p.share;
        }
}

static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_window w = td_window_of_pool(run->node);
    const td_shape in = td_run_in_shape(run, 0), out = run->node->shape;
    const size_t channels = out.channels;
    const float *restrict dy = run->dout + image * td_shape_size(out);
    float *image_din = run->din[0] + image * td_shape_size(in);
    memset(image_din, 0, td_shape_size(in) * sizeof *image_din);
    for (size_t oy = 0; oy < out.height; oy++)
        for (size_t ox = 0; ox < out.width; ox++, dy += channels) {
            const part p = part_of(run->node, &w, in, oy, ox);
            for (size_t iy = p.top; iy < p.bottom; iy++)
                for (size_t ix = p.left; ix < p.right; ix++) {
                    float *restrict dx = image_din + (iy * in.width + ix) * channels;
                    for (size_t c = 0; c < channels; c++)
                        dx[c] += p.share * dy[c];
                }
        }
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(avg_pool) = {
    .name = "avg-pool",
    .doc = "The mean of each window (as PyTorch's AvgPool2d)",
    .formula = "y = mean of x over the window",
    .shapes = "H×W×C → H'×W'×C, " TD_SHAPES_WINDOW("size"),
    .keys = {TD_KEYS_POOL_WINDOW,
             {.name = "count_include_pad",
              .kind = TD_KEY_COUNT,
              .most = 1,
              .standard = "1",
              .help = "Whether padding counts, as zeros"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .zero = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
