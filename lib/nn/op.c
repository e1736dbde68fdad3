#include "nn/op.h"

#include <string.h>

/* In the order of the reference. */
#define OPERATORS(ROW)                                                                             \
    ROW(image)                                                                                     \
    ROW(conv)                                                                                      \
    ROW(conv_transpose)                                                                            \
    ROW(dense)                                                                                     \
    ROW(batch_norm)                                                                                \
    ROW(relu)                                                                                      \
    ROW(leaky_relu)                                                                                \
    ROW(sigmoid)                                                                                   \
    ROW(tanh)                                                                                      \
    ROW(softmax)                                                                                   \
    ROW(max_pool)                                                                                  \
    ROW(avg_pool)                                                                                  \
    ROW(global_avg_pool)                                                                           \
    ROW(add)                                                                                       \
    ROW(concat)                                                                                    \
    ROW(crop)                                                                                      \
    ROW(flatten)                                                                                   \
    ROW(scale)                                                                                     \
    ROW(normalise)                                                                                 \
    ROW(dropout)                                                                                   \
    ROW(mask)

#define DECLARED(name) extern const td_op td_op_##name;
#define LISTED(name) &td_op_##name,

OPERATORS(DECLARED)

const td_op *const td_ops[] = {OPERATORS(LISTED) NULL};

const td_op *td_op_find(const char *name) {
    for (size_t i = 0; td_ops[i]; i++)
        if (strcmp(td_ops[i]->name, name) == 0)
            return td_ops[i];
    return NULL;
}
