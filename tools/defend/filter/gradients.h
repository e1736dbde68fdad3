/* SPDX-License-Identifier: MIT */
/* Gradients of a training set's images, as AGPD compares them (Yuan, Zhang, Wei, Wu and Wu,
 * "Activation gradient based poisoned sample detection against backdoor attacks", ICLR 2025). Each
 * image of a class has a gradient g; c is the mean gradient of clean ones. */
#ifndef TOOLS_DEFEND_FILTER_GRADIENTS_H
#define TOOLS_DEFEND_FILTER_GRADIENTS_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/* The cosine of two vectors; 0 if one of them is 0. */
double gradients_cosine(const float *a, const float *b, size_t n);

/* How far the gradients g [count, n] of a class spread away from the clean direction: with p the g
 * that has the least cosine with c (the first of equals; its number goes to *seed), the root mean
 * square of cos(g, c) - cos(g, p) over the others. 0 for one image. */
double gradients_spread(const float *g, const float *c, size_t count, size_t n, size_t *seed);

/* Grows the suspects of a class from `seed`. In each round, with p the mean of the suspects, r = (1
 * - cos(g, p)) / ((1 - cos(g, p)) + (1 - cos(g, c))) of the remaining images is scaled to [0, 1],
 * and all up to `tau`, at least the nearest, become suspects, until all that remain are nearer to c
 * (r >= 1/2, our own bound: without it all become suspects in the end). Growth stops at the start
 * of the ten rounds (or all, if fewer) in which the r of all images change least: by the mean + 5
 * deviations of the Jensen-Shannon divergences of successive histograms of 100 bins. marked[count].
 * TD_ERR_MEMORY. */
td_status gradients_grow(const float *g, const float *c, size_t count, size_t n, size_t seed,
                         double tau, bool *marked, td_error *error) TD_MUST_USE;

/* The Jensen-Shannon divergence of two histograms of `bins` counts, in bits; 0 if one is empty. */
double gradients_divergence(const size_t *a, const size_t *b, size_t bins);

#endif
