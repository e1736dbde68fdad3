/* SPDX-License-Identifier: MIT */
/* Nets computed a second time, by plain loops in double: what the operators are compared with. A
 * new operator needs one function and one row in twin_*.c. */
#ifndef TESTS_UNIT_NET_TWIN_H
#define TESTS_UNIT_NET_TWIN_H

#include "nn/net.h"

/* What td_exec_training is given. */
typedef struct net_training {
    uint64_t seed;
    uint32_t step;
} net_training;

/* The logits [batch, classes] of a net for weights [weight_count] and images [batch, height, width,
 * channels], as in training or, with NULL, as after it; the caller frees them. The test fails at an
 * operator that has no twin. */
double *net_twin(const td_net *net, const double *weights, const double *images, size_t batch,
                 const net_training *training);

#endif
