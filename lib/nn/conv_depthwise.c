/* SPDX-License-Identifier: MIT */
/* Depthwise convolution, each channel with its own kernel (Howard et al., "MobileNets", 2017):
 * there is no sum over channels, so it is not a matrix product. Vectors run over channels, and
 * several output pixels of a row share each vector of weights. Prepared weights are [taps,
 * channels]. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/conv.h"
#include "nn/kernel/vector.h"
#include <string.h>

enum {
    PIXELS = 4,            /* of a row, computed together */
    TASK_FLOATS = 1 << 13, /* fewest output floats of a task */
    MOST_PARTIALS = 16,    /* most chunks of images, and so partial weight gradients, backward */
};

static size_t taps_of(const td_conv *c) {
    return c->window.kernel_h * c->window.kernel_w;
}

/* The position of tap k (without the omitted ones) in its full kernel of *area. */
static size_t place_of(const td_conv *c, size_t k, size_t *area) {
    const td_window *w = &c->window;
    const size_t whole_w = w->kernel_w + c->skip_left + c->skip_right;
    *area = (w->kernel_h + c->skip_top + c->skip_bottom) * whole_w;
    return (k / w->kernel_w + c->skip_top) * whole_w + k % w->kernel_w + c->skip_left;
}

static size_t prepared(const td_conv *c) {
    return taps_of(c) * c->in.channels;
}

static void prepare(const td_conv *c, const td_run *run) {
    const size_t channels = c->in.channels;
    for (size_t k = 0; k < taps_of(c); k++) {
        size_t area;
        const size_t place = place_of(c, k, &area);
        for (size_t i = 0; i < channels; i++)
            run->prepared[k * channels + i] = run->params[0][i * area + place];
    }
}

typedef struct pass {
    const td_conv *conv;
    const td_run *run;
    size_t images; /* of a chunk, backward */
} pass;

/* The elements [*from, *to) of a kernel of `kernel` along an axis that are within the image, for a
 * window that begins at `at` of the padded image. */
static void clip(size_t at, size_t pad, size_t kernel, size_t in, size_t *from, size_t *to) {
    *from = at < pad ? td_size_min(pad - at, kernel) : 0;
    *to = at >= in + pad ? 0 : td_size_min(kernel, in + pad - at);
    *to = td_size_max(*from, *to);
}

/* Neighbouring pixels of an output row whose windows use the same part of the kernel. */
typedef struct stretch {
    const float *x, *weight; /* the first ones of the first pixel's window */
    float *y;                /* of the first pixel */
    size_t count, rows, columns;
} stretch;

/* Compile-time constants in the common cases, so that sums and distances stay in registers. */
typedef struct shape {
    size_t pixels, columns, stride; /* computed together; of the kernel; to the next pixel */
} shape;

TD_INLINE void sum_pixels(const pass *p, const stretch *s, shape n, size_t at, size_t c,
                          td_lane_mask lanes) {
    const td_conv *conv = p->conv;
    const size_t channels = conv->in.channels, row = conv->in.width * channels;
    const size_t weight_row = conv->window.kernel_w * channels;
    const float *bias = p->run->params[1];
    const float *x = s->x + at * n.stride * channels + c, *weight = s->weight + c;
    float *y = s->y + at * channels + c;
    const td_vec start = bias ? td_vec_load_lanes(bias + c, lanes) : td_vec_set(0);
    td_vec sum[PIXELS];
    TD_UNROLL
    for (size_t i = 0; i < n.pixels; i++)
        sum[i] = start;
    for (size_t rows = s->rows; rows > 0; rows--, x += row, weight += weight_row)
        for (size_t k = 0; k < n.columns; k++) {
            const td_vec by = td_vec_load_lanes(weight + k * channels, lanes);
            TD_UNROLL
            for (size_t i = 0; i < n.pixels; i++)
                sum[i] = td_vec_fma(td_vec_load_lanes(x + (i * n.stride + k) * channels, lanes), by,
                                    sum[i]);
        }
    TD_UNROLL
    for (size_t i = 0; i < n.pixels; i++)
        td_vec_store_lanes(y + i * channels, td_vec_clip(p->run->bounds, sum[i]), lanes);
}

TD_INLINE void sum_lanes(const pass *p, const stretch *s, shape n, size_t c, td_lane_mask lanes) {
    size_t at = 0;
    for (; at + n.pixels <= s->count; at += n.pixels)
        sum_pixels(p, s, n, at, c, lanes);
    if (at + 2 <= s->count) {
        sum_pixels(p, s, (shape){2, n.columns, n.stride}, at, c, lanes);
        at += 2;
    }
    if (at < s->count)
        sum_pixels(p, s, (shape){1, n.columns, n.stride}, at, c, lanes);
}

TD_INLINE void sum_channels(const pass *p, const stretch *s, shape n) {
    const size_t channels = p->conv->in.channels, whole = channels / TD_LANES * TD_LANES;
    const td_lane_mask all = td_first_lanes(TD_LANES);
    for (size_t c = 0; c < whole; c += TD_LANES)
        sum_lanes(p, s, n, c, all);
    if (whole < channels)
        sum_lanes(p, s, n, whole, td_first_lanes(channels - whole));
}

static void sum_stretch(const pass *p, const stretch *s) {
    const size_t stride = p->conv->window.stride_w;
    if (s->columns == 3 && stride == 1)
        sum_channels(p, s, (shape){PIXELS, 3, 1});
    else if (s->columns == 3 && stride == 2)
        sum_channels(p, s, (shape){PIXELS, 3, 2});
    else
        sum_channels(p, s, (shape){PIXELS, s->columns, stride});
}

static void forward_row(const pass *p, size_t image, size_t oy) {
    const td_conv *c = p->conv;
    const td_window *w = &c->window;
    const size_t channels = c->in.channels;
    const float *x = p->run->in[0] + image * td_shape_size(c->in);
    float *y = p->run->out + (image * c->out.height + oy) * c->out.width * channels;
    size_t top, bottom, left, right, next_left, next_right;
    clip(oy * w->stride_h, w->pad_h, w->kernel_h, c->in.height, &top, &bottom);
    for (size_t ox = 0, count; ox < c->out.width; ox += count) {
        clip(ox * w->stride_w, w->pad_w, w->kernel_w, c->in.width, &left, &right);
        for (count = 1; ox + count < c->out.width; count++) {
            clip((ox + count) * w->stride_w, w->pad_w, w->kernel_w, c->in.width, &next_left,
                 &next_right);
            if (next_left != left || next_right != right)
                break;
        }
        const bool meets = top < bottom && left < right; /* the image, not only its padding */
        const size_t iy = meets ? oy * w->stride_h + top - w->pad_h : 0;
        const size_t ix = meets ? ox * w->stride_w + left - w->pad_w : 0;
        const stretch s = {.x = x + (iy * c->in.width + ix) * channels,
                           .weight = p->run->prepared + (top * w->kernel_w + left) * channels,
                           .y = y + ox * channels,
                           .count = count,
                           .rows = bottom - top,
                           .columns = right - left};
        sum_stretch(p, &s);
    }
}

static void forward_rows(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    (void)chunk, (void)thread;
    for (size_t row = begin; row < end; row++)
        forward_row(p, row / p->conv->out.height, row % p->conv->out.height);
}

static void forward(const td_conv *c, const td_run *run) {
    pass p = {.conv = c, .run = run};
    const size_t rows = td_chunks(TASK_FLOATS, c->out.width * c->out.channels);
    td_parallel_for(run->batch * c->out.height, rows, forward_rows, &p);
}

/* --- backward --- */

/* Calls body for each row of taps of each output pixel: x_at and y_at are the offsets of the row's
 * first existing pixel and of the output pixel, tap the first of `count`. */
#define FOR_EACH_TAP_ROW(c, body)                                                                  \
    for (size_t oy = 0; oy < (c)->out.height; oy++) {                                              \
        size_t top, bottom, left, right;                                                           \
        clip(oy * w->stride_h, w->pad_h, w->kernel_h, (c)->in.height, &top, &bottom);              \
        for (size_t ox = 0; ox < (c)->out.width; ox++) {                                           \
            const size_t y_at = (oy * (c)->out.width + ox) * channels;                             \
            clip(ox * w->stride_w, w->pad_w, w->kernel_w, (c)->in.width, &left, &right);           \
            for (size_t ky = top; ky < bottom; ky++) {                                             \
                const size_t iy = oy * w->stride_h + ky - w->pad_h;                                \
                const size_t ix = ox * w->stride_w + left - w->pad_w;                              \
                const size_t x_at = (iy * (c)->in.width + ix) * channels;                          \
                const size_t tap = (ky * w->kernel_w + left) * channels;                           \
                const size_t count = (right - left) * channels;                                    \
                body                                                                               \
            }                                                                                      \
        }                                                                                          \
    }

static void input_image(void *context, size_t image) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const td_window *w = &c->window;
    const size_t channels = c->in.channels;
    const float *dy = p->run->dout + image * td_shape_size(c->out);
    float *dx = p->run->din[0] + image * td_shape_size(c->in);
    memset(dx, 0, td_shape_size(c->in) * sizeof *dx);
    FOR_EACH_TAP_ROW(c, {
        for (size_t k = 0; k < count; k += channels) {
            float *restrict to = dx + x_at + k;
            const float *restrict weight = p->run->prepared + tap + k;
            const float *restrict from = dy + y_at;
            for (size_t i = 0; i < channels; i++)
                to[i] += weight[i] * from[i];
        }
    })
}

static size_t partial_floats(const td_conv *c) {
    return (taps_of(c) + 1) * c->in.channels;
}

/* The gradients of taps, followed by those of biases, over a chunk of images. */
static void weights_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const td_window *w = &c->window;
    const size_t channels = c->in.channels, pixels = c->out.height * c->out.width;
    float *dw = p->run->scratch + chunk * partial_floats(c), *db = dw + taps_of(c) * channels;
    (void)thread;
    memset(dw, 0, partial_floats(c) * sizeof *dw);
    for (size_t image = begin; image < end; image++) {
        const float *x = p->run->in[0] + image * td_shape_size(c->in);
        const float *dy = p->run->dout + image * td_shape_size(c->out);
        for (size_t i = 0; i < pixels; i++)
            for (size_t k = 0; k < channels; k++)
                db[k] += dy[i * channels + k];
        FOR_EACH_TAP_ROW(c, {
            for (size_t k = 0; k < count; k += channels) {
                float *restrict to = dw + tap + k;
                const float *restrict from = x + x_at + k;
                const float *restrict by = dy + y_at;
                for (size_t i = 0; i < channels; i++)
                    to[i] += from[i] * by[i];
            }
        })
    }
}

static size_t chunk_images(size_t batch) {
    return td_chunks(batch, MOST_PARTIALS);
}

static void reduce_channel(void *context, size_t i) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const size_t channels = c->in.channels, chunks = td_chunks(p->run->batch, p->images);
    size_t area;
    place_of(c, 0, &area);
    float *dw = p->run->dparams[0] + i * area;
    memset(dw, 0, area * sizeof *dw);
    for (size_t k = 0; k <= taps_of(c); k++) {
        float sum = 0;
        for (size_t chunk = 0; chunk < chunks; chunk++)
            sum += p->run->scratch[chunk * partial_floats(c) + k * channels + i];
        if (k < taps_of(c))
            dw[place_of(c, k, &area)] = sum;
        else if (p->run->dparams[1])
            p->run->dparams[1][i] = sum;
    }
}

static void backward(const td_conv *c, const td_run *run) {
    pass p = {.conv = c, .run = run, .images = chunk_images(run->batch)};
    if (run->dparams[0]) {
        td_parallel_for(run->batch, p.images, weights_chunk, &p);
        td_parallel_each(c->in.channels, reduce_channel, &p);
    }
    if (run->din[0])
        td_parallel_each(run->batch, input_image, &p);
}

static size_t scratch(const td_conv *c, size_t batch, bool backward) {
    return backward ? td_size_min(batch, MOST_PARTIALS) * partial_floats(c) : 0;
}

const td_conv_path td_conv_depthwise = {"depthwise", td_conv_separate, td_conv_separate, prepared,
                                        scratch,     prepare,          forward,          backward};
