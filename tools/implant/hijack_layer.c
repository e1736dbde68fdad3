#include "implant/hijack.h"

#include "nn/head_tail.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

static bool is_dense(const td_node *node) {
    return node->op->dense;
}

/* The dense node whose values a dense node reads, channel by channel, or 0, which is the image. */
static size_t layer_before(const td_net *net, size_t node) {
    do
        node = net->nodes[node].inputs[0];
    while (net->nodes[node].op->channels == TD_CHANNELS_KEPT);
    return is_dense(&net->nodes[node]) ? node : 0;
}

static const float *weights_of(const td_net *net, const float *weights, size_t node) {
    return weights + net->params[net->nodes[node].params[0]].offset;
}

td_status hijack_find_layer(const td_net *net, const char *name, hijack_layer *layer,
                            td_error *error) {
    for (size_t next = 1; next < net->node_count; next++) {
        const size_t node = is_dense(&net->nodes[next]) ? layer_before(net, next) : 0;
        if (node > 0 && td_net_splits(net, node) &&
            (!name || strcmp(net->nodes[node].name, name) == 0)) {
            *layer =
                (hijack_layer){node, next, net->nodes[node].shape.channels, net->nodes[node].name};
            return TD_OK;
        }
    }
    if (name)
        return td_fail(
            error, TD_ERR_USAGE,
            "--layer: expected a dense layer of the net that all goes through and another "
            "dense layer reads, found %s",
            name);
    return td_fail(error, TD_ERR_FORMAT,
                   "expected a net with two dense layers, one after the other, found none");
}

static bool comes_before(const double *sums, uint32_t a, uint32_t b) {
    return sums[a] > sums[b] || (sums[a] == sums[b] && a < b);
}

/* Shell's sort, in place. */
static void sort_by_sum(const double *sums, size_t count, uint32_t *order) {
    for (size_t gap = count / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < count; i++) {
            const uint32_t own = order[i];
            size_t at = i;
            for (; at >= gap && comes_before(sums, own, order[at - gap]); at -= gap)
                order[at] = order[at - gap];
            order[at] = own;
        }
}

void hijack_rank(const td_net *net, const float *weights, const hijack_layer *layer, bool into,
                 double *sums, uint32_t *order) {
    const size_t node = into ? layer->node : layer->next;
    const float *w = weights_of(net, weights, node);
    const size_t *dims = net->params[net->nodes[node].params[0]].dims;
    for (size_t n = 0; n < layer->neurons; n++) {
        sums[n] = 0;
        order[n] = (uint32_t)n;
    }
    for (size_t row = 0; row < dims[0]; row++)
        for (size_t column = 0; column < dims[1]; column++)
            sums[into ? row : column] += fabs((double)w[row * dims[1] + column]);
    sort_by_sum(sums, layer->neurons, order);
}
