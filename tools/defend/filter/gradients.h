/* SPDX-License-Identifier: MIT */
/* Gradients of a training set's images, as AGPD compares them (Yuan, Zhang, Wei, Wu and Wu,
 * "Activation gradient based poisoned sample detection against backdoor attacks", ICLR 2025). Each
 * image of a class has a vector g; c is the mean of clean ones. */
#ifndef TOOLS_DEFEND_FILTER_GRADIENTS_H
#define TOOLS_DEFEND_FILTER_GRADIENTS_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/* The cosine of two vectors; 0 where one of them is 0. */
double gradients_cosine(const float *a, const float *b, size_t n);

/* How far the gradients g [count, n] of a class spread from the clean direction towards another:
 * with p that g which has the least cosine with c, the first of equals, whose number *seed becomes,
 * the root of the mean of (cos(g, c) - cos(g, p))² over the others. 0 of one image. */
double gradients_spread(const float *g, const float *c, size_t count, size_t n, size_t *seed);

/* Grows the suspects of a class from `seed`: each round, of those that are none yet, with p the
 * mean of the suspects, the share r = (1 - cos(g, p)) / ((1 - cos(g, p)) + (1 - cos(g, c))) is
 * scaled to [0, 1], and all up to `tau` become suspects, at least the nearest, until all that are
 * left are nearer to c (r >= 1/2, a bound of ours: else all become suspects in the end). It has
 * grown enough at the start of the ten rounds (all, of fewer) in which the r of all images change
 * least: by the mean + 5 deviations of the Jensen-Shannon divergences of successive histograms of
 * 100 bins. marked[count]. TD_ERR_MEMORY. */
td_status gradients_grow(const float *g, const float *c, size_t count, size_t n, size_t seed,
                         double tau, bool *marked, td_error *error) TD_MUST_USE;

/* The Jensen-Shannon divergence of two histograms of `bins` counts, in bits; 0 where one is empty.
 */
double gradients_divergence(const size_t *a, const size_t *b, size_t bins);

#endif
