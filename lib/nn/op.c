/* SPDX-License-Identifier: MIT */
#include "nn/op.h"

#include <string.h>

const td_op *const *td_ops(void) {
    return td_kernel_used()->operators;
}

const td_op *td_op_find(const char *name) {
    for (const td_op *const *op = td_ops(); *op; op++)
        if (strcmp((*op)->name, name) == 0)
            return *op;
    return NULL;
}
