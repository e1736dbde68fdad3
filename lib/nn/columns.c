/* SPDX-License-Identifier: MIT */
#include "nn/columns.h"

#include "base/parallel.h"
#include "base/size.h"
#include <string.h>

enum {
    STRIP_FLOATS = 48 << 10, /* columns of one strip: 192 KiB */
    STRIP_PIXELS = 64,       /* fewest output pixels of a strip */
    FORWARD_PIXELS = 256,    /* fewest output pixels of a forward chunk of images */
    BACKWARD_PIXELS = 256,   /* ... and of a backward chunk, which has a partial weight gradient */
    MOST_PARTIALS = 16,      /* most chunks of images, and so partial weight gradients, backward */
    PARTIAL_FLOATS = 24 << 20, /* ... and most floats of all of them */
    OUTPUT_CHUNK = 16          /* output channels: one cache line */
};

size_t td_columns_rows(const td_conv *c) {
    return td_size_max(td_chunks(STRIP_PIXELS, c->out.width),
                       STRIP_FLOATS / (c->out.width * td_conv_taps(c)));
}

size_t td_columns_floats(const td_conv *c) {
    return td_columns_rows(c) * c->out.width * td_conv_taps(c);
}

size_t td_columns_weights(const td_conv *c) {
    return td_conv_taps(c) * c->out.channels;
}

size_t td_columns_forward_images(const td_conv *c) {
    return td_size_max(1, FORWARD_PIXELS / (c->out.height * c->out.width));
}

/* Grows with the batch; at least the number of chunks for that many images. */
static size_t most_partials(const td_conv *c, size_t batch) {
    size_t pixels = batch * c->out.height * c->out.width;
    size_t partials = td_size_min(MOST_PARTIALS, pixels / BACKWARD_PIXELS);
    return td_size_max(1, td_size_min(partials, PARTIAL_FLOATS / td_columns_weights(c)));
}

size_t td_columns_backward_images(const td_conv *c, size_t batch) {
    return td_chunks(batch, most_partials(c, batch));
}

size_t td_columns_scratch(const td_conv *c, size_t batch, size_t biases, bool backward) {
    return td_threads() * td_columns_floats(c) +
           (backward ? most_partials(c, batch) * (td_columns_weights(c) + biases) : 0);
}

float *td_columns_partial(const td_conv *c, float *scratch, size_t biases, size_t chunk) {
    return scratch + td_threads() * td_columns_floats(c) + chunk * (td_columns_weights(c) + biases);
}

/* One kernel row of one output pixel's window: its existing input columns [*from, *to), as offsets
 * into the kernel row. */
static void clip_columns(const td_conv *c, size_t ox, size_t *from, size_t *to) {
    size_t left = ox * c->window.stride_w; /* in the padded input */
    *from = left < c->window.pad_w ? td_size_min(c->window.pad_w - left, c->window.kernel_w) : 0;
    size_t end = c->in.width + c->window.pad_w;
    *to = left >= end ? 0 : td_size_min(c->window.kernel_w, end - left);
    if (*to < *from)
        *to = *from;
}

static void move_piece(const float *x_in, float *x_add, size_t at, float *columns, size_t count) {
    if (!x_add) {
        memcpy(columns, x_in + at, count * sizeof *columns);
        return;
    }
    float *restrict x = x_add + at;
    const float *restrict column = columns;
    for (size_t i = 0; i < count; i++)
        x[i] += column[i];
}

/* Copies between the input x of a chunk of images and the columns of output rows [row, row + rows):
 * from x to columns or, if x_add is given, adds the columns (read only) to x_add. */
static void move_columns(const td_conv *c, const float *x_in, float *x_add, float *columns,
                         size_t row, size_t rows) {
    const td_window *w = &c->window;
    const size_t channels = c->in.channels, segment = w->kernel_w * channels;
    const bool together = c->pixel == channels; /* a row of pixels is one copy */
    for (size_t r = row; r < row + rows; r++) {
        size_t image = r / c->out.height, oy = r % c->out.height;
        for (size_t ox = 0; ox < c->out.width; ox++) {
            size_t from, to;
            clip_columns(c, ox, &from, &to);
            for (size_t ky = 0; ky < w->kernel_h; ky++, columns += segment) {
                size_t iy =
                    oy * w->stride_h + ky - w->pad_h; /* a negative row wraps to a huge one */
                size_t first = from * channels, count = (to - from) * channels;
                if (iy >= c->in.height || count == 0) {
                    if (!x_add)
                        memset(columns, 0, segment * sizeof *columns);
                    continue;
                }
                size_t at = ((image * c->in.height + iy) * c->in.width + ox * w->stride_w + from -
                             w->pad_w) *
                            c->pixel;
                if (!x_add && count < segment)
                    memset(columns, 0, segment * sizeof *columns);
                const size_t piece = together ? count : channels;
                for (size_t i = 0; i < count; i += piece, at += c->pixel)
                    move_piece(x_in, x_add, at, columns + first + i, piece);
            }
        }
    }
}

void td_columns_gather(const td_conv *c, const float *x, float *columns, size_t row, size_t rows) {
    move_columns(c, x, NULL, columns, row, rows);
}

void td_columns_scatter(const td_conv *c, const float *columns, float *x, size_t row, size_t rows) {
    move_columns(c, NULL, x, (float *)columns, row, rows);
}

/* The position of tap k (numbered by kernel row, without the omitted ones) of one input and one
 * output channel in the full kernel. */
static size_t kernel_place(const td_conv *c, size_t k) {
    const td_window *w = &c->window;
    size_t row = k / w->kernel_w + c->skip_top, column = k % w->kernel_w + c->skip_left;
    return row * (w->kernel_w + c->skip_left + c->skip_right) + column;
}

static size_t kernel_area(const td_conv *c) {
    return (c->window.kernel_h + c->skip_top + c->skip_bottom) *
           (c->window.kernel_w + c->skip_left + c->skip_right);
}

typedef struct preparation {
    const td_conv *conv;
    const float *oihw;
    float *prepared;
} preparation;

static void prepare_outputs(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const preparation *p = context;
    const td_conv *c = p->conv;
    const size_t taps = c->window.kernel_h * c->window.kernel_w, area = kernel_area(c);
    const size_t in = c->in.channels, out = c->out.channels;
    (void)chunk, (void)thread;
    for (size_t i = 0; i < in; i++)
        for (size_t k = 0; k < taps; k++) {
            const float *from = p->oihw + i * area + kernel_place(c, k);
            float *to = p->prepared + (k * in + i) * out;
            for (size_t o = begin; o < end; o++)
                to[o] = from[o * in * area];
        }
}

void td_columns_prepare(const td_conv *c, const float *oihw, float *prepared) {
    preparation p = {c, oihw, prepared};
    td_parallel_for(c->out.channels, OUTPUT_CHUNK, prepare_outputs, &p);
}

typedef struct reduction {
    const td_conv *conv;
    const float *partials;
    size_t chunks, biases;
    float *dw;
} reduction;

static void reduce_outputs(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const reduction *r = context;
    const td_conv *c = r->conv;
    const size_t taps = c->window.kernel_h * c->window.kernel_w, area = kernel_area(c);
    const size_t in = c->in.channels, n = c->out.channels;
    const size_t stride = td_columns_weights(c) + r->biases;
    (void)chunk, (void)thread;
    if (taps < area)
        memset(r->dw + begin * in * area, 0, (end - begin) * in * area * sizeof(float));
    for (size_t i = 0; i < in; i++)
        for (size_t k = 0; k < taps; k++) {
            const float *from = r->partials + (k * in + i) * n;
            float *to = r->dw + i * area + kernel_place(c, k), sums[OUTPUT_CHUNK] = {0};
            for (size_t part = 0; part < r->chunks; part++)
                for (size_t o = begin; o < end; o++)
                    sums[o - begin] += from[part * stride + o];
            for (size_t o = begin; o < end; o++)
                to[o * in * area] = sums[o - begin];
        }
}

void td_columns_reduce(const td_conv *c, float *scratch, size_t batch, size_t biases, float *dw,
                       float *db) {
    size_t chunks = td_chunks(batch, td_columns_backward_images(c, batch));
    reduction r = {c, td_columns_partial(c, scratch, biases, 0), chunks, biases, dw};
    td_parallel_for(c->out.channels, OUTPUT_CHUNK, reduce_outputs, &r);
    for (size_t i = 0; db && i < biases; i++) {
        db[i] = 0;
        for (size_t part = 0; part < chunks; part++)
            db[i] += td_columns_partial(c, scratch, biases, part)[td_columns_weights(c) + i];
    }
}

void td_columns_add_rows(float *restrict sum, const float *restrict rows, size_t count, size_t n) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < n; j++)
            sum[j] += rows[i * n + j];
}
