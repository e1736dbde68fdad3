/* SPDX-License-Identifier: MIT */
/* Convolution of few input channels, by register blocks straight from the image: in NHWC the taps
 * of one kernel row lie side by side (a segment), so nothing has to be laid out first. Padded
 * images are copied into a frame of zeros, one per thread: a band of rows at a time in the forward
 * pass, whole images in the backward pass. With a stride, im2col computes the backward pass; its
 * prepared weights follow the others.
 *
 * In the forward pass, output channels are the lanes of a vector. If they would leave most lanes
 * empty, a group of neighbouring pixels shares a vector: its segment is longer accordingly, and
 * each pixel's weights are 0 at taps that belong only to the others. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/columns.h"
#include "nn/kernel/strided.h"
#include "nn/kernel/vector.h"
#include <string.h>

enum {
    MOST_CHANNELS = 16,      /* of the input */
    MOST_PAIRS = 256,        /* of input and output channels, where those are more */
    LEAST_WIDTH = 4,         /* of the output */
    FRAME_FLOATS = 16 << 10, /* of a band's frame in the forward pass: 64 KiB */
    BAND_FLOATS = 6 << 10,   /* of dy in a band of the backward pass: 24 KiB */
    BIAS_FLOATS = 256,       /* least floats of a row that bias gradients are summed in */
};

static size_t whole_vectors(size_t floats) {
    return td_chunks(floats, TD_LANES) * TD_LANES;
}

/* Sizes in floats. */
typedef struct layout {
    size_t group;            /* pixels that share a vector */
    size_t segment;          /* of a kernel row: kernel columns × input channels */
    size_t group_segment;    /* ... of a group */
    size_t group_columns;    /* group × output channels, rounded up to whole vectors */
    size_t padded_segment;   /* `segment`, rounded up to whole vectors */
    size_t pitch;            /* row stride of the image with its frame */
    bool framed;             /* padded, so that images are copied */
    bool lanes_are_taps;     /* for weight gradients, lanes are taps instead of output channels */
    size_t forward_weights;  /* [kernel row][group_segment][group_columns] */
    size_t backward_weights; /* [kernel row, last first][output channel][padded_segment] */
    size_t frame, columns, row, weights, biases; /* parts of a thread's scratch, in order */
} layout;

/* Pixels whose gradients are summed side by side, so that few channels still fill vectors. */
static size_t bias_pixels(size_t channels) {
    return td_chunks(BIAS_FLOATS, channels);
}

static bool strided(const td_conv *c) {
    return c->window.stride_h > 1 || c->window.stride_w > 1;
}

/* Floats of an input row in the windows of a group of neighbouring pixels. */
static size_t group_segment(const td_conv *c, size_t group) {
    return (c->window.kernel_w + (group - 1) * c->window.stride_w) * c->in.channels;
}

/* The group that takes the fewest multiplications a pixel. */
static size_t best_group(const td_conv *c) {
    size_t best = 1, best_cost = 0, most = td_size_min(TD_LANES, c->out.width);
    for (size_t group = 1; group <= most; group++) {
        size_t cost = group_segment(c, group) * td_chunks(group * c->out.channels, TD_LANES);
        if (group == 1 || cost * best < best_cost * group) {
            best = group;
            best_cost = cost;
        }
    }
    return best;
}

static layout layout_of(const td_conv *c) {
    const td_window *w = &c->window;
    const size_t in = c->in.channels, out = c->out.channels;
    layout l = {.group = best_group(c),
                .segment = w->kernel_w * in,
                .pitch = (c->in.width + 2 * w->pad_w) * in,
                .framed = w->pad_h > 0 || w->pad_w > 0};
    l.group_segment = group_segment(c, l.group);
    l.group_columns = whole_vectors(l.group * out);
    l.padded_segment = whole_vectors(l.segment);
    l.lanes_are_taps = out * td_chunks(l.segment, TD_LANES) < l.segment * td_chunks(out, TD_LANES);
    l.forward_weights = w->kernel_h * l.group_segment * l.group_columns;
    l.backward_weights = strided(c) ? 0 : w->kernel_h * out * l.padded_segment;
    l.frame = l.framed ? whole_vectors((c->in.height + 2 * w->pad_h) * l.pitch) : 0;
    l.columns = c->out.width * l.padded_segment;
    l.row = whole_vectors(l.pitch) + TD_LANES;
    l.weights = whole_vectors(td_columns_weights(c));
    l.biases = whole_vectors(td_size_max(bias_pixels(out) * out, l.group_columns));
    return l;
}

static size_t prepared(const td_conv *c) {
    layout l = layout_of(c);
    return l.forward_weights + (strided(c) ? td_conv_im2col.prepared(c) : l.backward_weights);
}

static size_t thread_floats(const layout *l) {
    return l->frame + l->columns + l->row + l->weights + l->biases;
}

static size_t scratch(const td_conv *c, size_t batch, bool backward) {
    const layout l = layout_of(c);
    const size_t own = td_threads() * thread_floats(&l);
    if (!backward)
        return own;
    if (strided(c))
        return td_size_max(own, td_conv_im2col.scratch(c, batch, true));
    return own + td_columns_scratch(c, batch, c->out.channels, true);
}

static void prepare(const td_conv *c, const td_run *run) {
    const layout l = layout_of(c);
    const size_t stride = c->window.stride_w, kernel_h = c->window.kernel_h,
                 kernel_w = c->window.kernel_w;
    const size_t in = c->in.channels, out = c->out.channels;
    float *forward = run->prepared, *backward = forward + l.forward_weights;
    const float *weight = run->params[0];
    memset(forward, 0, (l.forward_weights + l.backward_weights) * sizeof *forward);
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t ky = 0; ky < kernel_h; ky++)
                for (size_t kx = 0; kx < kernel_w; kx++, weight++) {
                    size_t back_row = (kernel_h - 1 - ky) * out + o;
                    if (l.backward_weights > 0)
                        backward[back_row * l.padded_segment + kx * in + i] = *weight;
                    for (size_t g = 0; g < l.group; g++) {
                        size_t tap = ky * l.group_segment + (kx + g * stride) * in + i;
                        forward[tap * l.group_columns + g * out + o] = *weight;
                    }
                }
    if (strided(c)) {
        const td_run other = td_conv_run_after(run, l.forward_weights);
        td_conv_im2col.prepare(c, &other);
    }
}

typedef struct pass {
    const td_conv *conv;
    const td_run *run;
    layout layout;
    size_t band_rows, bands; /* of an image's output rows, in the forward pass */
} pass;

/* A thread's scratch memory. */
typedef struct memory {
    float *frame, *columns, *row, *weights, *biases;
} memory;

static memory memory_of(const pass *p, size_t thread) {
    const layout *l = &p->layout;
    memory m = {.frame = p->run->scratch + thread * thread_floats(l)};
    m.columns = m.frame + l->frame;
    m.row = m.columns + l->columns;
    m.weights = m.row + l->row;
    m.biases = m.weights + l->weights;
    return m;
}

/* Rows [row, row + rows) of the padded image, made in `frame` unless there is no padding. */
static const float *frame_rows(const pass *p, size_t image, size_t row, size_t rows, float *frame) {
    const td_conv *c = p->conv;
    const td_window *w = &c->window;
    const size_t width = c->in.width * c->in.channels, pitch = p->layout.pitch;
    const float *x = p->run->in[0] + image * td_shape_size(c->in);
    if (!p->layout.framed)
        return x + row * width;
    memset(frame, 0, rows * pitch * sizeof *frame);
    for (size_t y = td_size_max(row, w->pad_h);
         y < td_size_min(row + rows, w->pad_h + c->in.height); y++)
        memcpy(frame + (y - row) * pitch + w->pad_w * c->in.channels, x + (y - w->pad_h) * width,
               width * sizeof *x);
    return frame;
}

static const float *frame_image(const pass *p, size_t image, float *frame) {
    return frame_rows(p, image, 0, p->conv->in.height + 2 * p->conv->window.pad_h, frame);
}

/* Fills in a product's vectors of `columns` columns side by side. */
static void set_columns(td_strided_product *product, size_t columns) {
    product->vectors = td_chunks(columns, TD_LANES);
    product->lanes = TD_LANES;
    product->last_lanes = columns - (product->vectors - 1) * TD_LANES;
    product->b_vector = product->c_vector = TD_LANES;
}

static void forward_rows(const pass *p, const float *x, size_t rows, const float *biases,
                         float *y) {
    const td_conv *c = p->conv;
    const layout *l = &p->layout;
    const size_t out = c->out.channels, width = c->out.width;
    const size_t groups = width / l->group, rest = width % l->group;
    td_strided_product product = {.outer = c->window.kernel_h,
                                  .a_row = l->group * c->window.stride_w * c->in.channels,
                                  .a_outer = l->pitch,
                                  .a_depth = 1,
                                  .b = p->run->prepared,
                                  .b_outer = l->group_segment * l->group_columns,
                                  .b_depth = l->group_columns,
                                  .c_row = l->group * out,
                                  .bias = biases,
                                  .bounds = &p->run->bounds};
    for (; rows > 0; rows--, x += c->window.stride_h * l->pitch, y += width * out) {
        product.a = x;
        product.c = y;
        product.rows = groups;
        product.depth = l->group_segment;
        set_columns(&product, l->group * out);
        td_strided_multiply(&product);
        if (rest > 0) { /* a partial group, whose segment ends with the row */
            product.a = x + groups * product.a_row;
            product.c = y + groups * product.c_row;
            product.rows = 1;
            product.depth = group_segment(c, rest);
            set_columns(&product, rest * out);
            td_strided_multiply(&product);
        }
    }
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const td_run *run = p->run;
    const td_window *w = &c->window;
    const size_t out = c->out.channels;
    const memory m = memory_of(p, thread);
    (void)chunk;
    memset(m.biases, 0, p->layout.biases * sizeof(float));
    for (size_t i = 0; run->params[1] && i < p->layout.group * out; i++)
        m.biases[i] = run->params[1][i % out];
    for (; begin < end; begin++) {
        const size_t image = begin / p->bands, row = begin % p->bands * p->band_rows;
        const size_t rows = td_size_min(p->band_rows, c->out.height - row);
        const float *x = frame_rows(p, image, row * w->stride_h,
                                    (rows - 1) * w->stride_h + w->kernel_h, m.frame);
        forward_rows(p, x, rows, m.biases,
                     run->out + (image * c->out.height + row) * c->out.width * out);
    }
}

static void forward(const td_conv *c, const td_run *run) {
    pass p = {.conv = c, .run = run, .layout = layout_of(c)};
    const size_t rows = td_size_max(1, FRAME_FLOATS / (c->window.stride_h * p.layout.pitch));
    p.bands = td_chunks(c->out.height, rows);
    p.band_rows = td_chunks(c->out.height, p.bands);
    p.bands = td_chunks(c->out.height, p.band_rows);
    td_parallel_for(run->batch * p.bands, td_columns_forward_images(c), forward_chunk, &p);
}

/* db += the sum of `pixels` pixels. `sums` is [bias_pixels][channels]. */
static void add_biases(float *db, const float *dy, size_t pixels, size_t channels, float *sums) {
    const size_t side = bias_pixels(channels), whole = pixels / side;
    if (side > 1 && whole > 1) {
        memset(sums, 0, side * channels * sizeof *sums);
        td_columns_add_rows(sums, dy, whole, side * channels);
        td_columns_add_rows(db, sums, side, channels);
        dy += whole * side * channels;
        pixels -= whole * side;
    }
    td_columns_add_rows(db, dy, pixels, channels);
}

/* The parts that all products of the weights' gradient share. */
static td_strided_product weights_product(const pass *p) {
    const td_conv *c = p->conv;
    const layout *l = &p->layout;
    const size_t in = c->in.channels, out = c->out.channels;
    td_strided_product product = {.depth = c->out.width, .a_row = 1};
    if (l->lanes_are_taps) {
        product.rows = out;
        product.a_outer = c->out.width * out;
        product.a_depth = out;
        product.b_outer = l->pitch;
        product.b_depth = in;
        product.c_row = l->segment;
        set_columns(&product, l->segment);
    } else {
        product.rows = l->segment;
        product.a_outer = l->pitch;
        product.a_depth = in;
        product.b_outer = c->out.width * out;
        product.b_depth = out;
        product.c_row = out;
        set_columns(&product, out);
    }
    return product;
}

/* dw (+)= the gradient from an image: [kernel row][tap][output channel], or, with taps in lanes,
 * [kernel row][output channel][tap]; db += that of the biases. Works in bands of dy that fit in the
 * level-1 cache. */
static void add_image(const pass *p, const float *x, const float *dy, bool add, float *dw,
                      float *db, float *sums) {
    const td_conv *c = p->conv;
    const layout *l = &p->layout;
    const size_t out_row = c->out.width * c->out.channels, plane = l->segment * c->out.channels;
    const size_t band = td_size_max(1, BAND_FLOATS / out_row);
    td_strided_product product = weights_product(p);
    /* Kernel rows of at most one vector are processed in pairs. */
    const bool together = l->lanes_are_taps && product.vectors == 1;
    if (together) {
        product.vectors = c->window.kernel_h;
        product.lanes = product.last_lanes;
        product.b_vector = l->pitch;
        product.c_vector = plane;
    }
    for (size_t y = 0; y < c->out.height; y += band) {
        product.outer = td_size_min(band, c->out.height - y);
        product.add = add || y > 0;
        add_biases(db, dy + y * out_row, product.outer * c->out.width, c->out.channels, sums);
        for (size_t ky = 0; ky < (together ? 1 : c->window.kernel_h); ky++) {
            const float *from = x + (y + ky) * l->pitch, *gradient = dy + y * out_row;
            product.a = l->lanes_are_taps ? gradient : from;
            product.b = l->lanes_are_taps ? from : gradient;
            product.c = dw + ky * plane;
            td_strided_multiply(&product);
        }
    }
}

/* From [kernel row][output channel][tap] to [kernel row][tap][output channel]. */
static void channels_last(const pass *p, const float *from, float *to) {
    const size_t out = p->conv->out.channels, segment = p->layout.segment;
    for (size_t ky = 0; ky < p->conv->window.kernel_h; ky++, from += segment * out)
        for (size_t tap = 0; tap < segment; tap++)
            for (size_t o = 0; o < out; o++)
                *to++ = from[o * segment + tap];
}

/* The scratch memory after the threads', laid out as in columns.h. */
static float *partials_of(const pass *p) {
    return p->run->scratch + td_threads() * thread_floats(&p->layout);
}

static void weights_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const size_t out = c->out.channels;
    const memory m = memory_of(p, thread);
    float *dw = td_columns_partial(c, partials_of(p), out, chunk);
    float *db = dw + td_columns_weights(c), *sum = p->layout.lanes_are_taps ? m.weights : dw;
    const float *dy = p->run->dout + begin * td_shape_size(c->out);
    memset(db, 0, out * sizeof *db);
    for (size_t image = begin; image < end; image++, dy += td_shape_size(c->out))
        add_image(p, frame_image(p, image, m.frame), dy, image > begin, sum, db, m.biases);
    if (p->layout.lanes_are_taps)
        channels_last(p, sum, dw);
}

/* A row of dx: for each output pixel its segment, summed over kernel rows; then the overlapping
 * segments are summed. */
static void input_row(const pass *p, const memory *m, const float *dy, size_t y, float *dx) {
    const td_conv *c = p->conv;
    const layout *l = &p->layout;
    const size_t in = c->in.channels, out = c->out.channels, kernel_h = c->window.kernel_h;
    const size_t framed_y = y + c->window.pad_h; /* = output row + kernel row */
    const size_t first = framed_y + 1 > kernel_h ? framed_y + 1 - kernel_h : 0;
    const size_t end = td_size_min(c->out.height, framed_y + 1);
    const size_t step = out * l->padded_segment;
    td_strided_product product = {.rows = c->out.width,
                                  .outer = end - first,
                                  .depth = out,
                                  .a = dy + first * c->out.width * out,
                                  .a_row = out,
                                  .a_outer = c->out.width * out,
                                  .a_depth = 1,
                                  .b = p->run->prepared + l->forward_weights +
                                       (kernel_h - 1 + first - framed_y) * step,
                                  .b_outer = step,
                                  .b_depth = l->padded_segment,
                                  .c = m->columns,
                                  .c_row = l->padded_segment};
    set_columns(&product, l->padded_segment);
    td_strided_multiply(&product);
    memset(m->row, 0, l->row * sizeof *m->row);
    for (size_t pixel = 0; pixel < c->out.width; pixel++)
        for (size_t j = 0; j < l->padded_segment; j += TD_LANES) {
            float *to = m->row + pixel * in + j;
            td_vec_store(to,
                         td_vec_load(to) + td_vec_load(m->columns + pixel * l->padded_segment + j));
        }
    memcpy(dx, m->row + c->window.pad_w * in, c->in.width * in * sizeof *dx);
}

static void input_image(void *context, size_t image) {
    const pass *p = context;
    const td_shape in = p->conv->in;
    const memory m = memory_of(p, td_thread());
    for (size_t y = 0; y < in.height; y++)
        input_row(p, &m, p->run->dout + image * td_shape_size(p->conv->out), y,
                  p->run->din[0] + image * td_shape_size(in) + y * in.width * in.channels);
}

static void backward(const td_conv *c, const td_run *run) {
    pass p = {.conv = c, .run = run, .layout = layout_of(c)};
    if (strided(c)) {
        const td_run other = td_conv_run_after(run, p.layout.forward_weights);
        td_conv_im2col.backward(c, &other);
        return;
    }
    if (run->dparams[0]) {
        td_parallel_for(run->batch, td_columns_backward_images(c, run->batch), weights_chunk, &p);
        td_columns_reduce(c, partials_of(&p), run->batch, c->out.channels, run->dparams[0],
                          run->dparams[1]);
    }
    if (run->din[0])
        td_parallel_each(run->batch, input_image, &p);
}

static bool computes(const td_conv *c) {
    const td_window *w = &c->window;
    return td_conv_plain(c) && w->kernel_h * w->kernel_w > 1;
}

/* Rows of fewer than 4 pixels leave most accumulators idle: there im2col is at least as fast, and 4
 * times as fast at one pixel. From 4 on this is 1.15 to 8 times as fast, the more the fewer the
 * channels. */
static bool pays(const td_conv *c) {
    return c->out.width >= LEAST_WIDTH &&
           (c->in.channels <= MOST_CHANNELS || c->in.channels * c->out.channels <= MOST_PAIRS);
}

const td_conv_path td_conv_direct = {"direct", computes, pays,    prepared,
                                     scratch,  prepare,  forward, backward};
