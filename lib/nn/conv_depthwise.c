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

/* Part of an output row: `count` pixels from column `ox` on, whose windows see rows [top, bottom)
 * and columns [left, right) of the kernel. */
typedef struct stretch {
    const float *x; /* the image's */
    float *y;       /* of the first pixel */
    size_t oy, ox, count, top, bottom, left, right;
} stretch;

/* `pixels` is a constant at each call, so that the accumulators stay in registers. */
TD_INLINE void sum_pixels(const pass *p, const stretch *s, size_t pixels, size_t c,
                          td_lane_mask lanes) {
    const td_conv *conv = p->conv;
    const td_window *w = &conv->window;
    const size_t channels = conv->in.channels, step = w->stride_w * channels;
    const float *bias = p->run->params[1];
    const td_vec start = bias ? td_vec_load_lanes(bias + c, lanes) : td_vec_set(0);
    td_vec sum[PIXELS];
    TD_UNROLL
    for (size_t i = 0; i < pixels; i++)
        sum[i] = start;
    for (size_t ky = s->top; ky < s->bottom; ky++) {
        const size_t iy = s->oy * w->stride_h + ky - w->pad_h;
        const float *x =
            s->x + (iy * conv->in.width + s->ox * w->stride_w + s->left - w->pad_w) * channels + c;
        const float *weight = p->run->prepared + (ky * w->kernel_w + s->left) * channels + c;
        for (size_t kx = s->left; kx < s->right; kx++, x += channels, weight += channels) {
            const td_vec by = td_vec_load_lanes(weight, lanes);
            TD_UNROLL
            for (size_t i = 0; i < pixels; i++)
                sum[i] = td_vec_fma(td_vec_load_lanes(x + i * step, lanes), by, sum[i]);
        }
    }
    TD_UNROLL
    for (size_t i = 0; i < pixels; i++)
        td_vec_store_lanes(s->y + i * channels + c, td_vec_clip(p->run->bounds, sum[i]), lanes);
}

TD_INLINE void sum_stretch(const pass *p, const stretch *s, size_t pixels) {
    const size_t channels = p->conv->in.channels, whole = channels / TD_LANES * TD_LANES;
    const td_lane_mask all = td_first_lanes(TD_LANES);
    for (size_t c = 0; c < whole; c += TD_LANES)
        sum_pixels(p, s, pixels, c, all);
    if (whole < channels)
        sum_pixels(p, s, pixels, whole, td_first_lanes(channels - whole));
}

static void forward_row(const pass *p, size_t image, size_t oy) {
    const td_conv *c = p->conv;
    const td_window *w = &c->window;
    stretch s = {.x = p->run->in[0] + image * td_shape_size(c->in),
                 .y = p->run->out + (image * c->out.height + oy) * c->out.width * c->out.channels,
                 .oy = oy};
    clip(oy * w->stride_h, w->pad_h, w->kernel_h, c->in.height, &s.top, &s.bottom);
    while (s.ox < c->out.width) {
        const size_t last = (s.ox + PIXELS - 1) * w->stride_w;
        const bool whole = s.ox + PIXELS <= c->out.width && s.ox * w->stride_w >= w->pad_w &&
                           last + w->kernel_w <= c->in.width + w->pad_w;
        clip(s.ox * w->stride_w, w->pad_w, w->kernel_w, c->in.width, &s.left, &s.right);
        if (whole)
            sum_stretch(p, &s, PIXELS);
        else
            sum_stretch(p, &s, 1);
        const size_t done = whole ? PIXELS : 1;
        s.ox += done;
        s.y += done * c->out.channels;
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
