/* SPDX-License-Identifier: MIT */
/* The diversity of generated triggers (input_aware.c). */
#ifndef TOOLS_IMPLANT_INPUT_AWARE_H
#define TOOLS_IMPLANT_INPUT_AWARE_H

#include <stddef.h>

/* The mean over neighbouring pairs i and i + 1 (cyclic) of |x_i − x_j| / |v_i − v_j|, root mean
 * squares of images [count, image] in 0–255, scaled to 0–1, and of values [count, size]: small if
 * different images get different values. Adds weight × its gradient with respect to the values to
 * `gradients`. 0 for fewer than two. */
double aware_variety(const float *images, size_t image, const float *values, size_t size,
                     size_t count, double weight, float *gradients);

#endif
