/* One forward and backward pass of a net on made images. */
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

/* To be released by pass_free, whatever it returns. */
td_status pass_run(pass *out, const td_net *net, const float *weights, uint32_t seed, size_t batch,
                   td_error *error) TD_MUST_USE;
void pass_free(pass *done);

#endif
