/* SPDX-License-Identifier: MIT */
/* Twins of layers with windows or weights. */
#include "twin.h"

#include <math.h>
#include <string.h>

static double conv_output(const twin_run *run, size_t n, size_t y, size_t x, size_t o) {
    const td_shape in = twin_in_shape(run);
    const twin_pair kernel = twin_pair_of(run, "kernel"), stride = twin_pair_of(run, "stride");
    const twin_pair pad = twin_pad(run);
    const size_t height = (size_t)kernel.first, width = (size_t)kernel.second;
    const size_t channels = in.channels / twin_count(run, "groups");
    const size_t first = o / (run->node->shape.channels / twin_count(run, "groups")) * channels;
    double sum = twin_count(run, "bias") > 0 ? run->params[1][o] : 0;
    for (size_t ky = 0; ky < height; ky++)
        for (size_t kx = 0; kx < width; kx++) {
            ptrdiff_t iy = twin_place(y, stride.first, ky, pad.first);
            ptrdiff_t ix = twin_place(x, stride.second, kx, pad.second);
            if (!twin_inside(in, iy, ix))
                continue;
            const double *pixel = run->in[0] + twin_at(in, n, (size_t)iy, (size_t)ix, first);
            const double *weight = run->params[0] + (o * channels * height + ky) * width + kx;
            for (size_t i = 0; i < channels; i++)
                sum += pixel[i] * weight[i * height * width];
        }
    return sum;
}

static void conv(const twin_run *run) {
    twin_for_each(run, conv_output);
}

static twin_pair pool_stride(const twin_run *run) {
    const twin_pair size = twin_pair_of(run, "size");
    twin_pair stride = twin_pair_of(run, "stride");
    stride.first = stride.first == 0 ? size.first : stride.first;
    stride.second = stride.second == 0 ? size.second : stride.second;
    return stride;
}

static double max_pool_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = twin_in_shape(run);
    const twin_pair size = twin_pair_of(run, "size"), pad = twin_pad(run);
    const twin_pair stride = pool_stride(run);
    double largest = -INFINITY;
    for (size_t ky = 0; ky < (size_t)size.first; ky++)
        for (size_t kx = 0; kx < (size_t)size.second; kx++) {
            ptrdiff_t iy = twin_place(y, stride.first, ky, pad.first);
            ptrdiff_t ix = twin_place(x, stride.second, kx, pad.second);
            if (twin_inside(in, iy, ix))
                largest = fmax(largest, run->in[0][twin_at(in, n, (size_t)iy, (size_t)ix, c)]);
        }
    return largest;
}

static void max_pool(const twin_run *run) {
    twin_for_each(run, max_pool_output);
}

static void dense(const twin_run *run) {
    const size_t in = twin_in_shape(run).channels, out = run->node->shape.channels;
    for (size_t n = 0; n < run->batch; n++)
        for (size_t o = 0; o < out; o++) {
            double sum = twin_count(run, "bias") > 0 ? run->params[1][o] : 0;
            for (size_t i = 0; i < in; i++)
                sum += run->in[0][n * in + i] * run->params[0][o * in + i];
            run->out[n * out + o] = sum;
        }
}

static double avg_pool_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = twin_in_shape(run);
    const twin_pair size = twin_pair_of(run, "size"), pad = twin_pad(run);
    const twin_pair stride = pool_stride(run);
    const td_setting *sides = twin_value(run, "pad");
    const td_shape padded = {in.height + sides->sides.bottom, in.width + sides->sides.right, 1};
    double sum = 0, there = 0;
    for (size_t ky = 0; ky < (size_t)size.first; ky++)
        for (size_t kx = 0; kx < (size_t)size.second; kx++) {
            ptrdiff_t iy = twin_place(y, stride.first, ky, pad.first);
            ptrdiff_t ix = twin_place(x, stride.second, kx, pad.second);
            if (twin_inside(in, iy, ix))
                sum += run->in[0][twin_at(in, n, (size_t)iy, (size_t)ix, c)];
            there += twin_count(run, "count_include_pad") > 0
                         ? iy < (ptrdiff_t)padded.height && ix < (ptrdiff_t)padded.width
                         : twin_inside(in, iy, ix);
        }
    return sum / there;
}

static void avg_pool(const twin_run *run) {
    twin_for_each(run, avg_pool_output);
}

static double global_avg_pool_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = twin_in_shape(run);
    double sum = 0;
    for (y = 0; y < in.height; y++)
        for (x = 0; x < in.width; x++)
            sum += run->in[0][twin_at(in, n, y, x, c)];
    return sum / (double)(in.height * in.width);
}

static void global_avg_pool(const twin_run *run) {
    twin_for_each(run, global_avg_pool_output);
}

static void conv_transpose(const twin_run *run) {
    const td_shape in = twin_in_shape(run), out = run->node->shape;
    const twin_pair kernel = twin_pair_of(run, "kernel"), stride = twin_pair_of(run, "stride");
    const twin_pair pad = twin_pair_of(run, "pad");
    const size_t height = (size_t)kernel.first, width = (size_t)kernel.second;
    const bool bias = twin_count(run, "bias") > 0;
    for (size_t i = 0; i < run->batch * td_shape_size(out); i++)
        run->out[i] = bias ? run->params[1][i % out.channels] : 0;
    for (size_t i = 0; i < twin_in_count(run); i++) {
        const size_t c = i % in.channels, pixel = i / in.channels, x = pixel % in.width;
        const size_t y = pixel / in.width % in.height, n = pixel / in.width / in.height;
        const double *weights = run->params[0] + c * out.channels * height * width;
        for (size_t k = 0; k < out.channels * height * width; k++) {
            ptrdiff_t oy = twin_place(y, stride.first, k / width % height, pad.first);
            ptrdiff_t ox = twin_place(x, stride.second, k % width, pad.second);
            if (twin_inside(out, oy, ox))
                run->out[twin_at(out, n, (size_t)oy, (size_t)ox, k / width / height)] +=
                    run->in[0][i] * weights[k];
        }
    }
}

/* Mean and biased variance of channel c over all images. */
static void batch_statistics(const twin_run *run, size_t c, double *mean, double *variance) {
    const size_t channels = twin_in_shape(run).channels, count = twin_in_count(run);
    const double pixels = (double)(count / channels);
    *mean = *variance = 0;
    for (size_t i = c; i < count; i += channels)
        *mean += run->in[0][i] / pixels;
    for (size_t i = c; i < count; i += channels)
        *variance += (run->in[0][i] - *mean) * (run->in[0][i] - *mean) / pixels;
}

static void batch_norm(const twin_run *run) {
    const size_t channels = twin_in_shape(run).channels;
    const double epsilon = twin_value(run, "epsilon")->number;
    for (size_t c = 0; c < channels; c++) {
        double mean = run->params[2][c], variance = run->params[3][c];
        if (run->training)
            batch_statistics(run, c, &mean, &variance);
        for (size_t i = c; i < twin_in_count(run); i += channels)
            run->out[i] = run->params[0][c] * (run->in[0][i] - mean) / sqrt(variance + epsilon) +
                          run->params[1][c];
    }
}

static double matmul_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape a = twin_shape(run, 0), b = twin_shape(run, 1);
    double sum = 0;
    for (size_t i = 0; i < a.channels; i++)
        sum += run->in[0][twin_at(a, n, y, x, i)] *
               run->in[1][twin_count(run, "transpose") ? twin_at(b, n, c, x, i)
                                                       : twin_at(b, n, i, x, c)];
    return sum;
}

static void matmul(const twin_run *run) {
    twin_for_each(run, matmul_output);
}

static double constant_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    return run->params[0][twin_at(run->node->shape, 0 * n, y, x, c)];
}

static void constant(const twin_run *run) {
    twin_for_each(run, constant_output);
}

static double adaptive_avg_pool_output(const twin_run *run, size_t n, size_t y, size_t x,
                                       size_t c) {
    const td_shape in = twin_in_shape(run), out = run->node->shape;
    const double down = (double)in.height / (double)out.height;
    const double across = (double)in.width / (double)out.width;
    double sum = 0, count = 0;
    for (size_t iy = 0; iy < in.height; iy++)
        for (size_t ix = 0; ix < in.width; ix++)
            if (iy >= (size_t)floor((double)y * down + 1e-9) &&
                iy < (size_t)ceil((double)(y + 1) * down - 1e-9) &&
                ix >= (size_t)floor((double)x * across + 1e-9) &&
                ix < (size_t)ceil((double)(x + 1) * across - 1e-9)) {
                sum += run->in[0][twin_at(in, n, iy, ix, c)];
                count++;
            }
    return sum / count;
}

static void adaptive_avg_pool(const twin_run *run) {
    twin_for_each(run, adaptive_avg_pool_output);
}

/* The weight of value k of `in` in result i of `out`, before normalisation. */
static double resize_weight(const char *filter, size_t in, size_t out, size_t i, size_t k) {
    const double scale = (double)in / (double)out, at = (double)k;
    const bool antialias = strcmp(filter, "bilinear-antialias") == 0 && scale > 1;
    double place = ((double)i + 0.5) * scale - 0.5;
    if (strcmp(filter, "nearest") == 0)
        return at == floor((double)i * scale + 1e-9);
    if (strcmp(filter, "nearest-exact") == 0)
        return at == floor(((double)i + 0.5) * scale + 1e-9);
    if (strcmp(filter, "bilinear-corners") == 0)
        place = out > 1 ? (double)i * (double)(in - 1) / (double)(out - 1) : 0;
    if (!antialias)
        place = fmin(fmax(place, 0), (double)(in - 1));
    return fmax(0, 1 - fabs(at - place) / (antialias ? scale : 1));
}

static double resize_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = twin_in_shape(run), out = run->node->shape;
    const char *filter =
        td_key_find(run->node->op->keys, "filter")->words[twin_value(run, "filter")->word];
    double sum = 0, weights = 0;
    for (size_t iy = 0; iy < in.height; iy++)
        for (size_t ix = 0; ix < in.width; ix++) {
            const double weight = resize_weight(filter, in.height, out.height, y, iy) *
                                  resize_weight(filter, in.width, out.width, x, ix);
            sum += weight * run->in[0][twin_at(in, n, iy, ix, c)];
            weights += weight;
        }
    return sum / weights;
}

static void resize(const twin_run *run) {
    twin_for_each(run, resize_output);
}

static void layer_norm(const twin_run *run) {
    const size_t channels = twin_in_shape(run).channels;
    for (size_t i = 0; i < twin_in_count(run); i++) {
        const double *x = run->in[0] + i / channels * channels;
        double mean = 0, square = 0;
        for (size_t c = 0; c < channels; c++) {
            mean += x[c] / (double)channels;
            square += x[c] * x[c] / (double)channels;
        }
        run->out[i] = run->params[0][i % channels] * (run->in[0][i] - mean) /
                          sqrt(square - mean * mean + twin_value(run, "epsilon")->number) +
                      run->params[1][i % channels];
    }
}

static void lrn(const twin_run *run) {
    const ptrdiff_t channels = (ptrdiff_t)twin_in_shape(run).channels;
    const ptrdiff_t size = (ptrdiff_t)twin_count(run, "size");
    for (ptrdiff_t i = 0; i < (ptrdiff_t)twin_in_count(run); i++) {
        const ptrdiff_t pixel = i / channels * channels, c = i % channels;
        double sum = 0;
        for (ptrdiff_t k = c - size / 2; k < c - size / 2 + size; k++)
            sum += k < 0 || k >= channels ? 0 : pow(run->in[0][pixel + k], 2);
        run->out[i] = run->in[0][i] / pow(twin_value(run, "k")->number +
                                              twin_value(run, "alpha")->number * sum / (double)size,
                                          twin_value(run, "beta")->number);
    }
}

const twin_row twin_layers[] = {
    {"adaptive-avg-pool", adaptive_avg_pool},
    {"avg-pool", avg_pool},
    {"batch-norm", batch_norm},
    {"constant", constant},
    {"conv", conv},
    {"conv-transpose", conv_transpose},
    {"dense", dense},
    {"global-avg-pool", global_avg_pool},
    {"layer-norm", layer_norm},
    {"lrn", lrn},
    {"matmul", matmul},
    {"max-pool", max_pool},
    {"resize", resize},
    {0},
};
