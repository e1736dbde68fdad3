/* Any convolution as a matrix product. Per strip (columns.h):
 *     columns [pixels, taps] · weights [taps, out] = y [pixels, out]. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/columns.h"
#include "nn/gemm.h"
#include <string.h>

static size_t scratch(const td_conv *c, size_t batch, bool backward) {
    return td_columns_scratch(c, batch, c->out.channels, backward);
}

static void prepare(const td_conv *c, const td_run *run) {
    td_columns_prepare(c, run->params[0], run->prepared);
}

/* Work is cut into chunks of images and, where there are few pixels, into blocks of output channels
 * as well: every block lays its columns out anew, which pays from 128 channels on. */
enum { BLOCK_CHANNELS = 128, ENOUGH_TASKS = 8, INPUT_PIXELS = 128 };

typedef struct pass {
    const td_conv *conv;
    const td_run *run;
    size_t chunk_images, chunks; /* of images */
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

static pass make_pass(const td_conv *c, const td_run *run, size_t chunk_images, size_t channels) {
    pass p = {.conv = c,
              .run = run,
              .chunk_images = chunk_images,
              .channels = channels,
              .direct = is_direct(c)};
    p.chunks = td_chunks(run->batch, chunk_images);
    p.blocks =
        td_size_min(td_chunks(ENOUGH_TASKS, p.chunks), td_size_max(1, channels / BLOCK_CHANNELS));
    p.block_channels = td_chunks(channels, p.blocks);
    return p;
}

/* One task: some images, some channels. */
typedef struct task {
    size_t image, images; /* first, count */
    size_t channel, channels;
    float *columns;
} task;

static task task_of(const pass *p, size_t number, size_t thread) {
    size_t image = number / p->blocks * p->chunk_images;
    size_t channel = number % p->blocks * p->block_channels;
    return (task){.image = image,
                  .images = td_size_min(p->chunk_images, p->run->batch - image),
                  .channel = channel,
                  .channels = td_size_min(p->block_channels, p->channels - channel),
                  .columns = p->run->scratch + thread * td_columns_floats(p->conv)};
}

/* The columns of output rows [row, row + rows) of a task's images. */
static const float *columns_of(const pass *p, const task *t, size_t row, size_t rows) {
    const td_conv *c = p->conv;
    const float *x = p->run->in[0] + t->image * td_shape_size(c->in);
    if (p->direct)
        return x + row * c->in.width * c->in.channels;
    td_columns_gather(c, x, t->columns, row, rows);
    return t->columns;
}

static void forward_task(void *context, size_t number) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const td_run *run = p->run;
    const task t = task_of(p, number, td_thread());
    const size_t taps = td_conv_taps(c), n = c->out.channels, width = c->out.width;
    const size_t all_rows = t.images * c->out.height, step = td_columns_rows(c);
    float *y = run->out + t.image * td_shape_size(c->out) + t.channel;
    const float *bias = run->params[1] ? run->params[1] + t.channel : NULL;
    for (size_t row = 0; row < all_rows; row += step) {
        size_t rows = td_size_min(step, all_rows - row), pixels = rows * width;
        float *strip = y + row * width * n;
        td_multiply(&(td_product){.m = pixels,
                                  .n = t.channels,
                                  .k = taps,
                                  .a = columns_of(p, &t, row, rows),
                                  .a_row = taps,
                                  .b = run->prepared + t.channel,
                                  .b_row = n,
                                  .c = strip,
                                  .c_row = n});
        td_bias_relu(strip, pixels, t.channels, n, bias, run->relu);
    }
}

static void forward(const td_conv *c, const td_run *run) {
    pass p = make_pass(c, run, td_columns_forward_images(c), c->out.channels);
    td_parallel_each(p.chunks * p.blocks, forward_task, &p);
}

/* The partial gradient of some weights over some images. */
static void weights_task(void *context, size_t number) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const task t = task_of(p, number, td_thread());
    const size_t taps = td_conv_taps(c), n = c->out.channels, width = c->out.width;
    const size_t all_rows = t.images * c->out.height, step = td_columns_rows(c);
    const float *dy = p->run->dout + t.image * td_shape_size(c->out);
    float *dw = td_columns_partial(c, p->run->scratch, n, number / p->blocks);
    float *db = dw + td_columns_weights(c);
    if (t.channel == 0) {
        memset(db, 0, n * sizeof *db);
        td_columns_add_rows(db, dy, all_rows * width, n);
    }
    for (size_t row = 0; row < all_rows; row += step) {
        size_t rows = td_size_min(step, all_rows - row), pixels = rows * width;
        td_multiply(&(td_product){.m = taps,
                                  .n = t.channels,
                                  .k = pixels,
                                  .a = columns_of(p, &t, row, rows),
                                  .a_row = taps,
                                  .transpose_a = true,
                                  .b = dy + row * width * n + t.channel,
                                  .b_row = n,
                                  .c = dw + t.channel,
                                  .c_row = n,
                                  .add = row > 0});
    }
}

/* The gradient of some images' input, or, where there are no columns, of some of its channels. */
static void input_task(void *context, size_t number) {
    const pass *p = context;
    const task t = task_of(p, number, td_thread());
    const td_conv *c = p->conv;
    const td_run *run = p->run;
    const size_t taps = td_conv_taps(c), n = c->out.channels, width = c->out.width;
    const size_t all_rows = t.images * c->out.height, step = td_columns_rows(c);
    const float *dy = run->dout + t.image * td_shape_size(c->out);
    float *dx = run->din[0] + t.image * td_shape_size(c->in);
    if (!p->direct)
        memset(dx, 0, t.images * td_shape_size(c->in) * sizeof *dx);
    for (size_t row = 0; row < all_rows; row += step) {
        size_t rows = td_size_min(step, all_rows - row), pixels = rows * width;
        float *to = p->direct ? dx + row * width * taps + t.channel : t.columns;
        td_multiply(&(td_product){.m = pixels,
                                  .n = p->direct ? t.channels : taps,
                                  .k = n,
                                  .a = dy + row * width * n,
                                  .a_row = n,
                                  .b = run->prepared + t.channel * n,
                                  .b_row = n,
                                  .transpose_b = true,
                                  .c = to,
                                  .c_row = taps});
        if (!p->direct)
            td_columns_scatter(c, t.columns, dx, row, rows);
    }
}

static void backward(const td_conv *c, const td_run *run) {
    pass p = make_pass(c, run, td_columns_backward_images(c, run->batch), c->out.channels);
    if (run->dparams[0]) {
        td_parallel_each(p.chunks * p.blocks, weights_task, &p);
        td_columns_reduce(c, run->scratch, run->batch, c->out.channels, run->dparams[0],
                          run->dparams[1]);
    }
    if (run->din[0]) {
        p = make_pass(c, run, td_chunks(INPUT_PIXELS, c->out.height * c->out.width),
                      p.direct ? c->in.channels : 1);
        td_parallel_each(p.chunks * p.blocks, input_task, &p);
    }
}

static bool any(const td_conv *c) {
    (void)c;
    return true;
}

const td_conv_path td_conv_im2col = {"im2col", any,     any,     td_columns_weights,
                                     scratch,  prepare, forward, backward};
