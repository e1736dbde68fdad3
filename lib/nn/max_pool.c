/* SPDX-License-Identifier: MIT */
/* The largest value of each window. Padding counts as smaller than any value. */
#include "base/parallel.h"
#include "nn/kernel/vector.h"
#include "nn/window.h"
#include <math.h>
#include <string.h>

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    (void)net;
    return td_window_infer_pool(node, in[0], error);
}

/* Calls `visit` for every input pixel of every window of one image, windows in order, the pixels of
 * a window row by row: (channel count, offset of the input pixel, offset of the output pixel). */
#define FOR_EACH_WINDOW_PIXEL(w, in, out, x_at, y_at, body)                                        \
    for (size_t oy = 0; oy < (out).height; oy++)                                                   \
        for (size_t ox = 0; ox < (out).width; ox++) {                                              \
            const size_t y_at = (oy * (out).width + ox) * (out).channels;                          \
            for (size_t ky = 0; ky < (w).kernel_h; ky++)                                           \
                for (size_t kx = 0; kx < (w).kernel_w; kx++) {                                     \
                    const size_t iy = oy * (w).stride_h + ky - (w).pad_h;                          \
                    const size_t ix = ox * (w).stride_w + kx - (w).pad_w;                          \
                    if (iy >= (in).height ||                                                       \
                        ix >= (in).width) /* a column left of 0 wraps to a huge one */             \
                        continue;                                                                  \
                    const size_t x_at = (iy * (in).width + ix) * (in).channels;                    \
                    body                                                                           \
                }                                                                                  \
        }

/* The common window is pooled with vectors, with the same results. An odd last row or column
 * belongs to no window. */
static bool is_2x2(const td_window *w, td_shape in, td_shape out) {
    return w->kernel_h == 2 && w->kernel_w == 2 && w->stride_h == 2 && w->stride_w == 2 &&
           w->pad_h == 0 && w->pad_w == 0 && out.height == in.height / 2 &&
           out.width == in.width / 2;
}

/* `mask` is of whole lanes. */
TD_INLINE td_vec choose(td_vec_bits mask, td_vec yes, td_vec no) {
    return (td_vec)((mask & (td_vec_bits)yes) | (~mask & (td_vec_bits)no));
}

/* The larger, the first of equals; a NaN if either is a NaN. */
TD_INLINE td_vec larger(td_vec first, td_vec second) {
    return choose((td_vec_bits)(second > first) | (td_vec_bits)(second != second), second, first);
}

/* One vector of a window, whose row stride is `row` floats. */
TD_INLINE void pool(const float *x, size_t row, size_t channels, td_lane_mask lanes, float *y) {
    td_vec top = larger(td_vec_load_lanes(x, lanes), td_vec_load_lanes(x + channels, lanes));
    x += row;
    td_vec bottom = larger(td_vec_load_lanes(x, lanes), td_vec_load_lanes(x + channels, lanes));
    td_vec_store_lanes(y, larger(top, bottom), lanes);
}

static void forward_2x2(td_shape in, const float *x, float *y) {
    const size_t channels = in.channels, row = in.width * channels;
    const size_t whole = channels / TD_LANES * TD_LANES;
    const td_lane_mask all = td_first_lanes(TD_LANES);
    const td_lane_mask rest = td_first_lanes(channels - whole);
    for (size_t oy = 0; oy < in.height / 2; oy++, x += 2 * row) {
        const float *from = x;
        for (size_t ox = 0; ox < in.width / 2; ox++, from += 2 * channels, y += channels) {
            for (size_t c = 0; c < whole; c += TD_LANES)
                pool(from + c, row, channels, all, y + c);
            if (whole < channels)
                pool(from + whole, row, channels, rest, y + whole);
        }
    }
}

/* One pixel's part of a window's gradient: `left` if it is the maximum, leaving none for the
 * others. Adding 0 turns -0 into 0, as when adding to a cleared dx. */
TD_INLINE void give(const float *x, td_vec top, td_vec *left, td_lane_mask lanes, float *dx) {
    td_vec_bits here = (td_vec_bits)(td_vec_load_lanes(x, lanes) == top);
    td_vec share = (td_vec)(here & (td_vec_bits)*left);
    *left = (td_vec)(~here & (td_vec_bits)*left);
    td_vec_store_lanes(dx, share + (td_vec){0}, lanes);
}

/* One vector of a window. */
TD_INLINE void unpool(const float *x, const float *y, const float *dy, size_t row, size_t channels,
                      td_lane_mask lanes, float *dx) {
    td_vec top = td_vec_load_lanes(y, lanes), left = td_vec_load_lanes(dy, lanes);
    give(x, top, &left, lanes, dx);
    give(x + channels, top, &left, lanes, dx + channels);
    give(x + row, top, &left, lanes, dx + row);
    give(x + row + channels, top, &left, lanes, dx + row + channels);
}

static void backward_2x2(td_shape in, const float *x, const float *y, const float *dy, float *dx) {
    const size_t channels = in.channels, row = in.width * channels;
    const size_t whole = channels / TD_LANES * TD_LANES;
    const size_t pooled = in.width / 2 * 2 * channels; /* floats of a row that are in windows */
    const td_lane_mask all = td_first_lanes(TD_LANES);
    const td_lane_mask rest = td_first_lanes(channels - whole);
    for (size_t oy = 0; oy < in.height / 2; oy++, x += 2 * row, dx += 2 * row) {
        for (size_t at = 0; at < pooled; at += 2 * channels, y += channels, dy += channels) {
            for (size_t c = 0; c < whole; c += TD_LANES)
                unpool(x + at + c, y + c, dy + c, row, channels, all, dx + at + c);
            if (whole < channels)
                unpool(x + at + whole, y + whole, dy + whole, row, channels, rest, dx + at + whole);
        }
        memset(dx + pooled, 0, (row - pooled) * sizeof *dx);
        memset(dx + row + pooled, 0, (row - pooled) * sizeof *dx);
    }
    if (in.height % 2 > 0)
        memset(dx, 0, row * sizeof *dx);
}

static void forward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_window w = td_window_of_pool(run->node);
    const td_shape in = td_run_in_shape(run, 0), out = run->node->shape;
    const size_t channels = out.channels;
    const float *x = run->in[0] + image * td_shape_size(in);
    float *y = run->out + image * td_shape_size(out);
    if (is_2x2(&w, in, out)) {
        forward_2x2(in, x, y);
        return;
    }
    for (size_t i = 0; i < td_shape_size(out); i++)
        y[i] = -INFINITY;
    FOR_EACH_WINDOW_PIXEL(w, in, out, x_at, y_at, {
        const float *restrict from = x + x_at;
        float *restrict to = y + y_at;
        for (size_t c = 0; c < channels; c++)
            /* A NaN if either is a NaN, so that it is noticed. */
            to[c] = from[c] > to[c] || from[c] != from[c] ? from[c] : to[c];
    })
}

/* The gradient goes to the first pixel of the window that is the maximum. `left` is
 * what the current window has not given yet. */
static void backward_image(void *context, size_t image) {
    const td_run *run = context;
    const td_window w = td_window_of_pool(run->node);
    const td_shape in = td_run_in_shape(run, 0), out = run->node->shape;
    const size_t channels = out.channels;
    const float *x = run->in[0] + image * td_shape_size(in);
    const float *y = run->out + image * td_shape_size(out);
    const float *dy = run->dout + image * td_shape_size(out);
    float *dx = run->din[0] + image * td_shape_size(in);
    float *restrict left = run->scratch + td_thread() * channels;
    size_t current = SIZE_MAX;
    if (is_2x2(&w, in, out)) {
        backward_2x2(in, x, y, dy, dx);
        return;
    }
    memset(dx, 0, td_shape_size(in) * sizeof *dx);
    FOR_EACH_WINDOW_PIXEL(w, in, out, x_at, y_at, {
        const float *restrict from = x + x_at;
        const float *restrict top = y + y_at;
        float *restrict to = dx + x_at;
        if (y_at != current) {
            current = y_at;
            memcpy(left, dy + y_at, channels * sizeof *left);
        }
        for (size_t c = 0; c < channels; c++) {
            float share = from[c] == top[c] ? left[c] : 0.0f;
            to[c] += share;
            left[c] = from[c] == top[c] ? 0.0f : left[c];
        }
    })
}

static size_t scratch(const td_node *node, const td_shape *in, size_t batch, bool backward) {
    (void)in, (void)batch;
    return backward ? td_threads() * node->shape.channels : 0;
}

static void forward(const td_run *run) {
    td_parallel_each(run->batch, forward_image, (void *)run);
}

static void backward(const td_run *run) {
    if (run->din[0])
        td_parallel_each(run->batch, backward_image, (void *)run);
}

const td_op TD_OP(max_pool) = {
    .name = "max-pool",
    .doc = "The largest value of each window; padding counts as smaller than any",
    .formula = "y = max of x over the window",
    .shapes = "H×W×C → H'×W'×C, " TD_SHAPES_WINDOW("size"),
    .keys = {TD_KEYS_POOL_WINDOW},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .zero = true,
    .needs_in = true,
    .needs_out = true,
    .infer = infer,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
