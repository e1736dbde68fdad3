/* SPDX-License-Identifier: MIT */
/* Inserts the nodes with bounds, and computes their penalty. */
#include "defend/repair/mm_bm.h"

#include "defend/repair/nad.h"
#include "defend/repair/taps.h"
#include "nn/head_tail.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

static bool is_cap(const td_node *node) {
    return strcmp(node->op->name, "cap") == 0;
}

td_status mmbm_find(const td_net *net, size_t nodes[MMBM_LAYERS], size_t *count, td_error *error) {
    bool stem = true; /* the last one is the end of the first layer, and keeps its position */
    *count = 0;
    for (size_t i = 1; i + 1 < net->node_count; i++) {
        const size_t last = *count ? nodes[*count - 1] : 0;
        if (!nad_ends_layer(net, i, last))
            continue;
        const td_shape shape = net->nodes[i].shape, before = net->nodes[last].shape;
        const bool begins = nad_begins_layer(net, i);
        const bool same = before.height == shape.height && before.width == shape.width;
        if (*count > 0 && same && (!stem || !begins)) {
            nodes[*count - 1] = i;
            continue;
        }
        if (*count == MMBM_LAYERS)
            break;
        stem = *count == 0;
        nodes[(*count)++] = i;
    }
    return *count > 0 ? TD_OK
                      : td_fail(error, TD_ERR_USAGE,
                                "expected a net with a convolution of more than one position, "
                                "whose activations can be bounded, found none");
}

/* --- the net --- */

/* Nodes after the cap's position move by one; readers of `node` read the cap. */
static void add_cap(td_node *nodes, size_t count, size_t node, const char *name) {
    memmove(nodes + node + 2, nodes + node + 1, (count - node - 1) * sizeof *nodes);
    for (size_t i = node + 2; i <= count; i++)
        for (size_t k = 0; k < nodes[i].input_count; k++)
            nodes[i].inputs[k] += nodes[i].inputs[k] >= node;
    nodes[node + 1] =
        (td_node){.name = name, .op = td_op_find("cap"), .inputs = {node}, .input_count = 1};
}

static td_status build(const td_net *net, const size_t *nodes, size_t count, td_arena *arena,
                       td_net *out, td_error *error) {
    td_net with = *net;
    const char *name;
    char *text;
    TD_TRY(TD_ARENA_NEW(arena, net->node_count + count, &with.nodes, "a net", error));
    memcpy(with.nodes, net->nodes, net->node_count * sizeof *with.nodes);
    for (size_t i = 0; i < count; i++) {
        TD_TRY(repair_new_name(net, nodes[i], "cap", arena, &name, error));
        add_cap(with.nodes, with.node_count++, nodes[i] + i, name);
    }
    TD_TRY(td_net_text(&with, arena, &text, error));
    TD_TRY(td_net_parse(out, text, NULL, error));
    for (size_t p = 0; p < out->param_count; p++)
        out->params[p].frozen = true;
    return TD_OK;
}

td_status mmbm_insert(const td_net *net, const float *weights, const size_t *nodes, size_t count,
                      double bound, td_arena *arena, td_net *out, float **out_weights,
                      td_error *error) {
    *out = (td_net){0};
    TD_TRY(build(net, nodes, count, arena, out, error));
    td_status status = TD_ARENA_NEW(arena, out->weight_count, out_weights, "weights", error);
    if (status != TD_OK) {
        td_net_free(out);
        return status;
    }
    td_net_copy_weights(net, weights, out, *out_weights);
    for (size_t i = 0; i < count; i++)
        out->params[out->nodes[nodes[i] + i + 1].params[0]].frozen = false;
    mmbm_bound(out, *out_weights, bound);
    return TD_OK;
}

/* The bounds of a node; NULL if it has none that learn. */
static const td_param *bounds_of(const td_net *net, size_t node) {
    const td_param *param =
        is_cap(&net->nodes[node]) ? &net->params[net->nodes[node].params[0]] : NULL;
    return param && td_param_learns(param) ? param : NULL;
}

void mmbm_bound(const td_net *net, float *weights, double bound) {
    for (size_t i = 0; i < net->node_count; i++) {
        const td_param *param = bounds_of(net, i);
        for (size_t k = 0; param && k < param->count; k++)
            weights[param->offset + k] = (float)bound;
    }
}

double mmbm_penalty(const td_net *net, const float *weights, double c, float *gradient) {
    double sum = 0;
    for (size_t i = 0; i < net->node_count; i++) {
        const td_param *param = bounds_of(net, i);
        if (!param)
            continue;
        const float *z = weights + param->offset;
        double squares = 0;
        for (size_t k = 0; k < param->count; k++)
            squares += (double)z[k] * (double)z[k];
        const double norm = sqrt(squares);
        sum += c * norm;
        for (size_t k = 0; norm > 0 && k < param->count; k++)
            gradient[param->offset + k] += (float)(c * (double)z[k] / norm);
    }
    return sum;
}
