/* SPDX-License-Identifier: MIT */
/* DeepInspect's conditional generator G(z, t): maps noise and a class to a change of an image, by
 * channel and pixel, that sends images to that class (Chen et al., IJCAI 2019, section 4.2). It is
 * an ordinary net: the noise joined with the one-hot class, a dense layer to a quarter of the
 * image's size, two transposed convolutions 5×5 with batch norm and ReLU between, and tanh, whose
 * values are in units of the pixel range. */
#ifndef TOOLS_DEFEND_INSPECT_GENERATOR_H
#define TOOLS_DEFEND_INSPECT_GENERATOR_H

#include "nn/exec.h"

typedef struct generator {
    td_net net;
    td_shape image;
    size_t noise, classes;
    float *weights, *gradient, *state; /* Adam's: [2, weight_count] */
    td_exec *training, *judging;
    td_arena arena;
} generator;

/* Draws initial weights. For batches of up to `batch`. On failure *g is zeroed. */
td_status generator_open(generator *g, td_shape image, size_t classes, size_t batch, uint64_t seed,
                         td_error *error) TD_MUST_USE;
void generator_close(generator *g); /* accepts a zeroed generator */

/* Writes the inputs [count, noise + classes]: example i has class targets[i] and noise drawn for
 * (epoch, i). */
void generator_feed(const generator *g, uint64_t seed, uint32_t epoch, const int32_t *targets,
                    size_t count, float *input);

/* One step of Adam by `gradient`, which includes the running statistics; `number` is 1 for the
 * first. */
void generator_step(generator *g, double learning_rate, uint64_t number);

#endif
