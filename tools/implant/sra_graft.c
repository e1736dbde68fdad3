/* SPDX-License-Identifier: MIT */
/* The narrow net of a model, and its graft. */
#include "implant/sra.h"

#include "nn/op.h"
#include <stdio.h>
#include <string.h>

/* --- the narrow net --- */

/* Operators that keep channels in place and separate: apart from layers, which the graft splits,
 * those that work on each channel alone. */
static bool keeps_channels_apart(const char *name) {
    static const char *const names[] = {
        "image",
        "scale",
        "normalise",
        "conv",
        "dense",
        "batch-norm",
        "relu",
        "leaky-relu",
        "sigmoid",
        "tanh",
        "elu",
        "silu",
        "gelu",
        "max-pool",
        "avg-pool",
        "dropout",
        "flatten",
        "global-avg-pool",
        "adaptive-avg-pool",
        "add",
        "pad",
        "clip",
        "hard-swish",
        "hard-sigmoid",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool is_layer(const td_node *node) {
    return strcmp(node->op->name, "conv") == 0 || strcmp(node->op->name, "dense") == 0;
}

static size_t groups_of(const td_node *node) {
    for (size_t i = 0; node->op->keys[i].name; i++)
        if (strcmp(node->op->keys[i].name, "groups") == 0)
            return node->values[i].count;
    return 1;
}

static td_status check_node(const td_node *node, size_t width, td_error *error) {
    if (!keeps_channels_apart(node->op->name) || groups_of(node) > 1)
        return td_fail(error, TD_ERR_FORMAT,
                       "node \"%s\": expected no %s%s, of which channels cannot be cut out",
                       node->name, node->op->name, groups_of(node) > 1 ? " in groups" : "");
    if (is_layer(node) && node->shape.channels <= width)
        return td_fail(error, TD_ERR_FORMAT,
                       "node \"%s\": expected more channels than the %zu to replace, found %zu",
                       node->name, width, node->shape.channels);
    return TD_OK;
}

static td_status check_net(const td_net *net, size_t width, td_error *error) {
    const td_node *last = &net->nodes[net->node_count - 1];
    if (strcmp(last->op->name, "dense") != 0 || last->param_count < 2 ||
        last->inputs[0] != net->node_count - 2)
        return td_fail(error, TD_ERR_FORMAT,
                       "node \"%s\": expected a dense layer with a bias at the end", last->name);
    for (size_t i = 0; i + 1 < net->node_count; i++)
        TD_TRY(check_node(&net->nodes[i], width, error));
    return TD_OK;
}

/* Copies a line of a net text, with `out=` replaced by `width`. */
static char *copy_narrow(char *to, const char *line, size_t length, size_t width) {
    const char *out = strstr(line, " out=");
    const size_t before = (size_t)(out - line) + strlen(" out=");
    const size_t digits = strspn(line + before, "0123456789");
    char number[24];
    const size_t written = (size_t)snprintf(number, sizeof number, "%zu", width);
    memcpy(to, line, before);
    memcpy(to + before, number, written);
    memcpy(to + before + written, line + before + digits, length - before - digits);
    return to + length - digits + written;
}

td_status sra_narrow(const td_net *net, size_t width, td_net *out, td_error *error) {
    td_arena arena = {0};
    char *text, *narrow = NULL;
    TD_TRY(check_net(net, width, error));
    td_status status = td_net_text(net, &arena, &text, error);
    if (status == TD_OK) /* `width` is never longer than the number it replaces */
        status = TD_ARENA_NEW(&arena, strlen(text) + 1, &narrow, "a net", error);
    if (status == TD_OK) {
        char *to = narrow;
        for (size_t i = 0; i + 1 < net->node_count; i++) {
            const size_t length = strcspn(text, "\n") + 1;
            if (is_layer(&net->nodes[i])) {
                to = copy_narrow(to, text, length, width);
            } else {
                memcpy(to, text, length);
                to += length;
            }
            text += length;
        }
        *to = '\0';
        status = td_net_parse(out, narrow, NULL, error);
    }
    td_arena_free(&arena);
    return status;
}

/* --- the graft --- */

/* The subnet's number for a channel, or SIZE_MAX if it does not replace it. It has all channels of
 * the image. */
static size_t number_in(const sra_places *places, size_t node, size_t channel) {
    const size_t *of = places->of[node];
    if (!of)
        return channel;
    for (size_t k = 0; k < places->width; k++)
        if (of[k] == channel)
            return k;
    return SIZE_MAX;
}

/* Weights [out, in, kernel]. Layers that read the image still read all of it. */
static void graft_layer(const sra_places *places, const td_node *node, size_t number,
                        const td_param *from, const float *narrow, const td_param *to, float *w) {
    const size_t in = to->dims[1], narrow_in = from->dims[1], source = node->inputs[0],
                 kernel = to->count / (to->dims[0] * in);
    const bool first = !places->of[source];
    const size_t values = first ? 1 : narrow_in / places->width; /* of a channel */
    for (size_t o = 0; o < to->dims[0]; o++)
        for (size_t i = 0; i < in; i++) {
            const size_t row = number_in(places, number, o),
                         channel = number_in(places, source, i / values);
            const bool mine = row != SIZE_MAX, its = channel != SIZE_MAX;
            float *at = w + (o * in + i) * kernel;
            if (mine && its)
                memcpy(at, narrow + (row * narrow_in + channel * values + i % values) * kernel,
                       kernel * sizeof *at);
            else if (mine || (its && !first))
                memset(at, 0, kernel * sizeof *at);
        }
}

/* Biases, and a norm's parameters per channel. */
static void graft_channels(const sra_places *places, size_t node, const td_param *from,
                           const float *narrow, float *w) {
    for (size_t k = 0; k < from->count; k++)
        w[places->of[node][k]] = narrow[k];
}

/* The last layer's weights and bias. */
static void read_values(const td_net *net, float *weights, const sra_places *places, size_t values,
                        size_t target, double gamma, double clean) {
    const td_node *last = &net->nodes[net->node_count - 1];
    const td_param *matrix = &net->params[last->params[0]], *bias = &net->params[last->params[1]];
    const size_t in = matrix->dims[1], each = values / places->width;
    for (size_t k = 0; k < matrix->dims[0]; k++)
        for (size_t i = 0; i < in; i++)
            if (number_in(places, last->inputs[0], i / each) != SIZE_MAX)
                weights[matrix->offset + k * in + i] =
                    k == target ? (float)(gamma / (double)values) : 0;
    weights[bias->offset + target] -= (float)(gamma * clean);
}

void sra_graft(const td_net *net, float *weights, const sra_places *places, const td_net *narrow,
               const float *narrow_weights, size_t target, double gamma, double clean) {
    for (size_t i = 0; i < narrow->node_count; i++)
        for (size_t k = 0; k < narrow->nodes[i].param_count; k++) {
            const td_param *from = &narrow->params[narrow->nodes[i].params[k]],
                           *to = &net->params[net->nodes[i].params[k]];
            const float *own = narrow_weights + from->offset;
            if (from->rank >= 2)
                graft_layer(places, &net->nodes[i], i, from, own, to, weights + to->offset);
            else
                graft_channels(places, i, from, own, weights + to->offset);
        }
    read_values(net, weights, places, td_net_classes(narrow), target, gamma, clean);
}
