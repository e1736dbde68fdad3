/* SPDX-License-Identifier: MIT */
/* 3×3 kernels on images of 2×2 pixels, padded by 1. Along one direction that is a product with a
 * Toeplitz matrix,
 *     y0 = w1·x0 + w2·x1 = w1·(x0 + x1) + (w2 − w1)·x1
 *     y1 = w0·x0 + w1·x1 = w1·(x0 + x1) + (w0 − w1)·x0,
 * three products instead of four, and so nine per pair of channels in two directions: as many as a
 * kernel has weights, while Winograd's tiles of 4×4 outputs need 36.
 *
 * Images are processed in slabs, which bounds the scratch. Values in the transform domain are
 * stored as [point][image][channel]; transformed weights at [panel of
 * outputs][point][input][output]. */
#include "base/parallel.h"
#include "nn/conv.h"
#include "nn/kernel/panel.h"

enum {
    POINTS = 9,
    PIXELS = 4,
    SLAB = 128,                                     /* images */
    TASK_ROWS = 48,                                 /* input channels of a backward task */
    PREPARE_INPUTS = 16,                            /* input channels of a preparation task */
    DU_POINT = TASK_ROWS * TD_PANEL + TD_CACHE_LINE /* between points of a weight task */
};

typedef struct pass {
    const td_conv *conv;
    const td_run *run;
    size_t in, out, batch;
    size_t first, count;               /* the slab's images */
    size_t in_row, out_row, image_row; /* strides of images and, transposed, of channels */
    float *input;                      /* [point][image][in] */
    float *gradient;                   /* [point][image][out] */
    float *transposed;                 /* [point][out][image] */
    float *threads;                    /* for each thread */
    size_t thread_floats;
} pass;

/* One line more than the values need: rows at a power of two apart would share few sets of the
 * cache. */
static size_t row_floats(size_t count) {
    return td_size_round_up(count, TD_PANEL) + TD_CACHE_LINE;
}

static size_t panel_floats(size_t rows) {
    return POINTS * td_panel_floats(rows);
}

static size_t product_floats(size_t images) {
    return images * TD_PANEL + TD_CACHE_LINE;
}

/* Floats that a thread needs: products of a panel in the forward pass, of some input channels and
 * of some weights in the backward pass. */
static size_t thread_floats(size_t images, bool backward) {
    size_t floats = product_floats(images);
    if (backward)
        floats = td_size_max(floats, TASK_ROWS * row_floats(images) + TD_CACHE_LINE);
    return POINTS * floats;
}

static size_t prepared(const td_conv *c) {
    return td_panels(c->out.channels) * panel_floats(c->in.channels);
}

static size_t scratch(const td_conv *c, size_t batch, bool backward) {
    size_t images = td_size_round_up(td_size_min(batch, SLAB), TD_LANES);
    size_t in = c->in.channels, out = c->out.channels;
    size_t floats =
        td_threads() * thread_floats(images, backward) + images * row_floats(in) * POINTS;
    if (backward)
        floats += POINTS * (images * row_floats(out) + out * row_floats(images));
    return floats;
}

static pass make_pass(const td_conv *c, const td_run *run, bool backward) {
    size_t images = td_size_round_up(td_size_min(run->batch, SLAB), TD_LANES);
    pass p = {.conv = c,
              .run = run,
              .in = c->in.channels,
              .out = c->out.channels,
              .batch = run->batch,
              .in_row = row_floats(c->in.channels),
              .out_row = row_floats(c->out.channels),
              .image_row = row_floats(images),
              .threads = run->scratch,
              .thread_floats = thread_floats(images, backward)};
    p.input = p.threads + td_threads() * p.thread_floats;
    p.gradient = p.input + POINTS * images * p.in_row;
    p.transposed = p.gradient + POINTS * images * p.out_row;
    return p;
}

/* to[3] = (a + b, a, b), and its adjoint. */
TD_INLINE void transform_pair(td_vec a, td_vec b, td_vec *to, size_t step) {
    to[0] = a + b;
    to[step] = a;
    to[2 * step] = b;
}

TD_INLINE void transform_back_triple(const td_vec *from, size_t step, td_vec *a, td_vec *b) {
    *a = from[0] + from[step];
    *b = from[0] + from[2 * step];
}

/* The points of some channels of an image; pixels are in reverse order for an input. */
TD_INLINE void transform_image(const float *from, size_t channels, size_t lanes, bool backwards,
                               td_vec *points) {
    td_vec pixels[PIXELS], half[6];
    TD_UNROLL
    for (size_t i = 0; i < PIXELS; i++) {
        const float *pixel = from + (backwards ? PIXELS - 1 - i : i) * channels;
        pixels[i] = lanes < TD_LANES ? td_vec_load_part(pixel, lanes) : td_vec_load(pixel);
    }
    transform_pair(pixels[0], pixels[1], half, 1);
    transform_pair(pixels[2], pixels[3], half + 3, 1);
    TD_UNROLL
    for (size_t i = 0; i < 3; i++)
        transform_pair(half[i], half[3 + i], points + i, 3);
}

TD_INLINE void transform_image_back(const float *from, size_t point, td_vec *pixels) {
    td_vec points[POINTS], half[6];
    TD_UNROLL
    for (size_t i = 0; i < POINTS; i++)
        points[i] = td_vec_load(from + i * point);
    TD_UNROLL
    for (size_t i = 0; i < 3; i++)
        transform_back_triple(points + i, 3, &half[i], &half[3 + i]);
    transform_back_triple(half, 1, &pixels[0], &pixels[1]);
    transform_back_triple(half + 3, 1, &pixels[2], &pixels[3]);
}

static void transform_input(void *context, size_t image) {
    const pass *p = context;
    const size_t point = p->count * p->in_row;
    const float *x = p->run->in[0] + (p->first + image) * PIXELS * p->in;
    for (size_t c = 0; c < p->in; c += TD_LANES) {
        td_vec points[POINTS];
        transform_image(x + c, p->in, p->in - c, true, points);
        for (size_t i = 0; i < POINTS; i++)
            td_vec_store(p->input + i * point + image * p->in_row + c, points[i]);
    }
}

/* TD_LANES channels from `channel` on of TD_LANES images, of which `images` exist. */
static void transform_square(const pass *p, size_t image, size_t images, size_t channel) {
    float square[POINTS][TD_LANES][TD_LANES] = {{{0}}};
    const size_t lanes = td_size_min(TD_LANES, p->out - channel);
    for (size_t l = 0; l < images; l++) {
        const float *dy = p->run->dout + (p->first + image + l) * PIXELS * p->out + channel;
        td_vec points[POINTS];
        transform_image(dy, p->out, lanes, false, points);
        for (size_t i = 0; i < POINTS; i++) {
            td_vec_store(p->gradient + (i * p->count + image + l) * p->out_row + channel,
                         points[i]);
            td_vec_store(square[i][l], points[i]);
        }
    }
    for (size_t i = 0; p->run->din[0] && i < POINTS; i++)
        for (size_t c = 0; c < lanes; c++) {
            float *to = p->transposed + (i * p->out + channel + c) * p->image_row + image;
            for (size_t l = 0; l < TD_LANES; l++)
                to[l] = square[i][l][c];
        }
}

/* Items are TD_LANES images of the slab. */
static void transform_both(void *context, size_t item) {
    const pass *p = context;
    const size_t first = item * TD_LANES, images = td_size_min(TD_LANES, p->count - first);
    for (size_t image = first; p->run->dparams[0] && image < first + images; image++)
        transform_input(context, image);
    for (size_t c = 0; c < p->out; c += TD_LANES)
        transform_square(p, first, images, c);
}

/* TD_LANES channels of y from `channel` on. */
static void transform_output(const pass *p, const float *products, size_t point, size_t channel) {
    const size_t lanes = td_size_min(TD_LANES, p->out - channel);
    td_vec bias = {0};
    if (p->run->params[1])
        bias = td_vec_load_part(p->run->params[1] + channel, lanes);
    for (size_t image = 0; image < p->count; image++) {
        float *y = p->run->out + (p->first + image) * PIXELS * p->out + channel;
        td_vec pixels[PIXELS];
        transform_image_back(products + image * TD_PANEL, point, pixels);
        TD_UNROLL
        for (size_t i = 0; i < PIXELS; i++) {
            td_vec value = pixels[i] + bias;
            value = td_vec_clip(p->run->bounds, value);
            if (lanes < TD_LANES)
                td_vec_store_part(y + i * p->out, value, lanes);
            else
                td_vec_store(y + i * p->out, value);
        }
    }
}

/* A panel of the output. */
static void forward_panel(void *context, size_t panel) {
    const pass *p = context;
    float *products = p->threads + td_thread() * p->thread_floats;
    const size_t point = product_floats(p->count);
    const float *weights = p->run->prepared + panel * panel_floats(p->in);
    const size_t channel = panel * TD_PANEL;
    for (size_t i = 0; i < POINTS; i++)
        td_panel_multiply(&(td_panel_product){.rows = p->count,
                                              .columns = p->out - channel,
                                              .depth = p->in,
                                              .a = p->input + i * p->count * p->in_row,
                                              .a_row = p->in_row,
                                              .a_depth = 1,
                                              .b = weights + i * td_panel_floats(p->in),
                                              .b_depth = TD_PANEL,
                                              .c = products + i * point,
                                              .c_row = TD_PANEL});
    for (size_t c = 0; c < td_size_min(TD_PANEL, p->out - channel); c += TD_LANES)
        transform_output(p, products + c, point, channel + c);
}

static void forward(const td_conv *c, const td_run *run) {
    pass p = make_pass(c, run, false);
    for (p.first = 0; p.first < p.batch; p.first += SLAB) {
        p.count = td_size_min(SLAB, p.batch - p.first);
        td_parallel_each(p.count, transform_input, &p);
        td_parallel_each(td_panels(p.out), forward_panel, &p);
    }
}

/* dbias of one panel (+)= the sum of its gradients. */
static void add_bias(const pass *p, size_t panel) {
    const size_t begin = panel * TD_PANEL, end = td_size_min(p->out, begin + TD_PANEL);
    float *sums = p->run->dparams[1];
    if (p->first == 0)
        memset(sums + begin, 0, (end - begin) * sizeof *sums);
    for (size_t pixel = p->first * PIXELS; pixel < (p->first + p->count) * PIXELS; pixel++)
        for (size_t c = begin; c < end; c++)
            sums[c] += p->run->dout[pixel * p->out + c];
}

/* Converts gradients to kernels, in place: w0 = u2, w1 = u0 − u1 − u2, w2 = u1 in each direction.
 * `du` is [point][row][column], TD_LANES of its columns. */
TD_INLINE void transform_kernels_back(float *du, size_t point) {
    td_vec half[3][3];
    TD_UNROLL
    for (size_t i = 0; i < 3; i++) {
        td_vec u0 = td_vec_load(du + i * point), u1 = td_vec_load(du + (3 + i) * point);
        half[0][i] = td_vec_load(du + (6 + i) * point);
        half[1][i] = u0 - u1 - half[0][i];
        half[2][i] = u1;
    }
    TD_UNROLL
    for (size_t i = 0; i < 3; i++) {
        float *taps = du + 3 * i * point;
        td_vec_store(taps, half[i][2]);
        td_vec_store(taps + point, half[i][0] - half[i][1] - half[i][2]);
        td_vec_store(taps + 2 * point, half[i][1]);
    }
}

/* dw (+)= the kernels of `rows` input channels from `row` on and a panel of output channels. */
static void store_weights(const pass *p, float *du, size_t row, size_t rows, size_t panel) {
    const size_t columns = td_size_min(TD_PANEL, p->out - panel * TD_PANEL);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c += TD_LANES)
            transform_kernels_back(du + r * TD_PANEL + c, DU_POINT);
    for (size_t c = 0; c < columns; c++) {
        float *dw = p->run->dparams[0] + ((panel * TD_PANEL + c) * p->in + row) * 9;
        for (size_t r = 0; r < rows; r++, dw += 9)
            for (size_t tap = 0; tap < 9; tap++) {
                const float value = du[tap * DU_POINT + r * TD_PANEL + c];
                dw[tap] = p->first > 0 ? dw[tap] + value : value;
            }
    }
}

/* Tasks: TASK_ROWS input channels by one panel of output channels. */
static void weight_task(void *context, size_t task) {
    const pass *p = context;
    const size_t panels = td_panels(p->out);
    float *du = p->threads + td_thread() * p->thread_floats;
    size_t row = task / panels * TASK_ROWS, panel = task % panels;
    size_t rows = td_size_min(TASK_ROWS, p->in - row);
    for (size_t i = 0; i < POINTS; i++)
        td_panel_multiply(
            &(td_panel_product){.rows = rows,
                                .columns = p->out - panel * TD_PANEL,
                                .depth = p->count,
                                .a = p->input + i * p->count * p->in_row + row,
                                .a_row = 1,
                                .a_depth = p->in_row,
                                .b = p->gradient + i * p->count * p->out_row + panel * TD_PANEL,
                                .b_depth = p->out_row,
                                .c = du + i * DU_POINT,
                                .c_row = TD_PANEL});
    store_weights(p, du, row, rows, panel);
    if (row == 0 && p->run->dparams[1])
        add_bias(p, panel);
}

/* One point of the input's gradient, transposed: c [row][image] = weights · dy. */
static void multiply_rows(const pass *p, size_t point, size_t row, size_t rows, float *c) {
    for (size_t image = 0; image < p->count; image += TD_PANEL)
        for (size_t panel = 0; panel < td_panels(p->out); panel++)
            td_panel_multiply(&(td_panel_product){
                .rows = rows,
                .columns = p->count - image,
                .depth = td_size_min(TD_PANEL, p->out - panel * TD_PANEL),
                .a = p->run->prepared + panel * panel_floats(p->in) +
                     point * td_panel_floats(p->in) + row * TD_PANEL,
                .a_row = TD_PANEL,
                .a_depth = 1,
                .b = p->transposed + (point * p->out + panel * TD_PANEL) * p->image_row + image,
                .b_depth = p->image_row,
                .c = c + image,
                .c_row = p->image_row,
                .add = panel > 0});
}

/* Input channels begin … end − 1. */
static void input_rows(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    const size_t point = TASK_ROWS * p->image_row + TD_CACHE_LINE;
    float *products = p->threads + thread * p->thread_floats;
    (void)chunk;
    for (size_t i = 0; i < POINTS; i++)
        multiply_rows(p, i, begin, end - begin, products + i * point);
    for (size_t image = 0; image < p->count; image += TD_LANES) {
        const size_t images = td_size_min(TD_LANES, p->count - image);
        float *dx = p->run->din[0] + (p->first + image) * PIXELS * p->in;
        for (size_t row = begin; row < end; row++) {
            td_vec pixels[PIXELS];
            transform_image_back(products + (row - begin) * p->image_row + image, point, pixels);
            for (size_t i = 0; i < PIXELS; i++)
                for (size_t l = 0; l < images; l++)
                    dx[(l * PIXELS + PIXELS - 1 - i) * p->in + row] = pixels[i][l];
        }
    }
}

static void backward(const td_conv *c, const td_run *run) {
    pass p = make_pass(c, run, true);
    for (p.first = 0; p.first < p.batch; p.first += SLAB) {
        p.count = td_size_min(SLAB, p.batch - p.first);
        td_parallel_each(td_chunks(p.count, TD_LANES), transform_both, &p);
        if (run->dparams[0])
            td_parallel_each(td_chunks(p.in, TASK_ROWS) * td_panels(p.out), weight_task, &p);
        if (run->din[0])
            td_parallel_for(p.in, td_even_chunk(p.in, TASK_ROWS, TD_PANEL_ROWS / 3), input_rows,
                            &p);
    }
}

/* u0 = w1, u1 = w2 − w1, u2 = w0 − w1 in each direction, for `inputs` input channels of one panel;
 * kernels are [tap][input][output]. */
static void transform(float kernels[9][PREPARE_INPUTS][TD_PANEL], size_t inputs, float *to,
                      size_t point) {
    for (size_t row = 0; row < inputs; row++)
        for (size_t c = 0; c < TD_PANEL; c += TD_LANES) {
            td_vec half[3][3];
            TD_UNROLL
            for (size_t i = 0; i < 3; i++) {
                td_vec w0 = td_vec_load(&kernels[i][row][c]);
                td_vec w1 = td_vec_load(&kernels[3 + i][row][c]);
                td_vec w2 = td_vec_load(&kernels[6 + i][row][c]);
                half[0][i] = w1;
                half[1][i] = w2 - w1;
                half[2][i] = w0 - w1;
            }
            TD_UNROLL
            for (size_t i = 0; i < 3; i++) {
                float *u = to + i * 3 * point + row * TD_PANEL + c;
                td_vec_store(u, half[i][1]);
                td_vec_store(u + point, half[i][2] - half[i][1]);
                td_vec_store(u + 2 * point, half[i][0] - half[i][1]);
            }
        }
}

/* Tasks: PREPARE_INPUTS input channels of one panel, panel after panel. */
static void prepare_task(void *context, size_t task) {
    const pass *p = context;
    const size_t blocks = td_chunks(p->in, PREPARE_INPUTS);
    float kernels[9][PREPARE_INPUTS][TD_PANEL] = {{{0}}};
    const size_t panel = task / blocks, row = task % blocks * PREPARE_INPUTS;
    const size_t columns = td_size_min(TD_PANEL, p->out - panel * TD_PANEL);
    const size_t inputs = td_size_min(PREPARE_INPUTS, p->in - row);
    for (size_t c = 0; c < columns; c++) {
        const float *from = p->run->params[0] + ((panel * TD_PANEL + c) * p->in + row) * 9;
        for (size_t r = 0; r < inputs; r++)
            for (size_t tap = 0; tap < 9; tap++)
                kernels[tap][r][c] = from[r * 9 + tap];
    }
    transform(kernels, inputs, p->run->prepared + panel * panel_floats(p->in) + row * TD_PANEL,
              td_panel_floats(p->in));
}

static void prepare(const td_conv *c, const td_run *run) {
    pass p = {.run = run, .in = c->in.channels, .out = c->out.channels};
    td_parallel_each(td_panels(p.out) * td_chunks(p.in, PREPARE_INPUTS), prepare_task, &p);
}

static bool computes(const td_conv *c) {
    const td_window *w = &c->window;
    return td_conv_plain(c) && w->kernel_h == 3 && w->kernel_w == 3 && w->stride_h == 1 &&
           w->stride_w == 1 && w->pad_h == 1 && w->pad_w == 1 && c->in.height == 2 &&
           c->in.width == 2;
}

static bool pays(const td_conv *c) {
    return c->in.channels >= 8 && c->out.channels >= 8;
}

const td_conv_path td_conv_toeplitz = {"toeplitz", computes, pays,    prepared,
                                       scratch,    prepare,  forward, backward};
