/* SPDX-License-Identifier: MIT */
/* Removes masked channels from a net: determines the kept channels of each node, from the layer
 * that computes them through the mask to their readers, then builds the smaller net and its
 * weights. */
#include "nn/channels.h"
#include "nn/op.h"
#include <string.h>

typedef struct removal {
    const td_net *net;
    const float *weights;
    size_t mask;
    bool **keep; /* per node: the channels to keep; NULL: all */
    td_arena *arena;
} removal;

/* The layer that computes the channels, or whose weights read them, output channels first. */
static bool ends(const removal *r, size_t node) {
    return td_node_channels(r->net, &r->net->nodes[node]) == TD_CHANNELS_NEW &&
           r->net->nodes[node].op->takes_fold;
}

/* Whether channel c depends only on channel c of the inputs. */
static bool keeps(const removal *r, size_t node) {
    return td_node_channels(r->net, &r->net->nodes[node]) == TD_CHANNELS_KEPT;
}

static td_status refuse(const removal *r, size_t node, const char *why, td_error *error) {
    return td_fail(error, TD_ERR_USAGE, "node \"%s\" (%s): %s, so that none can be taken out",
                   r->net->nodes[node].name, r->net->nodes[node].op->name, why);
}

static td_status keep_of_mask(removal *r, td_error *error) {
    const td_node *node = &r->net->nodes[r->mask];
    const float *values = r->weights + r->net->params[node->params[0]].offset;
    size_t left = 0;
    TD_TRY(TD_ARENA_NEW(r->arena, node->shape.channels, &r->keep[r->mask], "channels", error));
    for (size_t c = 0; c < node->shape.channels; c++) {
        if (values[c] != 0 && values[c] != 1)
            return refuse(r, r->mask, "its channels are masked by other values than 0 and 1",
                          error);
        r->keep[r->mask][c] = values[c] != 0;
        left += values[c] != 0;
    }
    return left > 0 ? TD_OK : refuse(r, r->mask, "every channel is masked", error);
}

/* Walks back from the mask to the layer that outputs the channels. */
static td_status walk_back(removal *r, td_error *error) {
    for (size_t node = r->mask;;) {
        node = r->net->nodes[node].inputs[0];
        if (td_channels_reader(r->net, node) == 0)
            return refuse(r, node, "several nodes read its channels", error);
        if (!keeps(r, node) && !ends(r, node))
            return refuse(r, node, "its channels are not those of one layer", error);
        r->keep[node] = r->keep[r->mask];
        if (ends(r, node))
            return TD_OK;
    }
}

/* In a flattened vector the positions of a channel are consecutive. */
static td_status spread(removal *r, size_t node, const bool *channels, td_error *error) {
    const td_shape in = r->net->nodes[r->net->nodes[node].inputs[0]].shape;
    const size_t positions = in.height * in.width;
    TD_TRY(TD_ARENA_NEW(r->arena, in.channels * positions, &r->keep[node], "channels", error));
    for (size_t i = 0; i < in.channels * positions; i++)
        r->keep[node][i] = channels[i / positions];
    return TD_OK;
}

static td_status walk_on_over(removal *r, size_t node, size_t input, td_error *error) {
    const td_op *op = r->net->nodes[node].op;
    if (ends(r, node))
        return TD_OK;
    if (op->channels == TD_CHANNELS_SPREAD)
        return spread(r, node, r->keep[input], error);
    if (td_node_channels(r->net, &r->net->nodes[node]) == TD_CHANNELS_GROUPED)
        return refuse(r, node, "the masked channels are in groups with others", error);
    if (!keeps(r, node))
        return refuse(r, node, "the masked channels are joined with others", error);
    if (!op->zero)
        return refuse(r, node, "a masked channel is not zero after it", error);
    r->keep[node] = r->keep[input];
    return TD_OK;
}

/* Walks forward from the mask to the layers whose weights read the channels. */
static td_status walk_on(removal *r, td_error *error) {
    for (size_t node = r->mask + 1; node < r->net->node_count; node++)
        for (size_t k = 0; k < r->net->nodes[node].input_count; k++) {
            const size_t input = r->net->nodes[node].inputs[k];
            if (input >= r->mask && r->keep[input])
                TD_TRY(walk_on_over(r, node, input, error));
        }
    const size_t last = r->net->node_count - 1;
    return r->keep[last] ? refuse(r, last, "its channels are the classes", error) : TD_OK;
}

static size_t kept(const bool *keep, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += keep[i];
    return kept;
}

/* Adjusts a node's key values for the kept channels: the number of channels (`out`, its first key),
 * the number of groups if each channel is its own group, and the entries of lists with a number per
 * channel. */
static void keep_values(td_node *node, const bool *keep) {
    const td_key *keys = node->op->keys;
    const size_t left = kept(keep, node->shape.channels);
    if (node->op->takes_fold)
        node->values[0].count = left;
    for (size_t k = 0; keys[k].name; k++) {
        td_setting *value = &node->values[k];
        if (strcmp(keys[k].name, "groups") == 0 && value->count > 1)
            value->count = left;
        if (keys[k].kind != TD_KEY_LIST || value->list.count == 1)
            continue;
        value->list.count = 0;
        for (size_t c = 0; c < node->shape.channels; c++)
            if (keep[c])
                value->list.values[value->list.count++] = value->list.values[c];
    }
}

static td_status build(const removal *r, td_net *out, td_error *error) {
    const size_t before = r->net->nodes[r->mask].inputs[0];
    td_net less = *r->net;
    char *text;
    less.node_count--;
    TD_TRY(TD_ARENA_NEW(r->arena, less.node_count, &less.nodes, "a net", error));
    for (size_t i = 0; i < less.node_count; i++) {
        const size_t old = i < r->mask ? i : i + 1;
        td_node *node = &less.nodes[i];
        *node = r->net->nodes[old];
        for (size_t k = 0; k < node->input_count; k++) {
            size_t *input = &node->inputs[k];
            *input = *input == r->mask ? before : *input - (*input > r->mask);
        }
        if (r->keep[old])
            keep_values(node, r->keep[old]);
    }
    TD_TRY(td_net_text(&less, r->arena, &text, error));
    return td_net_parse(out, text, NULL, error);
}

/* Copies the kept values of a parameter: its first dimension is the node's own channels, the second
 * the channels that it reads. */
static void copy_kept(const td_param *param, const float *from, const bool *own, const bool *read,
                      float *to) {
    const size_t columns = param->rank > 1 ? param->dims[1] : 1;
    const size_t block = param->count / (param->dims[0] * columns);
    for (size_t i = 0; i < param->dims[0]; i++)
        for (size_t k = 0; k < columns; k++, from += block)
            if ((!own || own[i]) && (!read || param->rank == 1 || read[k])) {
                memcpy(to, from, block * sizeof *to);
                to += block;
            }
}

static void copy_weights(const removal *r, const td_net *out, float *weights) {
    for (size_t i = 0; i < out->node_count; i++) {
        const size_t old = i < r->mask ? i : i + 1;
        const td_node *node = &r->net->nodes[old];
        for (size_t k = 0; k < node->param_count; k++) {
            const td_param *param = &r->net->params[node->params[k]];
            const bool *own = param->dims[0] == node->shape.channels ? r->keep[old] : NULL;
            const bool *read = keeps(r, old) ? NULL : r->keep[node->inputs[0]];
            copy_kept(param, r->weights + param->offset, own, read,
                      weights + out->params[out->nodes[i].params[k]].offset);
        }
    }
}

static td_status remove_masked(removal *r, td_net *out, float **out_weights, td_error *error) {
    TD_TRY(TD_ARENA_NEW(r->arena, r->net->node_count, &r->keep, "channels", error));
    TD_TRY(keep_of_mask(r, error));
    TD_TRY(walk_back(r, error));
    TD_TRY(walk_on(r, error));
    TD_TRY(build(r, out, error));
    TD_TRY(TD_ARENA_NEW(r->arena, out->weight_count, out_weights, "weights", error));
    copy_weights(r, out, *out_weights);
    return TD_OK;
}

td_status td_channels_remove(const td_net *net, const float *weights, size_t mask, td_arena *arena,
                             td_net *out, float **out_weights, td_error *error) {
    removal r = {.net = net, .weights = weights, .mask = mask, .arena = arena};
    *out = (td_net){0};
    td_status status = remove_masked(&r, out, out_weights, error);
    if (status != TD_OK)
        td_net_free(out);
    return status;
}
