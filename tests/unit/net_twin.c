/* SPDX-License-Identifier: MIT */
#include "twin.h"

#include "support.h"
#include <stdlib.h>
#include <string.h>

const td_setting *twin_value(const twin_run *run, const char *name) {
    const td_key *key = td_key_find(run->node->op->keys, name);
    assert_non_null(key);
    return &run->node->values[key - run->node->op->keys];
}

twin_pair twin_pair_of(const twin_run *run, const char *name) {
    const td_setting *value = twin_value(run, name);
    return (twin_pair){(double)value->pair.first, (double)value->pair.second};
}

twin_pair twin_pad(const twin_run *run) {
    const td_setting *value = twin_value(run, "pad");
    return (twin_pair){(double)value->sides.top, (double)value->sides.left};
}

size_t twin_count(const twin_run *run, const char *name) {
    return twin_value(run, name)->count;
}

td_shape twin_in_shape(const twin_run *run) {
    return run->net->nodes[run->node->inputs[0]].shape;
}

size_t twin_in_count(const twin_run *run) {
    return run->batch * td_shape_size(twin_in_shape(run));
}

size_t twin_at(td_shape shape, size_t image, size_t y, size_t x, size_t c) {
    return ((image * shape.height + y) * shape.width + x) * shape.channels + c;
}

bool twin_inside(td_shape shape, ptrdiff_t y, ptrdiff_t x) {
    return y >= 0 && x >= 0 && y < (ptrdiff_t)shape.height && x < (ptrdiff_t)shape.width;
}

ptrdiff_t twin_place(size_t out, double stride, size_t k, double pad) {
    return (ptrdiff_t)out * (ptrdiff_t)stride + (ptrdiff_t)k - (ptrdiff_t)pad;
}

void twin_for_each(const twin_run *run,
                   double (*pixel)(const twin_run *, size_t, size_t, size_t, size_t)) {
    const td_shape out = run->node->shape;
    for (size_t n = 0; n < run->batch; n++)
        for (size_t y = 0; y < out.height; y++)
            for (size_t x = 0; x < out.width; x++)
                for (size_t c = 0; c < out.channels; c++)
                    run->out[twin_at(out, n, y, x, c)] = pixel(run, n, y, x, c);
}

td_shape twin_shape(const twin_run *run, size_t input) {
    return run->net->nodes[run->node->inputs[input]].shape;
}

static void run_node(const twin_run *run) {
    static const twin_row *const tables[] = {twin_elementwise, twin_layers, twin_layouts};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const twin_row *row = tables[t]; row->op; row++)
            if (strcmp(row->op, run->node->op->name) == 0) {
                row->forward(run);
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
