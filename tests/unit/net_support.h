/* SPDX-License-Identifier: MIT */
/* Checks for every operator, run on small nets given as text: agreement with its naive twin
 * (net_twin.h), gradients of the input and of every parameter, the adjoint identity, and the same
 * bytes at any number of threads. */
#ifndef TESTS_UNIT_NET_SUPPORT_H
#define TESTS_UNIT_NET_SUPPORT_H

#include "base/random.h"
#include "nn/net.h"
#include "support.h"

/* The first line of a net text. */
#define NET_IMAGE(height, width, channels)                                                         \
    "input = image() height=" #height " width=" #width " channels=" #channels "\n"

typedef struct net_case {
    const char *text;
    size_t batch;
    /* Fills the images with values away from the net's kinks. NULL for standard normal values. */
    void (*fill)(td_random *random, float *values, size_t count);
    bool linear; /* affine in the images and linear in the parameters: the adjoint holds */
} net_case;

/* Values at least 0.1 from 0, for operators with a kink there. */
void net_fill_away_from_zero(td_random *random, float *values, size_t count);

/* Values of which no two are nearly equal, for operators that compare. */
void net_fill_distinct(td_random *random, float *values, size_t count);

/* Normal values with standard deviation 1 around 10000. */
void net_fill_far_from_zero(td_random *random, float *values, size_t count);

/* Whole numbers from 0 to 255. */
void net_fill_pixels(td_random *random, float *values, size_t count);

/* Runs all checks on each case; messages name the net. */
void net_check(const net_case *cases, size_t count);

/* The same in training mode (td_exec_training). */
void net_check_training(const net_case *cases, size_t count);

/* Parses, or fails the test with the message. */
void net_parsed(td_net *net, const char *text, const td_net_variables *variables);

/* Standard normal values, different for each index. */
void net_normal(float *values, size_t count, uint32_t index);

/* Random weights of a usual size: parameters with a fan-in are normal with variance 1/fan-in,
 * others are within 0.5 of their initial value. */
void net_weights(const td_net *net, float *weights);

/* max |a − b| / max |b|, or max |a − b| if b is 0; NaN if any value is NaN. */
double net_residual(const float *a, const double *b, size_t count);

/* |found − expected| <= tolerance. */
void net_assert_near(double found, double expected, double tolerance);

/* A copy in double; the caller frees it. */
double *net_doubles(const float *values, size_t count);

#endif
