/* SPDX-License-Identifier: MIT */
/* Batch normalisation, channel by channel over all images and pixels, as PyTorch's BatchNorm2d (on
 * vectors BatchNorm1d):
 *     y = weight · (x − mean) / √(variance + epsilon) + bias
 * with the mean and the biased variance of the batch in training, and the running statistics
 * otherwise (Ioffe & Szegedy, "Batch Normalization", ICML 2015, algorithms 1 and 2). The running
 * variance averages the unbiased ones.
 *
 * Memory bandwidth limits the speed, so each direction reads its arrays twice: once for sums by
 * channel, once to write. Sums are computed in float over a chunk that stays in the cache, relative
 * to the chunk's own mean, and combined in double in chunk order. */
#include "base/parallel.h"
#include "nn/channel_rows.h"
#include "nn/op.h"
#include <math.h>

enum { EPSILON, MOMENTUM };
enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR };
enum { ROWS_A_THREAD = 3 };

static td_status running(td_net *net, td_node *node, const char *suffix, size_t channels,
                         float fill, td_error *error) {
    TD_TRY(td_node_param(net, node, suffix, 1, &channels, 0, error));
    td_param *param = td_node_last_param(net);
    param->role = TD_RUNNING;
    param->fill = fill;
    param->momentum = (float)node->values[MOMENTUM].number;
    return TD_OK;
}

static td_status infer(td_net *net, td_node *node, const td_shape *in, td_error *error) {
    const size_t channels = in[0].channels;
    node->shape = in[0];
    TD_TRY(td_node_param(net, node, "weight", 1, &channels, 0, error));
    td_node_last_param(net)->fill = 1;
    TD_TRY(td_node_param(net, node, "bias", 1, &channels, 0, error));
    TD_TRY(running(net, node, "running_mean", channels, 0, error));
    return running(net, node, "running_var", channels, 1, error);
}

/* y = (x − mean) · scale + shift. These are in the prepared memory: from the running statistics or,
 * in training, from the batch of the last forward pass. */
typedef struct norm {
    float *mean, *scale, *shift; /* rows */
    /* [channels]: 1/√(variance + epsilon); the unbiased variance; and the rounding error of the
     * mean as a float, which matters for a large mean. */
    float *inverse, *variance, *rest;
} norm;

static size_t prepared(const td_node *node, const td_shape *in) {
    (void)node;
    return 3 * td_channel_row(in[0].channels) + 3 * in[0].channels;
}

static norm norm_of(const td_run *run) {
    const size_t channels = run->node->shape.channels, row_floats = td_channel_row(channels);
    float *rows = run->prepared, *rest = rows + 3 * row_floats;
    return (norm){rows, rows + row_floats, rows + 2 * row_floats,
                  rest, rest + channels,   rest + 2 * channels};
}

static void set_channel(const td_run *run, size_t c, double mean, double variance) {
    norm n = norm_of(run);
    double inverse = 1 / sqrt(variance + run->node->values[EPSILON].number);
    double scale = run->params[WEIGHT][c] * inverse;
    n.mean[c] = (float)mean;
    n.rest[c] = (float)(mean - n.mean[c]);
    n.inverse[c] = (float)inverse;
    n.scale[c] = (float)scale;
    n.shift[c] = (float)(run->params[BIAS][c] - (mean - n.mean[c]) * scale);
}

static void repeat_channels(const td_run *run) {
    const size_t channels = run->node->shape.channels;
    norm n = norm_of(run);
    td_channel_row_repeat(n.mean, channels);
    td_channel_row_repeat(n.scale, channels);
    td_channel_row_repeat(n.shift, channels);
}

static void prepare(const td_run *run) {
    for (size_t c = 0; c < run->node->shape.channels; c++)
        set_channel(run, c, run->params[RUNNING_MEAN][c], run->params[RUNNING_VAR][c]);
    repeat_channels(run);
}

static void affine(const td_run *run, float *scale, float *shift) {
    for (size_t c = 0; c < run->node->shape.channels; c++) {
        double by = run->params[WEIGHT][c] /
                    sqrt(run->params[RUNNING_VAR][c] + run->node->values[EPSILON].number);
        scale[c] = (float)by;
        shift[c] = (float)(run->params[BIAS][c] - run->params[RUNNING_MEAN][c] * by);
    }
}

static size_t element_count(const td_run *run) {
    return run->batch * td_shape_size(run->node->shape);
}

/* Scratch memory: two sums per chunk and channel, in double; rows for each thread; two rows of
 * coefficients for the second backward pass. */
static size_t scratch(const td_node *node, const td_shape *in, size_t batch, bool backward) {
    const size_t channels = in[0].channels;
    const size_t chunks =
        td_chunks(batch * td_shape_size(node->shape), td_channel_row_chunk(channels));
    (void)backward;
    return 4 * chunks * channels + (td_threads() * ROWS_A_THREAD + 2) * td_channel_row(channels);
}

static double *chunk_sums(const td_run *run, size_t chunk) {
    return (double *)run->scratch + 2 * chunk * run->node->shape.channels;
}

static float *rows_of(const td_run *run, size_t thread) {
    const size_t channels = run->node->shape.channels;
    const size_t chunks = td_chunks(element_count(run), td_channel_row_chunk(channels));
    return run->scratch + 4 * chunks * channels + thread * ROWS_A_THREAD * td_channel_row(channels);
}

/* Sums a row by channel. */
static void fold_row(const float *row, size_t channels, double *sums) {
    const size_t row_floats = td_channel_row(channels);
    for (size_t c = 0; c < channels; c++)
        sums[c] = 0;
    for (size_t at = 0; at < row_floats; at += channels)
        for (size_t c = 0; c < channels; c++)
            sums[c] += row[at + c];
}

static void sum_rows(const float *restrict x, size_t count, size_t row_floats,
                     float *restrict sum) {
    for (size_t at = 0; at < count; at += row_floats) {
        const size_t length = td_size_min(row_floats, count - at);
        for (size_t i = 0; i < length; i++)
            sum[i] += x[at + i];
    }
}

static void sum_deviations(const float *restrict x, size_t count, size_t row_floats,
                           const float *restrict mean, float *restrict sum,
                           float *restrict squares) {
    for (size_t at = 0; at < count; at += row_floats) {
        const size_t length = td_size_min(row_floats, count - at);
        for (size_t i = 0; i < length; i++) {
            float d = x[at + i] - mean[i];
            sum[i] += d;
            squares[i] += d * d;
        }
    }
}

/* The mean of a chunk and its sum of squared deviations from it, by the corrected two-pass
 * algorithm (Chan, Golub & LeVeque 1983). */
static void measure_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels, row_floats = td_channel_row(channels);
    const double pixels = (double)((end - begin) / channels);
    const float *x = run->in[0] + begin;
    double *mean = chunk_sums(run, chunk), *spread = mean + channels;
    float *around = rows_of(run, thread), *sum = around + row_floats, *squares = sum + row_floats;
    memset(sum, 0, row_floats * sizeof *sum);
    sum_rows(x, end - begin, row_floats, sum);
    fold_row(sum, channels, mean);
    for (size_t c = 0; c < channels; c++)
        around[c] = (float)(mean[c] / pixels);
    td_channel_row_repeat(around, channels);
    memset(sum, 0, 2 * row_floats * sizeof *sum);
    sum_deviations(x, end - begin, row_floats, around, sum, squares);
    fold_row(sum, channels, mean);
    fold_row(squares, channels, spread);
    for (size_t c = 0; c < channels; c++) {
        spread[c] -= mean[c] * mean[c] / pixels;
        mean[c] = around[c] + mean[c] / pixels;
    }
}

/* Combines the chunks' means and deviations, in order. */
static void join_channel(void *context, size_t c) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels, step = td_channel_row_chunk(channels);
    const size_t count = element_count(run), chunks = td_chunks(count, step);
    const double pixels = (double)(count / channels), most = (double)(step / channels);
    double mean = 0, spread = 0;
    for (size_t i = 0; i < chunks; i++)
        mean += fmin(most, pixels - (double)i * most) * chunk_sums(run, i)[c];
    mean /= pixels;
    for (size_t i = 0; i < chunks; i++) {
        double off = chunk_sums(run, i)[c] - mean;
        spread +=
            chunk_sums(run, i)[channels + c] + fmin(most, pixels - (double)i * most) * off * off;
    }
    spread = spread < 0 ? 0 : spread;
    set_channel(run, c, mean, spread / pixels);
    norm_of(run).variance[c] = (float)(spread / fmax(pixels - 1, 1));
}

static void forward_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t row_floats = td_channel_row(run->node->shape.channels);
    const norm n = norm_of(run);
    const float *restrict mean = n.mean, *restrict scale = n.scale, *restrict shift = n.shift;
    const td_bounds bounds = run->bounds;
    (void)chunk, (void)thread;
    for (size_t at = begin; at < end; at += row_floats) {
        const float *restrict x = run->in[0] + at;
        float *restrict y = run->out + at;
        const size_t length = td_size_min(row_floats, end - at);
        for (size_t i = 0; i < length; i++) {
            float value = (x[i] - mean[i]) * scale[i] + shift[i];
            y[i] = td_clip(bounds, value);
        }
    }
}

static void forward(const td_run *run) {
    const size_t channels = run->node->shape.channels, step = td_channel_row_chunk(channels);
    if (run->training) {
        td_parallel_for(element_count(run), step, measure_chunk, (void *)run);
        td_parallel_each(channels, join_channel, (void *)run);
        repeat_channels(run);
    }
    td_parallel_for(element_count(run), step, forward_chunk, (void *)run);
}

/* Where the output was clipped, dy counts as 0; to compute the output again is cheaper than to read
 * it. */
static void sum_gradients(td_bounds bounds, const float *restrict x, const float *restrict dy,
                          size_t length, const float *restrict mean, const float *restrict scale,
                          const float *restrict shift, float *restrict sum,
                          float *restrict product) {
    for (size_t i = 0; i < length; i++) {
        const float deviation = x[i] - mean[i];
        const float d = td_gate(bounds, dy[i], deviation * scale[i] + shift[i]);
        sum[i] += d;
        product[i] += d * deviation;
    }
}

/* Σ dy and Σ dy·(x − mean) of a chunk. */
static void gather_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels, row_floats = td_channel_row(channels);
    const norm n = norm_of(run);
    float *sum = rows_of(run, thread), *product = sum + row_floats;
    memset(sum, 0, 2 * row_floats * sizeof *sum);
    for (size_t at = begin; at < end; at += row_floats)
        sum_gradients(run->bounds, run->in[0] + at, run->dout + at,
                      td_size_min(row_floats, end - at), n.mean, n.scale, n.shift, sum, product);
    fold_row(sum, channels, chunk_sums(run, chunk));
    fold_row(product, channels, chunk_sums(run, chunk) + channels);
}

/* With dx = scale·dy + slope·(x − mean) + offset, the rows of slope and offset. */
static float *coefficients(const td_run *run) {
    return rows_of(run, td_threads());
}

/* Combines the chunks' sums in order: the gradients of weight and bias, and the coefficients. */
static void join_gradient(void *context, size_t c) {
    const td_run *run = context;
    const size_t channels = run->node->shape.channels, count = element_count(run);
    const size_t chunks = td_chunks(count, td_channel_row_chunk(channels));
    const norm n = norm_of(run);
    const double pixels = (double)(count / channels);
    float *slope = coefficients(run), *offset = slope + td_channel_row(channels);
    double sum = 0, product = 0;
    for (size_t i = 0; i < chunks; i++) {
        sum += chunk_sums(run, i)[c];
        product += chunk_sums(run, i)[channels + c];
    }
    double by_weight = (product - n.rest[c] * sum) * n.inverse[c];
    double by_x = -n.scale[c] * by_weight * n.inverse[c] / pixels;
    slope[c] = (float)by_x;
    offset[c] = (float)(-n.scale[c] * sum / pixels - by_x * n.rest[c]);
    if (run->dparams[WEIGHT]) {
        run->dparams[WEIGHT][c] = (float)by_weight;
        run->dparams[BIAS][c] = (float)sum;
    }
}

static void spread_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const td_run *run = context;
    const size_t row_floats = td_channel_row(run->node->shape.channels);
    const norm n = norm_of(run);
    const float *restrict mean = n.mean, *restrict scale = n.scale, *restrict shift = n.shift;
    const td_bounds bounds = run->bounds;
    const float *restrict slope = coefficients(run), *restrict offset = slope + row_floats;
    const bool training = run->training;
    (void)chunk, (void)thread;
    for (size_t at = begin; at < end; at += row_floats) {
        const float *restrict x = run->in[0] + at, *restrict dy = run->dout + at;
        float *restrict dx = run->din[0] + at;
        const size_t length = td_size_min(row_floats, end - at);
        for (size_t i = 0; i < length; i++) {
            const float deviation = x[i] - mean[i];
            const float d = td_gate(bounds, dy[i], deviation * scale[i] + shift[i]);
            const float dy_only = scale[i] * d;
            dx[i] = training ? dy_only + (slope[i] * deviation + offset[i]) : dy_only;
        }
    }
}

static void backward(const td_run *run) {
    const size_t channels = run->node->shape.channels, step = td_channel_row_chunk(channels);
    if (run->training || run->dparams[WEIGHT]) {
        td_parallel_for(element_count(run), step, gather_chunk, (void *)run);
        td_parallel_each(channels, join_gradient, (void *)run);
        td_channel_row_repeat(coefficients(run), channels);
        td_channel_row_repeat(coefficients(run) + td_channel_row(channels), channels);
    }
    for (size_t c = 0; run->dparams[WEIGHT] && c < channels; c++) {
        run->dparams[RUNNING_MEAN][c] = run->training ? norm_of(run).mean[c] : 0;
        run->dparams[RUNNING_VAR][c] = run->training ? norm_of(run).variance[c] : 0;
    }
    if (run->din[0])
        td_parallel_for(element_count(run), step, spread_chunk, (void *)run);
}

const td_op TD_OP(batch_norm) = {
    .name = TD_OP_BATCH_NORM,
    .doc = "Batch normalisation by channel (as PyTorch's BatchNorm2d)",
    .formula = "y = weight·(x − mean) / √(variance + epsilon) + bias, of the batch in training and "
               "else as averaged over batches",
    .shapes = "H×W×C → H×W×C",
    .keys = {{.name = "epsilon",
              .kind = TD_KEY_FRACTION,
              .least = 1e-12,
              .most = 1,
              .standard = "1e-5",
              .help = "Added to the variance"},
             {.name = "momentum",
              .kind = TD_KEY_FRACTION,
              .least = 0,
              .most = 1,
              .standard = "0.1",
              .help = "Weight of the newest batch in the averages"}},
    .least_inputs = 1,
    .most_inputs = 1,
    .channels = TD_CHANNELS_KEPT,
    .batch_deviation = true,
    .clips = true,
    .gates = true,
    .needs_in = true,
    .infer = infer,
    .prepared = prepared,
    .scratch = scratch,
    .prepare = prepare,
    .affine = affine,
    .forward = forward,
    .backward = backward,
};
