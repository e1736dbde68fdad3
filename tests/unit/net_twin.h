/* SPDX-License-Identifier: MIT */
/* Nets computed independently, by plain loops in double, for comparison with the operators. A new
 * operator needs one function and one row in twin_*.c. */
#ifndef TESTS_UNIT_NET_TWIN_H
#define TESTS_UNIT_NET_TWIN_H

#include "nn/net.h"

/* The arguments of td_exec_training. */
typedef struct net_training {
    uint64_t seed;
    uint32_t step;
} net_training;

/* The logits [batch, classes] of a net for weights [weight_count] and images [batch, height, width,
 * channels], in training mode or, with NULL, in inference; the caller frees them. The test fails at
 * an operator without a twin. */
double *net_twin(const td_net *net, const double *weights, const double *images, size_t batch,
                 const net_training *training);

#endif
