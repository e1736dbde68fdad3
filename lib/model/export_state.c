/* SPDX-License-Identifier: MIT */
/* Exports only parameters, named as in PyTorch's modules. */
#include "data/safetensors.h"
#include "model/export.h"
#include "nn/op.h"
#include <stdint.h>
#include <string.h>

/* A mask is not a PyTorch module: without it the net would be different, unless it masks nothing.
 */
static td_status check_masks(const td_net *net, const float *weights, td_error *error) {
    for (size_t i = 0; i < net->node_count; i++) {
        const td_node *node = &net->nodes[i];
        if (!node->op->masks)
            continue;
        const td_param *param = &net->params[node->params[0]];
        for (size_t c = 0; c < param->count; c++)
            if (weights[param->offset + c] != 1)
                return td_fail(error, TD_ERR_USAGE,
                               "node \"%s\" masks channels, which a state_dict cannot say: take "
                               "them out first, as trapdoor-defend prune --shrink does",
                               node->name);
    }
    return TD_OK;
}

/* The parameters, with a counter after each running variance. */
static td_status list_tensors(const td_net *net, const float *weights, td_arena *arena,
                              td_tensor *tensors, size_t *count, td_error *error) {
    static const int64_t none = 0;
    static const char last[] = "running_var";
    *count = 0;
    for (size_t i = 0; i < net->param_count; i++) {
        const td_param *param = &net->params[i];
        const size_t length = strlen(param->name);
        if (param->role == TD_CONSTANT)
            continue;
        td_tensor *tensor = &tensors[(*count)++];
        *tensor = (td_tensor){.name = param->name,
                              .dtype = TD_F32,
                              .rank = param->rank,
                              .data = weights + param->offset};
        memcpy(tensor->dims, param->dims, param->rank * sizeof *param->dims);
        if (param->role != TD_RUNNING || length < sizeof last ||
            strcmp(param->name + length + 1 - sizeof last, last) != 0)
            continue;
        tensor = &tensors[(*count)++];
        *tensor = (td_tensor){.dtype = TD_I64, .data = &none};
        TD_TRY(td_arena_print(arena, &tensor->name, error, "%.*snum_batches_tracked",
                              (int)(length + 1 - sizeof last), param->name));
    }
    return TD_OK;
}

td_status td_export_state_dict(FILE *out, const td_net *net, const float *weights,
                               td_error *error) {
    const td_metadata metadata[] = {{"format", "pt"}};
    td_arena arena = {0};
    td_tensor *tensors;
    size_t count;
    TD_TRY(check_masks(net, weights, error));
    td_status status = TD_ARENA_NEW(&arena, 2 * net->param_count + 1, &tensors, "a model", error);
    if (status == TD_OK)
        status = list_tensors(net, weights, &arena, tensors, &count, error);
    if (status == TD_OK)
        status = td_safetensors_write(out, tensors, count, metadata, 1, error);
    td_arena_free(&arena);
    return status;
}
