/* SPDX-License-Identifier: MIT */
/* Convolution with a 1×1 kernel and stride 1: the channels of each pixel times the weights. The
 * image is read in place, and every result is stored once, with its bias and ReLU. The backward
 * pass uses im2col's products.
 *
 * Prepared weights are [vector of output channels][input channel][lane], with a cache line of
 * padding between vectors, because strides of a power of two would share few sets of the cache. The
 * biases follow, then im2col's prepared weights. */
#include "base/parallel.h"
#include "nn/conv.h"
#include "nn/kernel/strided.h"
#include "nn/kernel/vector.h"
#include <string.h>

enum {
    STRIP_FLOATS = 16 << 10, /* of the input that a task reads: 64 KiB */
    STRIP_ROWS = 48,         /* least pixels of a task, where there are enough tasks */
    LEAST_ROWS = 24,         /* ... and where there are not */
    ENOUGH_TASKS = 16,       /* where there are fewer, output channels are divided, too */
    BLOCK_VECTORS = 4,       /* least vectors of output channels of a task */
    MOST_WEIGHTS = 512 << 10
};

static size_t vectors_of(const td_conv *c) {
    return td_chunks(c->out.channels, TD_LANES);
}

/* Stride in floats between the weights of vectors. */
static size_t vector_floats(const td_conv *c) {
    return c->in.channels * TD_LANES + TD_CACHE_LINE;
}

static size_t own_floats(const td_conv *c) {
    return vectors_of(c) * (vector_floats(c) + TD_LANES);
}

static size_t prepared(const td_conv *c) {
    return own_floats(c) + td_conv_im2col.prepared(c);
}

static size_t scratch(const td_conv *c, size_t batch, bool backward) {
    return backward ? td_conv_im2col.scratch(c, batch, true) : 0;
}

static void prepare(const td_conv *c, const td_run *run) {
    const size_t in = c->in.channels, vector = vector_floats(c);
    float *biases = run->prepared + vectors_of(c) * vector;
    memset(run->prepared, 0, own_floats(c) * sizeof *run->prepared);
    for (size_t o = 0; o < c->out.channels; o++) {
        float *to = run->prepared + o / TD_LANES * vector + o % TD_LANES;
        for (size_t i = 0; i < in; i++)
            to[i * TD_LANES] = run->params[0][o * in + i];
        biases[o] = run->params[1] ? run->params[1][o] : 0;
    }
    const td_run other = td_conv_run_after(run, own_floats(c));
    td_conv_im2col.prepare(c, &other);
}

typedef struct pass {
    const td_conv *conv;
    const td_run *run;
    size_t pixels, strip_pixels; /* in all images; in a task */
    size_t blocks, block_vectors;
} pass;

static void forward_task(void *context, size_t number) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const size_t in = c->in.channels, out = c->out.channels, vector = vector_floats(c);
    const size_t pixel = number / p->blocks * p->strip_pixels;
    const size_t first = number % p->blocks * p->block_vectors;
    const size_t vectors = td_size_min(p->block_vectors, vectors_of(c) - first);
    const size_t channels = td_size_min(vectors * TD_LANES, out - first * TD_LANES);
    td_strided_multiply(
        &(td_strided_product){.rows = td_size_min(p->strip_pixels, p->pixels - pixel),
                              .outer = 1,
                              .depth = in,
                              .vectors = vectors,
                              .lanes = TD_LANES,
                              .last_lanes = channels - (vectors - 1) * TD_LANES,
                              .a = p->run->in[0] + pixel * in,
                              .a_row = in,
                              .a_depth = 1,
                              .b = p->run->prepared + first * vector,
                              .b_vector = vector,
                              .b_depth = TD_LANES,
                              .c = p->run->out + pixel * out + first * TD_LANES,
                              .c_row = out,
                              .c_vector = TD_LANES,
                              .bias = p->run->prepared + vectors_of(c) * vector + first * TD_LANES,
                              .bounds = &p->run->bounds});
}

static void forward(const td_conv *c, const td_run *run) {
    pass p = {.conv = c, .run = run, .pixels = run->batch * c->out.height * c->out.width};
    const size_t vectors = vectors_of(c);
    size_t strips =
        td_size_max(1, p.pixels / td_size_max(STRIP_ROWS, STRIP_FLOATS / c->in.channels));
    const size_t blocks =
        td_size_min(td_chunks(ENOUGH_TASKS, strips), td_size_max(1, vectors / BLOCK_VECTORS));
    strips =
        td_size_max(strips, td_size_min(td_chunks(ENOUGH_TASKS, blocks), p.pixels / LEAST_ROWS));
    p.strip_pixels = td_chunks(p.pixels, strips);
    p.block_vectors = td_chunks(vectors, blocks);
    p.blocks = td_chunks(vectors, p.block_vectors);
    strips = td_chunks(p.pixels, p.strip_pixels);
    td_parallel_each(strips * p.blocks, forward_task, &p);
}

static void backward(const td_conv *c, const td_run *run) {
    const td_run other = td_conv_run_after(run, own_floats(c));
    td_conv_im2col.backward(c, &other);
}

static bool computes(const td_conv *c) {
    const td_window *w = &c->window;
    return td_conv_plain(c) && w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 &&
           w->stride_w == 1 && w->pad_h == 0 && w->pad_w == 0;
}

/* OpenBLAS packs its operands, which pays if they are read often: with more weights than a level-2
 * cache holds. Up to that size this is 1.0 to 1.7 times as fast, the more the fewer the channels.
 */
static bool pays(const td_conv *c) {
    return c->in.channels * c->out.channels <= MOST_WEIGHTS;
}

const td_conv_path td_conv_pointwise = {"pointwise", computes, pays,    prepared,
                                        scratch,     prepare,  forward, backward};
