/* SPDX-License-Identifier: MIT */
/* Attention maps, and the choice of their nodes. */
#include "defend/repair/nad.h"

#include "nn/head_tail.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

static const double epsilon = 1e-6;

/* Σ_c F_c² at each position; returns its norm. */
static double sum_squares(const float *maps, size_t channels, size_t positions, double *sums) {
    double squares = 0;
    memset(sums, 0, positions * sizeof *sums);
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < positions; p++)
            sums[p] += (double)maps[c * positions + p] * (double)maps[c * positions + p];
    for (size_t p = 0; p < positions; p++)
        squares += sums[p] * sums[p];
    return sqrt(squares);
}

double nad_attention(const float *student, const float *teacher, size_t channels, size_t positions,
                     double share, float *gradient, double *scratch) {
    double *s = scratch, *t = s + positions, *by_a = t + positions;
    double loss = 0, dot = 0;
    memset(gradient, 0, channels * positions * sizeof *gradient);
    if (positions == 1)
        return 0;
    const double norm = sum_squares(student, channels, positions, s), length = norm + epsilon;
    const double teacher_length = sum_squares(teacher, channels, positions, t) + epsilon;
    for (size_t p = 0; p < positions; p++) {
        const double difference = s[p] / length - t[p] / teacher_length;
        loss += difference * difference / (double)positions;
        by_a[p] = 2 * share * difference / (double)positions;
        dot += by_a[p] * s[p];
    }
    if (!(norm > 0)) /* all values are 0, and so is the gradient of their squares */
        return loss;
    for (size_t p = 0; p < positions; p++) {
        const double by_s = by_a[p] / length - s[p] * dot / (norm * length * length);
        for (size_t c = 0; c < channels; c++)
            gradient[c * positions + p] = (float)(2 * by_s * (double)student[c * positions + p]);
    }
    return loss;
}

static bool is_convolution(const td_net *net, const td_node *node) {
    const td_channels channels = td_node_channels(net, node);
    return (channels == TD_CHANNELS_NEW || channels == TD_CHANNELS_GROUPED) && !node->op->dense;
}

static bool is_added(const td_net *net, size_t i) {
    return td_node_channels(net, &net->nodes[i]) == TD_CHANNELS_ADDED;
}

bool nad_begins_layer(const td_net *net, size_t i) {
    return is_convolution(net, &net->nodes[i]) || is_added(net, i);
}

bool nad_ends_layer(const td_net *net, size_t i, size_t before) {
    const td_node *node = &net->nodes[i];
    const td_shape in = net->nodes[node->inputs[0]].shape;
    const bool same = in.height == node->shape.height && in.width == node->shape.width;
    if (node->shape.height * node->shape.width == 1 || !td_net_splits(net, i))
        return false;
    if (nad_begins_layer(net, i))
        return true;
    return td_node_channels(net, node) == TD_CHANNELS_KEPT && same && before == node->inputs[0] &&
           before != 0 && (node->op->activation || !is_added(net, before));
}

td_status nad_stages(const td_net *net, size_t nodes[NAD_STAGES], size_t *count, td_error *error) {
    *count = 0;
    for (size_t i = 1; i + 1 < net->node_count; i++) {
        const td_shape shape = net->nodes[i].shape;
        if (!nad_ends_layer(net, i, *count ? nodes[*count - 1] : 0))
            continue;
        const td_shape last = *count ? net->nodes[nodes[*count - 1]].shape : (td_shape){0};
        if (last.height == shape.height && last.width == shape.width) {
            nodes[*count - 1] = i;
            continue;
        }
        if (*count == NAD_STAGES)
            memmove(nodes, nodes + 1, --*count * sizeof *nodes);
        nodes[(*count)++] = i;
    }
    return *count > 0 ? TD_OK
                      : td_fail(error, TD_ERR_USAGE,
                                "expected a net with a convolution of more than one position, "
                                "whose attention can be compared, found none");
}
