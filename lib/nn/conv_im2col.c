/* SPDX-License-Identifier: MIT */
/* Any convolution as a matrix product. Per strip (columns.h):
 *     columns [pixels, taps] · weights [taps, out] = y [pixels, out],
 * group by group, each of which is a convolution of some channels. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/columns.h"
#include "nn/gemm.h"
#include <stdint.h>
#include <string.h>

/* Weights in the parameter, including those that see only padding. */
static size_t weights_of_group(const td_conv *c) {
    const td_window *w = &c->window;
    return (w->kernel_h + c->skip_top + c->skip_bottom) *
           (w->kernel_w + c->skip_left + c->skip_right) * (c->in.channels / c->groups) *
           (c->out.channels / c->groups);
}

static size_t prepared(const td_conv *c) {
    const td_conv group = td_conv_group(c);
    return c->groups * td_columns_weights(&group);
}

static size_t scratch(const td_conv *c, size_t batch, bool backward) {
    const td_conv group = td_conv_group(c);
    return td_columns_scratch(&group, batch, group.out.channels, backward);
}

static void prepare(const td_conv *c, const td_run *run) {
    const td_conv group = td_conv_group(c);
    for (size_t g = 0; g < c->groups; g++)
        td_columns_prepare(&group, run->params[0] + g * weights_of_group(c),
                           run->prepared + g * td_columns_weights(&group));
}

/* Work is cut into chunks of images. In the forward pass few chunks are cut into bands of strips,
 * and if there are few pixels into blocks of output channels as well: every block lays out its
 * columns again, which pays from 128 channels on. */
enum { BLOCK_CHANNELS = 128, ENOUGH_TASKS = 8, INPUT_PIXELS = 128 };

typedef struct pass {
    td_conv conv; /* of the group */
    const td_run *run;
    const float *x, *weights, *bias, *dy; /* of the group: its first channel, its part */
    float *y, *dx;
    size_t y_pixel;              /* floats from one output pixel to the next */
    size_t chunk_images, chunks; /* of images */
    size_t band_rows, bands;     /* of a chunk's output rows, a multiple of a strip's */
    size_t channels;             /* what blocks are of: of the output, or of the input */
    size_t block_channels, blocks;
    bool direct; /* x is its own columns: a 1×1 kernel, stride 1, no padding */
} pass;

static bool is_direct(const td_conv *c) {
    const td_window *w = &c->window;
    return w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1 &&
           w->pad_h == 0 && w->pad_w == 0 && c->in.height == c->out.height &&
           c->in.width == c->out.width;
}

static pass pass_of_group(const td_conv *c, const td_run *run, size_t group) {
    pass p = {
        .conv = td_conv_group(c), .run = run, .y_pixel = c->out.channels, .direct = is_direct(c)};
    const size_t in = group * p.conv.in.channels, out = group * p.conv.out.channels;
    p.x = run->in[0] + in;
    p.y = run->out + out;
    p.dx = run->din[0] ? run->din[0] + in : NULL;
    p.dy = run->dout ? run->dout + out : NULL;
    p.weights = run->prepared + group * td_columns_weights(&p.conv);
    p.bias = run->params[1] ? run->params[1] + out : NULL;
    return p;
}

static void cut(pass *p, size_t chunk_images, size_t channels, size_t most_bands) {
    const size_t rows = chunk_images * p->conv.out.height, step = td_columns_rows(&p->conv);
    const size_t strips = td_chunks(rows, step);
    p->chunk_images = chunk_images;
    p->channels = channels;
    p->chunks = td_chunks(p->run->batch, chunk_images);
    p->bands = td_size_min(td_size_min(most_bands, strips), td_chunks(ENOUGH_TASKS, p->chunks));
    p->band_rows = td_chunks(strips, p->bands) * step;
    p->bands = td_chunks(rows, p->band_rows);
    p->blocks = td_size_min(td_chunks(ENOUGH_TASKS, p->chunks * p->bands),
                            td_size_max(1, channels / BLOCK_CHANNELS));
    p->block_channels = td_chunks(channels, p->blocks);
}

static size_t tasks_of(const pass *p) {
    return p->chunks * p->bands * p->blocks;
}

/* One task: some images, some of their output rows, some channels. */
typedef struct task {
    size_t image, images; /* first, count */
    size_t row, end;      /* first, and behind the last, counted over all these images */
    size_t channel, channels;
    float *columns;
} task;

static task task_of(const pass *p, size_t number, size_t thread) {
    const size_t image = number / p->blocks / p->bands * p->chunk_images;
    const size_t row = number / p->blocks % p->bands * p->band_rows;
    const size_t channel = number % p->blocks * p->block_channels;
    const size_t images = td_size_min(p->chunk_images, p->run->batch - image);
    return (task){.image = image,
                  .images = images,
                  .row = row,
                  .end = td_size_min(row + p->band_rows, images * p->conv.out.height),
                  .channel = channel,
                  .channels = td_size_min(p->block_channels, p->channels - channel),
                  .columns = p->run->scratch + thread * td_columns_floats(&p->conv)};
}

/* Floats of an input image and an output image. */
static size_t x_image(const pass *p) {
    return p->conv.in.height * p->conv.in.width * p->conv.pixel;
}

static size_t y_image(const pass *p) {
    return p->conv.out.height * p->conv.out.width * p->y_pixel;
}

/* The columns of output rows [row, row + rows) of a task's images; their stride is columns_row
 * floats. */
static const float *columns_of(const pass *p, const task *t, size_t row, size_t rows) {
    const td_conv *c = &p->conv;
    const float *x = p->x + t->image * x_image(p);
    if (p->direct)
        return x + row * c->in.width * c->pixel;
    td_columns_gather(c, x, t->columns, row, rows);
    return t->columns;
}

static size_t columns_row(const pass *p) {
    return p->direct ? p->conv.pixel : td_conv_taps(&p->conv);
}

static void forward_task(void *context, size_t number) {
    const pass *p = context;
    const td_conv *c = &p->conv;
    const task t = task_of(p, number, td_thread());
    const size_t taps = td_conv_taps(c), n = c->out.channels, width = c->out.width;
    const size_t step = td_columns_rows(c);
    float *y = p->y + t.image * y_image(p) + t.channel;
    const float *bias = p->bias ? p->bias + t.channel : NULL;
    for (size_t row = t.row; row < t.end; row += step) {
        size_t rows = td_size_min(step, t.end - row), pixels = rows * width;
        float *strip = y + row * width * p->y_pixel;
        td_multiply(&(td_product){.m = pixels,
                                  .n = t.channels,
                                  .k = taps,
                                  .a = columns_of(p, &t, row, rows),
                                  .a_row = columns_row(p),
                                  .b = p->weights + t.channel,
                                  .b_row = n,
                                  .c = strip,
                                  .c_row = p->y_pixel});
        td_bias_clip(strip, pixels, t.channels, p->y_pixel, bias, p->run->bounds);
    }
}

static void forward(const td_conv *c, const td_run *run) {
    for (size_t g = 0; g < c->groups; g++) {
        pass p = pass_of_group(c, run, g);
        cut(&p, td_columns_forward_images(&p.conv), p.conv.out.channels, SIZE_MAX);
        td_parallel_each(tasks_of(&p), forward_task, &p);
    }
}

static void add_rows(float *sum, const float *rows, size_t count, size_t n, size_t row) {
    for (size_t i = 0; row > n && i < count; i++)
        td_columns_add_rows(sum, rows + i * row, 1, n);
    if (row == n)
        td_columns_add_rows(sum, rows, count, n);
}

/* The partial gradient of some weights over some images. */
static void weights_task(void *context, size_t number) {
    const pass *p = context;
    const td_conv *c = &p->conv;
    const task t = task_of(p, number, td_thread());
    const size_t taps = td_conv_taps(c), n = c->out.channels, width = c->out.width;
    const size_t step = td_columns_rows(c);
    const float *dy = p->dy + t.image * y_image(p);
    float *dw = td_columns_partial(c, p->run->scratch, n, number / p->blocks);
    float *db = dw + td_columns_weights(c);
    if (t.channel == 0) {
        memset(db, 0, n * sizeof *db);
        add_rows(db, dy, t.end * width, n, p->y_pixel);
    }
    for (size_t row = 0; row < t.end; row += step) {
        size_t rows = td_size_min(step, t.end - row), pixels = rows * width;
        td_multiply(&(td_product){.m = taps,
                                  .n = t.channels,
                                  .k = pixels,
                                  .a = columns_of(p, &t, row, rows),
                                  .a_row = columns_row(p),
                                  .transpose_a = true,
                                  .b = dy + row * width * p->y_pixel + t.channel,
                                  .b_row = p->y_pixel,
                                  .c = dw + t.channel,
                                  .c_row = n,
                                  .add = row > 0});
    }
}

/* The gradient with respect to some images' input or, if there are no columns, to some of its
 * channels. */
static void input_task(void *context, size_t number) {
    const pass *p = context;
    const task t = task_of(p, number, td_thread());
    const td_conv *c = &p->conv;
    const size_t taps = td_conv_taps(c), n = c->out.channels, width = c->out.width;
    const size_t step = td_columns_rows(c);
    const float *dy = p->dy + t.image * y_image(p);
    float *dx = p->dx + t.image * x_image(p);
    for (size_t row = 0; row < t.end; row += step) {
        size_t rows = td_size_min(step, t.end - row), pixels = rows * width;
        float *to = p->direct ? dx + row * width * c->pixel + t.channel : t.columns;
        td_multiply(&(td_product){.m = pixels,
                                  .n = p->direct ? t.channels : taps,
                                  .k = n,
                                  .a = dy + row * width * p->y_pixel,
                                  .a_row = p->y_pixel,
                                  .b = p->weights + t.channel * n,
                                  .b_row = n,
                                  .transpose_b = true,
                                  .c = to,
                                  .c_row = columns_row(p)});
        if (!p->direct)
            td_columns_scatter(c, t.columns, dx, row, rows);
    }
}

static void clear_image(void *context, size_t image) {
    const pass *p = context;
    memset(p->run->din[0] + image * x_image(p), 0, x_image(p) * sizeof(float));
}

static void backward_input(const td_conv *c, const td_run *run) {
    for (size_t g = 0; g < c->groups; g++) {
        pass p = pass_of_group(c, run, g);
        if (g == 0 && !p.direct)
            td_parallel_each(run->batch, clear_image, &p);
        cut(&p, td_chunks(INPUT_PIXELS, c->out.height * c->out.width),
            p.direct ? p.conv.in.channels : 1, 1);
        td_parallel_each(tasks_of(&p), input_task, &p);
    }
}

static void backward(const td_conv *c, const td_run *run) {
    for (size_t g = 0; run->dparams[0] && g < c->groups; g++) {
        pass p = pass_of_group(c, run, g);
        const size_t out = p.conv.out.channels;
        cut(&p, td_columns_backward_images(&p.conv, run->batch), out, 1);
        td_parallel_each(tasks_of(&p), weights_task, &p);
        td_columns_reduce(&p.conv, run->scratch, run->batch, out,
                          run->dparams[0] + g * weights_of_group(c),
                          run->dparams[1] ? run->dparams[1] + g * out : NULL);
    }
    if (run->din[0])
        backward_input(c, run);
}

static bool any(const td_conv *c) {
    (void)c;
    return true;
}

const td_conv_path td_conv_im2col = {"im2col", any,     any,     prepared,
                                     scratch,  prepare, forward, backward};
