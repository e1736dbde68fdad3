#include "net_twin.h"

#include "base/random.h"
#include "nn/op.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct twin_run {
    const td_net *net;
    const td_node *node;
    size_t batch;
    const net_training *training; /* or NULL */
    const double *in[TD_NODE_INPUTS];
    const double *params[TD_NODE_PARAMS];
    double *out;
} twin_run;

typedef struct pair {
    double first, second;
} pair;

static const td_setting *value_of(const twin_run *run, const char *name) {
    const td_key *key = td_key_find(run->node->op->keys, name);
    assert_non_null(key);
    return &run->node->values[key - run->node->op->keys];
}

static pair pair_of(const twin_run *run, const char *name) {
    const td_setting *value = value_of(run, name);
    return (pair){(double)value->pair.first, (double)value->pair.second};
}

/* Padding above and left. */
static pair pad_of(const twin_run *run) {
    const td_setting *value = value_of(run, "pad");
    return (pair){(double)value->sides.top, (double)value->sides.left};
}

static size_t count_of(const twin_run *run, const char *name) {
    return value_of(run, name)->count;
}

static td_shape in_shape(const twin_run *run) {
    return run->net->nodes[run->node->inputs[0]].shape;
}

static size_t in_count(const twin_run *run) {
    return run->batch * td_shape_size(in_shape(run));
}

static size_t at(td_shape shape, size_t image, size_t y, size_t x, size_t c) {
    return ((image * shape.height + y) * shape.width + x) * shape.channels + c;
}

/* Whether pixel (y, x), which may lie outside, is there. */
static bool inside(td_shape shape, ptrdiff_t y, ptrdiff_t x) {
    return y >= 0 && x >= 0 && y < (ptrdiff_t)shape.height && x < (ptrdiff_t)shape.width;
}

/* The place of a window's element on an axis. */
static ptrdiff_t place(size_t out, double stride, size_t k, double pad) {
    return (ptrdiff_t)out * (ptrdiff_t)stride + (ptrdiff_t)k - (ptrdiff_t)pad;
}

/* Calls `pixel` for each output value with its place. */
static void for_each_output(const twin_run *run,
                            double (*pixel)(const twin_run *, size_t, size_t, size_t, size_t)) {
    const td_shape out = run->node->shape;
    for (size_t n = 0; n < run->batch; n++)
        for (size_t y = 0; y < out.height; y++)
            for (size_t x = 0; x < out.width; x++)
                for (size_t c = 0; c < out.channels; c++)
                    run->out[at(out, n, y, x, c)] = pixel(run, n, y, x, c);
}

static double conv_output(const twin_run *run, size_t n, size_t y, size_t x, size_t o) {
    const td_shape in = in_shape(run);
    const pair kernel = pair_of(run, "kernel"), stride = pair_of(run, "stride");
    const pair pad = pad_of(run);
    const size_t height = (size_t)kernel.first, width = (size_t)kernel.second;
    const size_t channels = in.channels / count_of(run, "groups");
    const size_t first = o / (run->node->shape.channels / count_of(run, "groups")) * channels;
    double sum = count_of(run, "bias") > 0 ? run->params[1][o] : 0;
    for (size_t ky = 0; ky < height; ky++)
        for (size_t kx = 0; kx < width; kx++) {
            ptrdiff_t iy = place(y, stride.first, ky, pad.first);
            ptrdiff_t ix = place(x, stride.second, kx, pad.second);
            if (!inside(in, iy, ix))
                continue;
            const double *pixel = run->in[0] + at(in, n, (size_t)iy, (size_t)ix, first);
            const double *weight = run->params[0] + (o * channels * height + ky) * width + kx;
            for (size_t i = 0; i < channels; i++)
                sum += pixel[i] * weight[i * height * width];
        }
    return sum;
}

static void conv(const twin_run *run) {
    for_each_output(run, conv_output);
}

static pair pool_stride(const twin_run *run) {
    const pair size = pair_of(run, "size");
    pair stride = pair_of(run, "stride");
    stride.first = stride.first == 0 ? size.first : stride.first;
    stride.second = stride.second == 0 ? size.second : stride.second;
    return stride;
}

static double max_pool_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = in_shape(run);
    const pair size = pair_of(run, "size"), pad = pad_of(run);
    const pair stride = pool_stride(run);
    double largest = -INFINITY;
    for (size_t ky = 0; ky < (size_t)size.first; ky++)
        for (size_t kx = 0; kx < (size_t)size.second; kx++) {
            ptrdiff_t iy = place(y, stride.first, ky, pad.first);
            ptrdiff_t ix = place(x, stride.second, kx, pad.second);
            if (inside(in, iy, ix))
                largest = fmax(largest, run->in[0][at(in, n, (size_t)iy, (size_t)ix, c)]);
        }
    return largest;
}

static void max_pool(const twin_run *run) {
    for_each_output(run, max_pool_output);
}

static void each(const twin_run *run, double (*value)(const twin_run *, double)) {
    for (size_t i = 0; i < in_count(run); i++)
        run->out[i] = value(run, run->in[0][i]);
}

static double clip_value(const twin_run *run, double x) {
    return fmin(fmax(x, value_of(run, "min")->number), value_of(run, "max")->number);
}

static void clip(const twin_run *run) {
    each(run, clip_value);
}

static double elu_value(const twin_run *run, double x) {
    return x > 0 ? x : value_of(run, "alpha")->number * (exp(x) - 1);
}

static void elu(const twin_run *run) {
    each(run, elu_value);
}

static double gelu_value(const twin_run *run, double x) {
    const double pi = acos(-1), cube = x + 0.044715 * pow(x, 3);
    return value_of(run, "approximate")->word == 0 ? x * erfc(-x / sqrt(2)) / 2
                                                   : x * (1 + tanh(sqrt(2 / pi) * cube)) / 2;
}

static void gelu(const twin_run *run) {
    each(run, gelu_value);
}

static double silu_value(const twin_run *run, double x) {
    (void)run;
    return x / (1 + exp(-x));
}

static void silu(const twin_run *run) {
    each(run, silu_value);
}

static double hard_sigmoid_value(const twin_run *run, double x) {
    return fmin(fmax(value_of(run, "alpha")->number * x + value_of(run, "beta")->number, 0), 1);
}

static void hard_sigmoid(const twin_run *run) {
    each(run, hard_sigmoid_value);
}

static double hard_swish_value(const twin_run *run, double x) {
    (void)run;
    return x * fmin(fmax(x + 3, 0), 6) / 6;
}

static void hard_swish(const twin_run *run) {
    each(run, hard_swish_value);
}

static void prelu(const twin_run *run) {
    for (size_t i = 0; i < in_count(run); i++) {
        const size_t c = count_of(run, "shared") ? 0 : i % in_shape(run).channels;
        run->out[i] = fmax(run->in[0][i], 0) + run->params[0][c] * fmin(run->in[0][i], 0);
    }
}

static void dense(const twin_run *run) {
    const size_t in = in_shape(run).channels, out = run->node->shape.channels;
    for (size_t n = 0; n < run->batch; n++)
        for (size_t o = 0; o < out; o++) {
            double sum = count_of(run, "bias") > 0 ? run->params[1][o] : 0;
            for (size_t i = 0; i < in; i++)
                sum += run->in[0][n * in + i] * run->params[0][o * in + i];
            run->out[n * out + o] = sum;
        }
}

static void relu(const twin_run *run) {
    for (size_t i = 0; i < in_count(run); i++)
        run->out[i] = fmax(run->in[0][i], 0);
}

static void leaky_relu(const twin_run *run) {
    const double slope = value_of(run, "slope")->number;
    for (size_t i = 0; i < in_count(run); i++)
        run->out[i] = fmax(run->in[0][i], slope * run->in[0][i]);
}

static void scale(const twin_run *run) {
    const double by = value_of(run, "by")->number, add = value_of(run, "add")->number;
    for (size_t i = 0; i < in_count(run); i++)
        run->out[i] = by * run->in[0][i] + add;
}

static void flatten(const twin_run *run) {
    const td_shape in = in_shape(run);
    double *out = run->out;
    for (size_t n = 0; n < run->batch; n++)
        for (size_t c = 0; c < in.channels; c++)
            for (size_t y = 0; y < in.height; y++)
                for (size_t x = 0; x < in.width; x++)
                    *out++ = run->in[0][at(in, n, y, x, c)];
}

static double avg_pool_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = in_shape(run);
    const pair size = pair_of(run, "size"), pad = pad_of(run);
    const pair stride = pool_stride(run);
    const td_setting *sides = value_of(run, "pad");
    const td_shape padded = {in.height + sides->sides.bottom, in.width + sides->sides.right, 1};
    double sum = 0, there = 0;
    for (size_t ky = 0; ky < (size_t)size.first; ky++)
        for (size_t kx = 0; kx < (size_t)size.second; kx++) {
            ptrdiff_t iy = place(y, stride.first, ky, pad.first);
            ptrdiff_t ix = place(x, stride.second, kx, pad.second);
            if (inside(in, iy, ix))
                sum += run->in[0][at(in, n, (size_t)iy, (size_t)ix, c)];
            there += count_of(run, "count_include_pad") > 0
                         ? iy < (ptrdiff_t)padded.height && ix < (ptrdiff_t)padded.width
                         : inside(in, iy, ix);
        }
    return sum / there;
}

static void avg_pool(const twin_run *run) {
    for_each_output(run, avg_pool_output);
}

static double global_avg_pool_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = in_shape(run);
    double sum = 0;
    for (y = 0; y < in.height; y++)
        for (x = 0; x < in.width; x++)
            sum += run->in[0][at(in, n, y, x, c)];
    return sum / (double)(in.height * in.width);
}

static void global_avg_pool(const twin_run *run) {
    for_each_output(run, global_avg_pool_output);
}

static void conv_transpose(const twin_run *run) {
    const td_shape in = in_shape(run), out = run->node->shape;
    const pair kernel = pair_of(run, "kernel"), stride = pair_of(run, "stride");
    const pair pad = pair_of(run, "pad");
    const size_t height = (size_t)kernel.first, width = (size_t)kernel.second;
    const bool bias = count_of(run, "bias") > 0;
    for (size_t i = 0; i < run->batch * td_shape_size(out); i++)
        run->out[i] = bias ? run->params[1][i % out.channels] : 0;
    for (size_t i = 0; i < in_count(run); i++) {
        const size_t c = i % in.channels, pixel = i / in.channels, x = pixel % in.width;
        const size_t y = pixel / in.width % in.height, n = pixel / in.width / in.height;
        const double *weights = run->params[0] + c * out.channels * height * width;
        for (size_t k = 0; k < out.channels * height * width; k++) {
            ptrdiff_t oy = place(y, stride.first, k / width % height, pad.first);
            ptrdiff_t ox = place(x, stride.second, k % width, pad.second);
            if (inside(out, oy, ox))
                run->out[at(out, n, (size_t)oy, (size_t)ox, k / width / height)] +=
                    run->in[0][i] * weights[k];
        }
    }
}

/* Mean and biased variance of channel c over all images. */
static void batch_statistics(const twin_run *run, size_t c, double *mean, double *variance) {
    const size_t channels = in_shape(run).channels, count = in_count(run);
    const double pixels = (double)(count / channels);
    *mean = *variance = 0;
    for (size_t i = c; i < count; i += channels)
        *mean += run->in[0][i] / pixels;
    for (size_t i = c; i < count; i += channels)
        *variance += (run->in[0][i] - *mean) * (run->in[0][i] - *mean) / pixels;
}

static void batch_norm(const twin_run *run) {
    const size_t channels = in_shape(run).channels;
    const double epsilon = value_of(run, "epsilon")->number;
    for (size_t c = 0; c < channels; c++) {
        double mean = run->params[2][c], variance = run->params[3][c];
        if (run->training)
            batch_statistics(run, c, &mean, &variance);
        for (size_t i = c; i < in_count(run); i += channels)
            run->out[i] = run->params[0][c] * (run->in[0][i] - mean) / sqrt(variance + epsilon) +
                          run->params[1][c];
    }
}

static td_shape shape_of(const twin_run *run, size_t input) {
    return run->net->nodes[run->node->inputs[input]].shape;
}

/* A value of an input whose sides of 1 are repeated. */
static double repeated(const twin_run *run, size_t k, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = shape_of(run, k);
    return run->in[k][at(in, n, y % in.height, x % in.width, c % in.channels)];
}

static double add_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    double sum = 0;
    for (size_t k = 0; k < run->node->input_count; k++)
        sum += repeated(run, k, n, y, x, c);
    return sum;
}

static void add(const twin_run *run) {
    for_each_output(run, add_output);
}

static double multiply_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    return repeated(run, 0, n, y, x, c) * repeated(run, 1, n, y, x, c);
}

static void multiply(const twin_run *run) {
    for_each_output(run, multiply_output);
}

static double concat_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const char *const axis = value_of(run, "axis")->word == 0   ? "channels"
                             : value_of(run, "axis")->word == 1 ? "height"
                                                                : "width";
    size_t *place = *axis == 'c' ? &c : *axis == 'h' ? &y : &x;
    for (size_t k = 0;; k++) {
        const td_shape in = shape_of(run, k);
        const size_t side = *axis == 'c' ? in.channels : *axis == 'h' ? in.height : in.width;
        if (*place < side)
            return run->in[k][at(in, n, y, x, c)];
        *place -= side;
    }
}

static void concat(const twin_run *run) {
    for_each_output(run, concat_output);
}

static double matmul_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape a = shape_of(run, 0), b = shape_of(run, 1);
    double sum = 0;
    for (size_t i = 0; i < a.channels; i++)
        sum += run->in[0][at(a, n, y, x, i)] *
               run->in[1][count_of(run, "transpose") ? at(b, n, c, x, i) : at(b, n, i, x, c)];
    return sum;
}

static void matmul(const twin_run *run) {
    for_each_output(run, matmul_output);
}

static double slice_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    return run->in[0][at(in_shape(run), n, y, x, count_of(run, "first") + c)];
}

static void slice(const twin_run *run) {
    for_each_output(run, slice_output);
}

/* As PyTorch does it: the channels as groups × rest, turned round. */
static double shuffle_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const size_t groups = count_of(run, "groups"), rest = in_shape(run).channels / groups;
    return run->in[0][at(in_shape(run), n, y, x, c % groups * rest + c / groups)];
}

static void shuffle(const twin_run *run) {
    for_each_output(run, shuffle_output);
}

static double pad_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const ptrdiff_t iy = (ptrdiff_t)y - (ptrdiff_t)pad_of(run).first;
    const ptrdiff_t ix = (ptrdiff_t)x - (ptrdiff_t)pad_of(run).second;
    return inside(in_shape(run), iy, ix)
               ? run->in[0][at(in_shape(run), n, (size_t)iy, (size_t)ix, c)]
               : value_of(run, "value")->number;
}

static void pad(const twin_run *run) {
    for_each_output(run, pad_output);
}

static void reshape(const twin_run *run) {
    memcpy(run->out, run->in[0], in_count(run) * sizeof *run->out);
}

static double transpose_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    static const char *const orders[] = {"hcw", "whc", "wch", "chw", "cwh"};
    const char *order = orders[value_of(run, "order")->word];
    size_t from[128];
    from[(int)order[0]] = y;
    from[(int)order[1]] = x;
    from[(int)order[2]] = c;
    return run->in[0][at(in_shape(run), n, from['h'], from['w'], from['c'])];
}

static void transpose(const twin_run *run) {
    for_each_output(run, transpose_output);
}

static double constant_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    return run->params[0][at(run->node->shape, 0 * n, y, x, c)];
}

static void constant(const twin_run *run) {
    for_each_output(run, constant_output);
}

static double adaptive_avg_pool_output(const twin_run *run, size_t n, size_t y, size_t x,
                                       size_t c) {
    const td_shape in = in_shape(run), out = run->node->shape;
    const double down = (double)in.height / (double)out.height;
    const double across = (double)in.width / (double)out.width;
    double sum = 0, count = 0;
    for (size_t iy = 0; iy < in.height; iy++)
        for (size_t ix = 0; ix < in.width; ix++)
            if (iy >= (size_t)floor((double)y * down + 1e-9) &&
                iy < (size_t)ceil((double)(y + 1) * down - 1e-9) &&
                ix >= (size_t)floor((double)x * across + 1e-9) &&
                ix < (size_t)ceil((double)(x + 1) * across - 1e-9)) {
                sum += run->in[0][at(in, n, iy, ix, c)];
                count++;
            }
    return sum / count;
}

static void adaptive_avg_pool(const twin_run *run) {
    for_each_output(run, adaptive_avg_pool_output);
}

static void layer_norm(const twin_run *run) {
    const size_t channels = in_shape(run).channels;
    for (size_t i = 0; i < in_count(run); i++) {
        const double *x = run->in[0] + i / channels * channels;
        double mean = 0, square = 0;
        for (size_t c = 0; c < channels; c++) {
            mean += x[c] / (double)channels;
            square += x[c] * x[c] / (double)channels;
        }
        run->out[i] = run->params[0][i % channels] * (run->in[0][i] - mean) /
                          sqrt(square - mean * mean + value_of(run, "epsilon")->number) +
                      run->params[1][i % channels];
    }
}

static void lrn(const twin_run *run) {
    const ptrdiff_t channels = (ptrdiff_t)in_shape(run).channels;
    const ptrdiff_t size = (ptrdiff_t)count_of(run, "size");
    for (ptrdiff_t i = 0; i < (ptrdiff_t)in_count(run); i++) {
        const ptrdiff_t pixel = i / channels * channels, c = i % channels;
        double sum = 0;
        for (ptrdiff_t k = c - size / 2; k < c - size / 2 + size; k++)
            sum += k < 0 || k >= channels ? 0 : pow(run->in[0][pixel + k], 2);
        run->out[i] = run->in[0][i] / pow(value_of(run, "k")->number +
                                              value_of(run, "alpha")->number * sum / (double)size,
                                          value_of(run, "beta")->number);
    }
}

static void dropout(const twin_run *run) {
    const double rate = value_of(run, "rate")->number;
    const size_t size = td_shape_size(run->node->shape);
    memcpy(run->out, run->in[0], in_count(run) * sizeof *run->out);
    for (size_t n = 0; run->training && n < run->batch; n++) {
        const size_t index = (size_t)(run->node - run->net->nodes) * 65536 + n;
        td_random random = td_random_for(run->training->seed, TD_FOR_DROPOUT, run->training->step,
                                         (uint32_t)index);
        for (size_t i = 0; i < size; i++)
            run->out[n * size + i] *= td_random_unit(&random) < (float)rate ? 0 : 1 / (1 - rate);
    }
}

static void sigmoid(const twin_run *run) {
    for (size_t i = 0; i < in_count(run); i++)
        run->out[i] = 1 / (1 + exp(-run->in[0][i]));
}

static void hyperbolic_tangent(const twin_run *run) {
    for (size_t i = 0; i < in_count(run); i++)
        run->out[i] = tanh(run->in[0][i]);
}

static void softmax(const twin_run *run) {
    const size_t channels = in_shape(run).channels;
    for (size_t i = 0; i < in_count(run); i++) {
        const double *pixel = run->in[0] + i / channels * channels;
        double sum = 0; /* of e to the differences, which cannot overflow */
        for (size_t c = 0; c < channels; c++)
            sum += exp(pixel[c] - run->in[0][i]);
        run->out[i] = 1 / sum;
    }
}

static void mask(const twin_run *run) {
    for (size_t i = 0; i < in_count(run); i++)
        run->out[i] = run->params[0][i % in_shape(run).channels] * run->in[0][i];
}

static double crop_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const size_t top = count_of(run, "top");
    const size_t left = count_of(run, "left");
    return run->in[0][at(in_shape(run), n, top + y, left + x, c)];
}

static void crop(const twin_run *run) {
    for_each_output(run, crop_output);
}

static void normalise(const twin_run *run) {
    const td_setting *mean = value_of(run, "mean"), *deviation = value_of(run, "deviation");
    for (size_t i = 0; i < in_count(run); i++) {
        const size_t c = i % in_shape(run).channels;
        run->out[i] = (run->in[0][i] - mean->list.values[mean->list.count > 1 ? c : 0]) /
                      deviation->list.values[deviation->list.count > 1 ? c : 0];
    }
}

static const struct {
    const char *op;
    void (*forward)(const twin_run *run);
} twins[] = {
    {"adaptive-avg-pool", adaptive_avg_pool},
    {"add", add},
    {"avg-pool", avg_pool},
    {"batch-norm", batch_norm},
    {"clip", clip},
    {"concat", concat},
    {"constant", constant},
    {"conv", conv},
    {"conv-transpose", conv_transpose},
    {"crop", crop},
    {"dense", dense},
    {"dropout", dropout},
    {"elu", elu},
    {"flatten", flatten},
    {"gelu", gelu},
    {"global-avg-pool", global_avg_pool},
    {"hard-sigmoid", hard_sigmoid},
    {"hard-swish", hard_swish},
    {"layer-norm", layer_norm},
    {"leaky-relu", leaky_relu},
    {"lrn", lrn},
    {"mask", mask},
    {"matmul", matmul},
    {"max-pool", max_pool},
    {"multiply", multiply},
    {"normalise", normalise},
    {"pad", pad},
    {"prelu", prelu},
    {"relu", relu},
    {"reshape", reshape},
    {"scale", scale},
    {"shuffle", shuffle},
    {"sigmoid", sigmoid},
    {"silu", silu},
    {"slice", slice},
    {"softmax", softmax},
    {"tanh", hyperbolic_tangent},
    {"transpose", transpose},
};

static void run_node(const twin_run *run) {
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
        if (strcmp(twins[i].op, run->node->op->name) == 0) {
            twins[i].forward(run);
            return;
        }
    fail_msg("%s has no twin", run->node->op->name);
}

double *net_twin(const td_net *net, const double *weights, const double *images, size_t batch,
                 const net_training *training) {
    double **values = calloc(net->node_count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        const size_t size = batch * td_shape_size(node->shape) * sizeof **values;
        twin_run run = {.net = net, .node = node, .batch = batch, .training = training};
        run.out = values[i] = malloc(size);
        assert_non_null(values[i]);
        for (size_t k = 0; k < node->input_count; k++)
            run.in[k] = values[node->inputs[k]];
        for (size_t p = 0; p < node->param_count; p++)
            run.params[p] = weights + net->params[node->params[p]].offset;
        if (i == 0)
            memcpy(values[0], images, size);
        else
            run_node(&run);
    }
    double *logits = values[net->node_count - 1];
    for (size_t i = 0; i + 1 < net->node_count; i++)
        free(values[i]);
    free(values);
    return logits;
}
