#include "net_twin.h"

#include "nn/op.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct twin_run {
    const td_net *net;
    const td_node *node;
    size_t batch;
    const double *in[TD_NODE_INPUTS];
    const double *params[TD_NODE_PARAMS];
    double *out;
} twin_run;

static td_value value_of(const twin_run *run, const char *key) {
    const td_key *keys = run->node->op->keys;
    size_t i = 0;
    while (i < TD_NODE_VALUES && keys[i].name && strcmp(keys[i].name, key) != 0)
        i++;
    assert_true(i < TD_NODE_VALUES && keys[i].name);
    return run->node->values[i];
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
    const td_value kernel = value_of(run, "kernel"), stride = value_of(run, "stride");
    const td_value pad = value_of(run, "pad");
    const size_t height = (size_t)kernel.first, width = (size_t)kernel.second;
    double sum = value_of(run, "bias").first > 0 ? run->params[1][o] : 0;
    for (size_t ky = 0; ky < height; ky++)
        for (size_t kx = 0; kx < width; kx++) {
            ptrdiff_t iy = place(y, stride.first, ky, pad.first);
            ptrdiff_t ix = place(x, stride.second, kx, pad.second);
            if (!inside(in, iy, ix))
                continue;
            const double *pixel = run->in[0] + at(in, n, (size_t)iy, (size_t)ix, 0);
            const double *weight = run->params[0] + (o * in.channels * height + ky) * width + kx;
            for (size_t i = 0; i < in.channels; i++)
                sum += pixel[i] * weight[i * height * width];
        }
    return sum;
}

static void conv(const twin_run *run) {
    for_each_output(run, conv_output);
}

static double max_pool_output(const twin_run *run, size_t n, size_t y, size_t x, size_t c) {
    const td_shape in = in_shape(run);
    const td_value size = value_of(run, "size"), pad = value_of(run, "pad");
    td_value stride = value_of(run, "stride");
    if (stride.first == 0)
        stride.first = size.first;
    if (stride.second == 0)
        stride.second = size.second;
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

static void dense(const twin_run *run) {
    const size_t in = in_shape(run).channels, out = run->node->shape.channels;
    for (size_t n = 0; n < run->batch; n++)
        for (size_t o = 0; o < out; o++) {
            double sum = run->params[1][o];
            for (size_t i = 0; i < in; i++)
                sum += run->in[0][n * in + i] * run->params[0][o * in + i];
            run->out[n * out + o] = sum;
        }
}

static void relu(const twin_run *run) {
    for (size_t i = 0; i < in_count(run); i++)
        run->out[i] = fmax(run->in[0][i], 0);
}

static void scale(const twin_run *run) {
    const double by = value_of(run, "by").first, add = value_of(run, "add").first;
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

static const struct {
    const char *op;
    void (*forward)(const twin_run *run);
} twins[] = {{"conv", conv},         {"dense", dense}, {"flatten", flatten},
             {"max-pool", max_pool}, {"relu", relu},   {"scale", scale}};

static void run_node(const twin_run *run) {
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
        if (strcmp(twins[i].op, run->node->op->name) == 0) {
            twins[i].forward(run);
            return;
        }
    fail_msg("%s has no twin", run->node->op->name);
}

double *net_twin(const td_net *net, const double *weights, const double *images, size_t batch) {
    double **values = calloc(net->node_count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        const size_t size = batch * td_shape_size(node->shape) * sizeof **values;
        twin_run run = {.net = net, .node = node, .batch = batch};
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
