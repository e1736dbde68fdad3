/* SPDX-License-Identifier: MIT */
#include "nn/net.h"

#include "base/random.h"
#include "base/size.h"
#include "nn/op.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Far above any net in use, far below overflow. */
static const size_t largest_weight_count = (size_t)1 << 30;

td_status td_node_param(td_net *net, td_node *node, const char *suffix, size_t rank,
                        const size_t *dims, size_t fan_in, td_error *error) {
    size_t count;
    if (!td_size_product(dims, rank, &count) || count > largest_weight_count - net->weight_count)
        return td_fail(error, TD_ERR_FORMAT, "expected at most %zu parameters in all, found more",
                       largest_weight_count);
    size_t length = strlen(node->name) + 1 + strlen(suffix);
    char *name;
    TD_TRY(TD_ARENA_NEW(&net->arena, length + 1, &name, "a parameter's name", error));
    snprintf(name, length + 1, "%s.%s", node->name, suffix);
    td_param *param = &net->params[net->param_count];
    *param = (td_param){
        .name = name, .rank = rank, .offset = net->weight_count, .count = count, .fan_in = fan_in};
    memcpy(param->dims, dims, rank * sizeof *dims);
    node->params[node->param_count++] = net->param_count++;
    net->weight_count += count;
    return TD_OK;
}

void td_net_init(const td_net *net, uint64_t seed, float *weights) {
    for (size_t i = 0; i < net->param_count; i++) {
        const td_param *param = &net->params[i];
        float *w = weights + param->offset;
        td_random random = td_random_for(seed, TD_FOR_INIT, 0, (uint32_t)i);
        float bound = param->fan_in ? sqrtf(6.0f / (float)param->fan_in) : 0.0f;
        for (size_t j = 0; j < param->count; j++)
            w[j] = param->fan_in ? bound * (2.0f * td_random_unit(&random) - 1.0f) : param->fill;
    }
}

void td_net_update_running(const td_net *net, const float *batch, float *weights) {
    for (size_t i = 0; i < net->param_count; i++) {
        const td_param *param = &net->params[i];
        for (size_t j = param->offset;
             param->role == TD_RUNNING && !param->frozen && j < param->offset + param->count; j++)
            weights[j] += param->momentum * (batch[j] - weights[j]);
    }
}

void td_net_free(td_net *net) {
    td_arena_free(&net->arena);
    *net = (td_net){0};
}
