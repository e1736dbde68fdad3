#include "nn/op.h"

#include <string.h>

extern const td_op td_op_image, td_op_add, td_op_avg_pool, td_op_batch_norm, td_op_concat,
    td_op_conv, td_op_conv_transpose, td_op_crop, td_op_dense, td_op_dropout, td_op_flatten,
    td_op_global_avg_pool, td_op_mask, td_op_max_pool, td_op_normalise, td_op_relu, td_op_scale,
    td_op_sigmoid, td_op_softmax, td_op_tanh;

const td_op *const td_ops[] = {&td_op_image,          &td_op_add,      &td_op_avg_pool,
                               &td_op_batch_norm,     &td_op_concat,   &td_op_conv,
                               &td_op_conv_transpose, &td_op_crop,     &td_op_dense,
                               &td_op_dropout,        &td_op_flatten,  &td_op_global_avg_pool,
                               &td_op_mask,           &td_op_max_pool, &td_op_normalise,
                               &td_op_relu,           &td_op_scale,    &td_op_sigmoid,
                               &td_op_softmax,        &td_op_tanh,     NULL};

const td_op *td_op_find(const char *name) {
    for (size_t i = 0; td_ops[i]; i++)
        if (strcmp(td_ops[i]->name, name) == 0)
            return td_ops[i];
    return NULL;
}
