/* SPDX-License-Identifier: MIT */
/* Weights, images and labels from a formula that the Python side (made.py) also computes, bit for
 * bit, so that the golden files need not contain them. */
#ifndef TESTS_GOLDEN_MADE_H
#define TESTS_GOLDEN_MADE_H

#include "nn/net.h"

/* For a tensor with more values, this many are compared individually. */
enum { MADE_SAMPLES = 32 };

/* Numbers determined by a seed, a name, and, unless NULL, a purpose. */
typedef struct made_stream {
    uint32_t start;
} made_stream;

made_stream made_stream_for(uint32_t seed, const char *name, const char *part);

uint32_t made_hash(made_stream stream, size_t index);

/* Uniform in [−1, 1). */
float made_signed(made_stream stream, size_t index);

/* He-uniform for weights, a tenth around td_param.fill for the rest; weights [net->weight_count].
 * Biases of batch norms get norm_bias added in even channels and subtracted in odd ones, which
 * keeps most inputs of ReLU away from 0, also after sums of residual blocks. */
void made_weights(const td_net *net, uint32_t seed, float norm_bias, float *weights);

/* Raw pixels: whole numbers of 0–255. */
void made_images(uint32_t seed, size_t values, float *pixels);

void made_labels(uint32_t seed, size_t count, size_t classes, int32_t *labels);

/* How many values of a tensor of `count` are compared individually, and the index of the k-th. */
size_t made_compared(size_t count);
size_t made_place(uint32_t seed, const char *name, size_t count, size_t k);

#endif
