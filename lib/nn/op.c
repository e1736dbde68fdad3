#include "nn/op.h"

#include <string.h>

extern const td_op td_op_image, td_op_scale, td_op_conv, td_op_relu, td_op_max_pool, td_op_flatten,
    td_op_dense;

const td_op *const td_ops[] = {&td_op_image,    &td_op_scale,   &td_op_conv,  &td_op_relu,
                               &td_op_max_pool, &td_op_flatten, &td_op_dense, NULL};

const td_op *td_op_find(const char *name) {
    for (size_t i = 0; td_ops[i]; i++)
        if (strcmp(td_ops[i]->name, name) == 0)
            return td_ops[i];
    return NULL;
}
