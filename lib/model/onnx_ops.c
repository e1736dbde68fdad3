/* SPDX-License-Identifier: MIT */
/* The supported ONNX operators: a row each. */
#include "model/onnx_maps.h"

#include <string.h>

enum { ANY = 4096 };

static const td_onnx_op ops[] = {
    {"Add", 2, 2, .map = td_onnx_map_add},
    {"AveragePool", 1, 1, .map = td_onnx_map_average_pool},
    {"BatchNormalization", 5, 5, .map = td_onnx_map_batch_norm},
    {"Cast", 1, 1, .map = td_onnx_map_same},
    {"Clip", 1, 3, .map = td_onnx_map_clip},
    {"Concat", 1, ANY, .map = td_onnx_map_concat},
    {"Conv", 2, 3, .map = td_onnx_map_conv},
    {"Div", 2, 2, .map = td_onnx_map_div},
    {"Dropout", 1, 3, .views = true, .map = td_onnx_map_same},
    {"Elu", 1, 1, .map = td_onnx_map_activation},
    {"Erf", 1, 1, .map = td_onnx_map_activation},
    {"Flatten", 1, 1, .views = true, .map = td_onnx_map_flatten},
    {"Gather", 2, 2, .map = td_onnx_map_gather},
    {"GatherND", 2, 2, .map = td_onnx_map_gather_nd},
    {"Gelu", 1, 1, .map = td_onnx_map_gelu},
    {"Gemm", 2, 3, .map = td_onnx_map_gemm},
    {"GlobalAveragePool", 1, 1, .map = td_onnx_map_global_average_pool},
    {"GlobalMaxPool", 1, 1, .map = td_onnx_map_global_max_pool},
    {"HardSigmoid", 1, 1, .map = td_onnx_map_activation},
    {"HardSwish", 1, 1, .map = td_onnx_map_activation},
    {"Identity", 1, 1, .views = true, .map = td_onnx_map_same},
    {"InstanceNormalization", 3, 3, .map = td_onnx_map_instance_norm},
    {"LRN", 1, 1, .map = td_onnx_map_lrn},
    {"LayerNormalization", 2, 3, .map = td_onnx_map_layer_norm},
    {"LeakyRelu", 1, 1, .map = td_onnx_map_activation},
    {"LogSoftmax", 1, 1, .map = td_onnx_map_softmax},
    {"MatMul", 2, 2, .map = td_onnx_map_matmul},
    {"Max", 2, 2, .map = td_onnx_map_max},
    {"MaxPool", 1, 1, .map = td_onnx_map_max_pool},
    {"Min", 2, 2, .map = td_onnx_map_min},
    {"Mul", 2, 2, .map = td_onnx_map_mul},
    {"PRelu", 2, 2, .map = td_onnx_map_prelu},
    {"Pad", 1, 4, .map = td_onnx_map_pad},
    {"ReduceMean", 1, 2, .map = td_onnx_map_reduce_mean},
    {"Relu", 1, 1, .map = td_onnx_map_activation},
    {"Reshape", 1, 2, .views = true, .map = td_onnx_map_reshape},
    {"Resize", 1, 4, .map = td_onnx_map_resize},
    {"Sigmoid", 1, 1, .map = td_onnx_map_activation},
    {"Slice", 1, 5, .views = true, .map = td_onnx_map_slice},
    {"Softmax", 1, 1, .map = td_onnx_map_softmax},
    {"Split", 1, 2, .views = true, .map = td_onnx_map_split},
    {"Squeeze", 1, 2, .views = true, .map = td_onnx_map_squeeze},
    {"Sub", 2, 2, .map = td_onnx_map_sub},
    {"Sum", 1, ANY, .map = td_onnx_map_add},
    {"Tanh", 1, 1, .map = td_onnx_map_activation},
    {"Transpose", 1, 1, .views = true, .map = td_onnx_map_transpose},
    {"Unsqueeze", 1, 2, .views = true, .map = td_onnx_map_unsqueeze},
    {"Upsample", 1, 2, .map = td_onnx_map_resize},
};

static const struct {
    const char *type, *instead;
} others[] = {
    {"ArgMax", "export the model without the choice of a class: the logits are wanted"},
    {"If", "export the model for one way through it, with constants folded"},
    {"Loop", "export the model with its loops unrolled"},
    {"Scan", "export the model with its loops unrolled"},
    {"LSTM", "recurrent nets are not image classifiers"},
    {"GRU", "recurrent nets are not image classifiers"},
    {"NonMaxSuppression", "detectors are not classifiers"},
    {"ZipMap", "export scikit-learn's models with options={'zipmap': False}"},
    {"Mish", "use silu, which is near, and train on"},
    {"Softplus", "use elu, which is near, and train on"},
    {"Einsum", "write the products as torch.matmul, and export again"},
    {"ReduceL2", "norms of what depends on the image have no operator here"},
};

const td_onnx_op *td_onnx_op_find(const char *type) {
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i].type, type) == 0)
            return &ops[i];
    return NULL;
}

const char *td_onnx_op_instead(const char *type) {
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i].type, type) == 0)
            return others[i].instead;
    return NULL;
}
