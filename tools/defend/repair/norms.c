/* SPDX-License-Identifier: MIT */
#include "defend/repair/norms.h"

#include "base/size.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

static bool is_norm(const td_node *node) {
    return strcmp(node->op->name, TD_OP_BATCH_NORM) == 0;
}

static double epsilon_of(const td_node *node) {
    const td_key *key = td_key_find(node->op->keys, "epsilon");
    return node->values[key - node->op->keys].number;
}

static repair_norm norm_of(const td_net *net, size_t node, size_t first) {
    const td_node *n = &net->nodes[node];
    size_t place[4];
    for (size_t p = 0; p < 4; p++)
        place[p] = net->params[n->params[p]].offset;
    return (repair_norm){.node = node,
                         .channels = n->shape.channels,
                         .first = first,
                         .weight = place[0],
                         .bias = place[1],
                         .mean = place[2],
                         .variance = place[3],
                         .epsilon = epsilon_of(n)};
}

td_status norms_find(const td_net *net, td_arena *arena, repair_norms *out, td_error *error) {
    *out = (repair_norms){0};
    for (size_t i = 0; i < net->node_count; i++)
        out->count += is_norm(&net->nodes[i]);
    if (out->count == 0)
        return td_fail(error, TD_ERR_USAGE, "expected a net with batch norms, found none");
    TD_TRY(TD_ARENA_NEW(arena, out->count, &out->list, "batch norms", error));
    out->count = 0;
    for (size_t i = 0; i < net->node_count; i++)
        if (is_norm(&net->nodes[i])) {
            out->list[out->count++] = norm_of(net, i, out->channels);
            out->channels += net->nodes[i].shape.channels;
        }
    return TD_OK;
}

/* Of the values that are not NaN. */
typedef struct spread {
    size_t count;
    double mean, deviation;
} spread;

static spread measure(const double *values, size_t count) {
    spread s = {0};
    double sum = 0, squares = 0;
    for (size_t c = 0; c < count; c++)
        if (!isnan(values[c])) {
            sum += values[c];
            s.count++;
        }
    s.mean = s.count > 0 ? sum / (double)s.count : 0;
    for (size_t c = 0; c < count; c++)
        if (!isnan(values[c]))
            squares += (values[c] - s.mean) * (values[c] - s.mean);
    s.deviation = s.count > 1 ? sqrt(squares / (double)(s.count - 1)) : 0;
    return s;
}

void norms_standardise(const repair_norms *norms, double *values) {
    const double rounding = 1e-9; /* for values equal up to rounding */
    for (size_t i = 0; i < norms->count; i++) {
        double *own = values + norms->list[i].first;
        const spread s = measure(own, norms->list[i].channels);
        const bool equal = s.deviation <= rounding * fabs(s.mean);
        for (size_t c = 0; c < norms->list[i].channels; c++)
            if (!isnan(own[c]))
                own[c] = equal ? 0 : (own[c] - s.mean) / s.deviation;
    }
}

/* The largest possible distance from the mean of n values, in unbiased standard deviations: when
 * all others are equal. */
static double largest_deviation(size_t count) {
    return count > 0 ? (double)(count - 1) / sqrt((double)count) : 0;
}

td_status norms_check_deviations(const repair_norms *norms, const double *values, double deviations,
                                 td_error *error) {
    size_t most = 0, least = 2;
    for (size_t i = 0; i < norms->count; i++)
        most = td_size_max(most,
                           measure(values + norms->list[i].first, norms->list[i].channels).count);
    if (largest_deviation(most) > deviations)
        return TD_OK;
    while (largest_deviation(least) <= deviations)
        least++;
    return td_fail(error, TD_ERR_USAGE,
                   "%g deviations: expected a batch norm of at least %zu channels to judge, since "
                   "of n channels none lies further than (n - 1)/sqrt(n) above the mean, found at "
                   "most %zu",
                   deviations, least, most);
}
