/* SPDX-License-Identifier: MIT */
/* Twins of elementwise operators. */
#include "twin.h"

#include "base/random.h"
#include <math.h>
#include <string.h>

static void each(const twin_run *run, double (*value)(const twin_run *, double)) {
    for (size_t i = 0; i < twin_in_count(run); i++)
        run->out[i] = value(run, run->in[0][i]);
}

static double clip_value(const twin_run *run, double x) {
    return fmin(fmax(x, twin_value(run, "min")->number), twin_value(run, "max")->number);
}

static void clip(const twin_run *run) {
    each(run, clip_value);
}

static double elu_value(const twin_run *run, double x) {
    return x > 0 ? x : twin_value(run, "alpha")->number * (exp(x) - 1);
}

static void elu(const twin_run *run) {
    each(run, elu_value);
}

static double gelu_value(const twin_run *run, double x) {
    const double pi = acos(-1), cube = x + 0.044715 * pow(x, 3);
    return twin_value(run, "approximate")->word == 0 ? x * erfc(-x / sqrt(2)) / 2
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
    return fmin(fmax(twin_value(run, "alpha")->number * x + twin_value(run, "beta")->number, 0), 1);
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

static void cap(const twin_run *run) {
    for (size_t i = 0; i < twin_in_count(run); i++)
        run->out[i] = fmin(run->in[0][i], run->params[0][i % twin_in_shape(run).channels]);
}

static void prelu(const twin_run *run) {
    for (size_t i = 0; i < twin_in_count(run); i++) {
        const size_t c = twin_count(run, "shared") ? 0 : i % twin_in_shape(run).channels;
        run->out[i] = fmax(run->in[0][i], 0) + run->params[0][c] * fmin(run->in[0][i], 0);
    }
}

static void relu(const twin_run *run) {
    for (size_t i = 0; i < twin_in_count(run); i++)
        run->out[i] = fmax(run->in[0][i], 0);
}

static void leaky_relu(const twin_run *run) {
    const double slope = twin_value(run, "slope")->number;
    for (size_t i = 0; i < twin_in_count(run); i++)
        run->out[i] = fmax(run->in[0][i], slope * run->in[0][i]);
}

static void scale(const twin_run *run) {
    const double by = twin_value(run, "by")->number, add = twin_value(run, "add")->number;
    for (size_t i = 0; i < twin_in_count(run); i++)
        run->out[i] = by * run->in[0][i] + add;
}

/* A value of an input with broadcast sides. */
static double repeated(const twin_run *run, size_t k, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = twin_shape(run, k);
    return run->in[k][twin_at(in, n, y % in.height, x % in.width, c % in.channels)];
}

static double add_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    double sum = 0;
    for (size_t k = 0; k < run->node->input_count; k++)
        sum += repeated(run, k, n, y, x, c);
    return sum;
}

static void add(const twin_run *run) {
    twin_for_each(run, add_output);
}

static double multiply_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    return repeated(run, 0, n, y, x, c) * repeated(run, 1, n, y, x, c);
}

static void multiply(const twin_run *run) {
    twin_for_each(run, multiply_output);
}

static void dropout(const twin_run *run) {
    const double rate = twin_value(run, "rate")->number;
    const size_t size = td_shape_size(run->node->shape);
    memcpy(run->out, run->in[0], twin_in_count(run) * sizeof *run->out);
    for (size_t n = 0; run->training && n < run->batch; n++) {
        const size_t index = (size_t)(run->node - run->net->nodes) * 65536 + n;
        td_random random = td_random_for(run->training->seed, TD_FOR_DROPOUT, run->training->step,
                                         (uint32_t)index);
        for (size_t i = 0; i < size; i++)
            run->out[n * size + i] *= td_random_unit(&random) < (float)rate ? 0 : 1 / (1 - rate);
    }
}

static void sigmoid(const twin_run *run) {
    for (size_t i = 0; i < twin_in_count(run); i++)
        run->out[i] = 1 / (1 + exp(-run->in[0][i]));
}

static void hyperbolic_tangent(const twin_run *run) {
    for (size_t i = 0; i < twin_in_count(run); i++)
        run->out[i] = tanh(run->in[0][i]);
}

static void softmax(const twin_run *run) {
    const size_t channels = twin_in_shape(run).channels;
    for (size_t i = 0; i < twin_in_count(run); i++) {
        const double *pixel = run->in[0] + i / channels * channels;
        double sum = 0; /* of e to the differences, which cannot overflow */
        for (size_t c = 0; c < channels; c++)
            sum += exp(pixel[c] - run->in[0][i]);
        run->out[i] = 1 / sum;
    }
}

static void mask(const twin_run *run) {
    for (size_t i = 0; i < twin_in_count(run); i++)
        run->out[i] = run->params[0][i % twin_in_shape(run).channels] * run->in[0][i];
}

static void normalise(const twin_run *run) {
    const td_setting *mean = twin_value(run, "mean"), *deviation = twin_value(run, "deviation");
    for (size_t i = 0; i < twin_in_count(run); i++) {
        const size_t c = i % twin_in_shape(run).channels;
        run->out[i] = (run->in[0][i] - mean->list.values[mean->list.count > 1 ? c : 0]) /
                      deviation->list.values[deviation->list.count > 1 ? c : 0];
    }
}

const twin_row twin_elementwise[] = {
    {"add", add},
    {"cap", cap},
    {"clip", clip},
    {"dropout", dropout},
    {"elu", elu},
    {"gelu", gelu},
    {"hard-sigmoid", hard_sigmoid},
    {"hard-swish", hard_swish},
    {"leaky-relu", leaky_relu},
    {"mask", mask},
    {"multiply", multiply},
    {"normalise", normalise},
    {"prelu", prelu},
    {"relu", relu},
    {"scale", scale},
    {"sigmoid", sigmoid},
    {"silu", silu},
    {"softmax", softmax},
    {"tanh", hyperbolic_tangent},
    {0},
};
