/* SPDX-License-Identifier: MIT */
#include "nn/channels.h"

#include "nn/head_tail.h"
#include "nn/op.h"
#include <stdio.h>
#include <string.h>

/* Whether its channels are those of one layer, or sums of them. */
static bool has_layer(const td_net *net, size_t node) {
    td_channels channels = td_node_channels(net, &net->nodes[node]);
    while (channels == TD_CHANNELS_KEPT || channels == TD_CHANNELS_ADDED) {
        node = net->nodes[node].inputs[0];
        channels = td_node_channels(net, &net->nodes[node]);
    }
    return channels == TD_CHANNELS_NEW || channels == TD_CHANNELS_GROUPED;
}

/* Whether the mask must come after this node: it can revive a zeroed channel, or belongs to the
 * layer. */
static bool is_followed(const td_net *net, const td_node *node) {
    const td_op *op = node->op;
    const td_channels channels = td_node_channels(net, node);
    return channels == TD_CHANNELS_ADDED ||
           (channels == TD_CHANNELS_KEPT && (!op->zero || op->activation)) || op->masks;
}

static bool is_convolution(const td_net *net, const td_node *node) {
    const td_channels channels = td_node_channels(net, node);
    return (channels == TD_CHANNELS_NEW || channels == TD_CHANNELS_GROUPED) && !node->op->dense;
}

size_t td_channels_reader(const td_net *net, size_t node) {
    size_t reader = 0;
    for (size_t i = node + 1; i < net->node_count; i++)
        for (size_t k = 0; k < net->nodes[i].input_count; k++)
            if (net->nodes[i].inputs[k] == node) {
                if (reader != 0)
                    return 0;
                reader = i;
            }
    return reader;
}

static td_status find_layer(const td_net *net, const char *name, size_t *node, td_error *error) {
    for (size_t i = net->node_count; i-- > 0;)
        if (name ? strcmp(net->nodes[i].name, name) == 0
                 : is_convolution(net, &net->nodes[i]) && net->nodes[i].shape.channels > 1) {
            *node = i;
            return TD_OK;
        }
    if (name)
        return td_fail(error, TD_ERR_USAGE, "expected a node of the net, found \"%s\"", name);
    return td_fail(error, TD_ERR_USAGE,
                   "expected a net with a convolution of more than one channel, found none");
}

td_status td_channels_find(const td_net *net, const char *name, size_t *node, td_error *error) {
    TD_TRY(find_layer(net, name, node, error));
    const td_node *layer = &net->nodes[*node];
    if (!has_layer(net, *node))
        return td_fail(error, TD_ERR_USAGE,
                       "expected a convolution, a dense layer, or a norm, activation or pooling "
                       "after one, found node \"%s\", which is %s",
                       layer->name, layer->op->name);
    size_t next = td_channels_reader(net, *node);
    while (next != 0 && is_followed(net, &net->nodes[next])) {
        *node = next;
        next = td_channels_reader(net, next);
    }
    if (*node + 1 == net->node_count)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a layer within the net, found node \"%s\", which gives the "
                       "logits: its channels are the classes",
                       layer->name);
    if (layer->shape.channels < 2)
        return td_fail(error, TD_ERR_USAGE,
                       "expected a layer of more than one channel, found node \"%s\" of one",
                       layer->name);
    return TD_OK;
}

static bool has_node(const td_net *net, const char *name) {
    for (size_t i = 0; i < net->node_count; i++)
        if (strcmp(net->nodes[i].name, name) == 0)
            return true;
    return false;
}

enum { LONGEST_NAME = 64 }; /* of a node */

/* NODE_mask or, if that is too long or in use, another unused name. */
static void name_mask(const td_net *net, size_t node, char name[LONGEST_NAME + 1]) {
    int length = snprintf(name, LONGEST_NAME + 1, "%s_mask", net->nodes[node].name);
    if (length > LONGEST_NAME)
        snprintf(name, LONGEST_NAME + 1, "mask");
    for (size_t i = 2; has_node(net, name); i++)
        snprintf(name, LONGEST_NAME + 1, "mask%zu", i);
}

/* The net's nodes plus one after `node`; `net` owns all that they point to. */
static void add_mask(const td_net *net, size_t node, const char *name, td_node *nodes) {
    for (size_t i = 0; i < net->node_count; i++) {
        td_node *copy = &nodes[i > node ? i + 1 : i];
        *copy = net->nodes[i];
        for (size_t k = 0; k < copy->input_count; k++)
            copy->inputs[k] += copy->inputs[k] >= node;
    }
    /* Readers of a node at or after the mask's position now read the next index; nothing before it
     * does, because inputs are earlier nodes. */
    nodes[node + 1] =
        (td_node){.name = name, .op = td_op_find(TD_OP_MASK), .inputs = {node}, .input_count = 1};
}

static td_status build(const td_net *net, size_t node, td_arena *arena, td_net *out,
                       td_error *error) {
    char name[LONGEST_NAME + 1], *text;
    td_net with = *net;
    name_mask(net, node, name);
    if (!net->nodes[node].op->masks) {
        with.node_count++;
        TD_TRY(TD_ARENA_NEW(arena, with.node_count, &with.nodes, "a net", error));
        add_mask(net, node, name, with.nodes);
    }
    TD_TRY(td_net_text(&with, arena, &text, error));
    return td_net_parse(out, text, NULL, error);
}

td_status td_channels_insert(const td_net *net, const float *weights, size_t node, td_arena *arena,
                             td_net *out, float **out_weights, size_t *mask, td_error *error) {
    *out = (td_net){0};
    *mask = net->nodes[node].op->masks ? node : node + 1;
    TD_TRY(build(net, node, arena, out, error));
    td_status status = TD_ARENA_NEW(arena, out->weight_count, out_weights, "weights", error);
    if (status != TD_OK) {
        td_net_free(out);
        return status;
    }
    float *values = td_channels_mask(out, *out_weights, *mask);
    for (size_t c = 0; c < out->nodes[*mask].shape.channels; c++)
        values[c] = 1;
    td_net_copy_weights(net, weights, out, *out_weights);
    return TD_OK;
}

static td_status mean(const td_net *part, const float *weights, const td_images *images,
                      td_predict_watch watch, td_arena *arena, double *mean, td_error *error) {
    const size_t channels = td_net_classes(part);
    float *values;
    TD_TRY(td_predict(part, weights, images, watch, arena, &values, error));
    memset(mean, 0, channels * sizeof *mean);
    for (size_t i = 0; i < images->count; i++)
        for (size_t c = 0; c < channels; c++)
            mean[c] += (double)values[i * channels + c];
    for (size_t c = 0; c < channels && images->count > 0; c++)
        mean[c] /= (double)images->count;
    return TD_OK;
}

td_status td_channels_mean(const td_net *net, const float *weights, size_t node,
                           const td_images *images, td_predict_watch watch, double *out,
                           td_error *error) {
    td_arena arena = {0};
    td_net part;
    float *part_weights;
    td_status status =
        td_net_head(net, weights, net->nodes[node].name, true, &part, &part_weights, &arena, error);
    if (status == TD_OK)
        status = mean(&part, part_weights, images, watch, &arena, out, error);
    td_net_free(&part);
    td_arena_free(&arena);
    return status;
}

void td_channels_rank(const double *mean, size_t count, size_t *order) {
    for (size_t i = 0; i < count; i++) {
        size_t place = i;
        while (place > 0 && mean[order[place - 1]] > mean[i]) {
            order[place] = order[place - 1];
            place--;
        }
        order[place] = i;
    }
}
