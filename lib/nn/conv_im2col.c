/* Convolution as a matrix product: each output pixel's window is laid out as a row ("im2col"), some
 * rows of pixels at a time so that they stay in the level-2 cache, and multiplied with the weights.
 *
 * Per strip: columns [pixels, taps] · weights [taps, out] = y [pixels, out], taps ordered
 * (kernel row, kernel column, input channel), which makes the copies long and contiguous. */
#include "base/parallel.h"
#include "base/size.h"
#include "nn/conv.h"
#include "nn/gemm.h"
#include <cblas.h>
#include <string.h>

enum {
    STRIP_FLOATS = 48 << 10,  /* columns of one strip: 192 KiB */
    FORWARD_PIXELS = 512,     /* least output pixels of a chunk of images going forward */
    MOST_PARTIALS = 16,       /* chunks of images, and so partial weight gradients, going back */
    PARTIAL_FLOATS = 24 << 20 /* ... and at most this many floats of them together */
};

/* Whole rows of output pixels in a strip; rows are counted over all images of a chunk. */
static size_t strip_rows(const td_conv *c) {
    return td_size_max(1, STRIP_FLOATS / (c->out.width * td_conv_taps(c)));
}

static size_t forward_chunk_images(const td_conv *c) {
    return td_size_max(1, FORWARD_PIXELS / (c->out.height * c->out.width));
}

static size_t weight_floats(const td_conv *c) {
    return td_conv_taps(c) * c->out.channels;
}

static size_t backward_chunk_images(const td_conv *c, size_t batch) {
    size_t partials = td_size_max(2, td_size_min(MOST_PARTIALS, PARTIAL_FLOATS / weight_floats(c)));
    return td_chunks(batch, partials);
}

static size_t partial_floats(const td_conv *c) {
    return weight_floats(c) + c->out.channels;
}

static size_t strip_floats(const td_conv *c) {
    return strip_rows(c) * c->out.width * td_conv_taps(c);
}

static size_t scratch(const td_conv *c, size_t batch, bool backward) {
    size_t chunks = td_chunks(batch, backward_chunk_images(c, batch));
    return td_threads() * strip_floats(c) + (backward ? chunks * partial_floats(c) : 0);
}

/* One kernel row of one output pixel's window: the input columns [*from, *to) of it that exist, as
 * offsets into the kernel row. */
static void clip_columns(const td_conv *c, size_t ox, size_t *from, size_t *to) {
    size_t left = ox * c->window.stride_w; /* in the padded input */
    *from = left < c->window.pad_w ? td_size_min(c->window.pad_w - left, c->window.kernel_w) : 0;
    size_t end = c->in.width + c->window.pad_w;
    *to = left >= end ? 0 : td_size_min(c->window.kernel_w, end - left);
    if (*to < *from)
        *to = *from;
}

/* Moves between the input x of a chunk of images and the columns of output rows [row, row + rows):
 * gathers x into columns, or, going back, adds columns onto x. */
static void move_columns(const td_conv *c, const float *x_in, float *x_add, float *columns,
                         size_t row, size_t rows) {
    const td_window *w = &c->window;
    const size_t channels = c->in.channels, segment = w->kernel_w * channels;
    for (size_t r = row; r < row + rows; r++) {
        size_t image = r / c->out.height, oy = r % c->out.height;
        for (size_t ox = 0; ox < c->out.width; ox++) {
            size_t from, to;
            clip_columns(c, ox, &from, &to);
            for (size_t ky = 0; ky < w->kernel_h; ky++, columns += segment) {
                size_t iy = oy * w->stride_h + ky - w->pad_h; /* above 0 wraps to huge */
                size_t first = from * channels, count = (to - from) * channels;
                if (iy >= c->in.height || count == 0) {
                    if (!x_add)
                        memset(columns, 0, segment * sizeof *columns);
                    continue;
                }
                size_t at = ((image * c->in.height + iy) * c->in.width + ox * w->stride_w + from -
                             w->pad_w) *
                            channels;
                if (x_add) {
                    float *restrict x = x_add + at;
                    const float *restrict column = columns + first;
                    for (size_t i = 0; i < count; i++)
                        x[i] += column[i];
                    continue;
                }
                if (count < segment)
                    memset(columns, 0, segment * sizeof *columns);
                memcpy(columns + first, x_in + at, count * sizeof *columns);
            }
        }
    }
}

static void prepare(const td_conv *c, const td_run *run) {
    const size_t area = c->window.kernel_h * c->window.kernel_w;
    const size_t in = c->in.channels, out = c->out.channels;
    const float *oihw = run->params[0];
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t k = 0; k < area; k++)
                run->prepared[(k * in + i) * out + o] = oihw[(o * in + i) * area + k];
}

typedef struct pass {
    const td_conv *conv;
    const td_run *run;
    size_t chunk_images;
} pass;

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const td_run *run = p->run;
    const size_t taps = td_conv_taps(c), n = c->out.channels, width = c->out.width;
    const size_t all_rows = (end - begin) * c->out.height, step = strip_rows(c);
    const float *x = run->in[0] + begin * td_shape_size(c->in);
    float *y = run->out + begin * td_shape_size(c->out);
    float *columns = run->scratch + thread * strip_floats(c);
    (void)chunk;
    for (size_t row = 0; row < all_rows; row += step) {
        size_t rows = td_size_min(step, all_rows - row), pixels = rows * width;
        float *strip = y + row * width * n;
        move_columns(c, x, NULL, columns, row, rows);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)pixels, (int)n, (int)taps, 1.0f,
                    columns, (int)taps, run->prepared, (int)n, 0.0f, strip, (int)n);
        td_bias_relu(strip, pixels, n, n, run->params[1], run->relu);
    }
}

static void forward(const td_conv *c, const td_run *run) {
    pass p = {c, run, forward_chunk_images(c)};
    td_parallel_for(run->batch, p.chunk_images, forward_chunk, &p);
}

static void add_rows(float *restrict sum, const float *restrict rows, size_t count, size_t n) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < n; j++)
            sum[j] += rows[i * n + j];
}

static void backward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const td_run *run = p->run;
    const size_t taps = td_conv_taps(c), n = c->out.channels, width = c->out.width;
    const size_t all_rows = (end - begin) * c->out.height, step = strip_rows(c);
    const float *x = run->in[0] + begin * td_shape_size(c->in);
    const float *dy = run->dout + begin * td_shape_size(c->out);
    float *dx = run->din[0] ? run->din[0] + begin * td_shape_size(c->in) : NULL;
    float *columns = run->scratch + thread * strip_floats(c);
    float *dw = run->scratch + td_threads() * strip_floats(c) + chunk * partial_floats(c);
    float *db = dw + weight_floats(c);
    if (dx)
        memset(dx, 0, (end - begin) * td_shape_size(c->in) * sizeof *dx);
    memset(db, 0, n * sizeof *db);
    for (size_t row = 0; row < all_rows; row += step) {
        size_t rows = td_size_min(step, all_rows - row), pixels = rows * width;
        const float *strip = dy + row * width * n;
        if (run->dparams[0]) {
            add_rows(db, strip, pixels, n);
            move_columns(c, x, NULL, columns, row, rows);
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)taps, (int)n, (int)pixels,
                        1.0f, columns, (int)taps, strip, (int)n, row > 0 ? 1.0f : 0.0f, dw, (int)n);
        }
        if (dx) {
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)pixels, (int)taps, (int)n,
                        1.0f, strip, (int)n, run->prepared, (int)n, 0.0f, columns, (int)taps);
            move_columns(c, NULL, dx, columns, row, rows);
        }
    }
}

/* Sums the chunks' partial gradients in order, into PyTorch's layout. */
static void reduce_output(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const pass *p = context;
    const td_conv *c = p->conv;
    const td_run *run = p->run;
    const size_t area = c->window.kernel_h * c->window.kernel_w, in = c->in.channels;
    const size_t n = c->out.channels, chunks = td_chunks(run->batch, p->chunk_images);
    const float *partials = run->scratch + td_threads() * strip_floats(c);
    (void)chunk, (void)thread;
    for (size_t o = begin; o < end; o++) {
        for (size_t i = 0; i < in; i++)
            for (size_t k = 0; k < area; k++) {
                float sum = 0;
                for (size_t part = 0; part < chunks; part++)
                    sum += partials[part * partial_floats(c) + (k * in + i) * n + o];
                run->dparams[0][(o * in + i) * area + k] = sum;
            }
        if (run->dparams[1]) {
            float sum = 0;
            for (size_t part = 0; part < chunks; part++)
                sum += partials[part * partial_floats(c) + weight_floats(c) + o];
            run->dparams[1][o] = sum;
        }
    }
}

static void backward(const td_conv *c, const td_run *run) {
    pass p = {c, run, backward_chunk_images(c, run->batch)};
    td_parallel_for(run->batch, p.chunk_images, backward_chunk, &p);
    if (run->dparams[0])
        td_parallel_for(c->out.channels, 8, reduce_output, &p);
}

static bool computes(const td_conv *c) {
    (void)c;
    return true;
}

const td_conv_path td_conv_im2col = {"im2col", computes, weight_floats, scratch,
                                     prepare,  forward,  backward};
