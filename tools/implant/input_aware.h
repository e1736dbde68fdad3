/* SPDX-License-Identifier: MIT */
/* The partners of images, and the diversity of generated triggers (input_aware.c). */
#ifndef TOOLS_IMPLANT_INPUT_AWARE_H
#define TOOLS_IMPLANT_INPUT_AWARE_H

#include "implant/plant.h"
#include <stddef.h>

/* The row of the batch whose pattern row i gets: its own, if it is poison; negatives get the next
 * poison's. */
size_t aware_source(plant_cut cut, size_t i);

/* The mean over neighbouring pairs i and i + 1 (cyclic) of |x_i − x_j| / |v_i − v_j|, root mean
 * squares of images [count, image] in 0–255, scaled to 0–1, and of values [count, size]: small if
 * different images get different values. Adds weight × its gradient with respect to the values to
 * `gradients`. 0 for fewer than two. */
double aware_variety(const float *images, size_t image, const float *values, size_t size,
                     size_t count, double weight, float *gradients);

#endif
