/* SPDX-License-Identifier: MIT */
/* One forward and backward pass of a net on synthetic images. */
#ifndef TESTS_GOLDEN_PASS_H
#define TESTS_GOLDEN_PASS_H

#include "nn/exec.h"
#include <stdint.h>

typedef struct pass {
    const float *logits;   /* [batch, classes] */
    double loss;           /* mean over the batch */
    const float *dweights; /* [net->weight_count] */
    const float *dinput;   /* [batch, height, width, channels] */
    td_exec *exec;
    td_arena arena;
} pass;

/* In training mode batch norms use the batch's statistics; afterwards dweights has these in the
 * slots of the running statistics. Call pass_free, whatever it returns. */
td_status pass_run(pass *out, const td_net *net, const float *weights, uint32_t seed, size_t batch,
                   bool training, td_error *error) TD_MUST_USE;
void pass_free(pass *done);

/* Sets all dropout rates to 0: no two programs draw the same numbers. */
void pass_without_dropout(td_net *net);

#endif
