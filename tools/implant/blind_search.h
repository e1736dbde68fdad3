/* SPDX-License-Identifier: MIT */
/* One step per batch of the search by which Neural Cleanse would find a trigger (Wang et al., IEEE
 * S&P 2019), run alongside the training of a model that is to evade it: Bagdasaryan and Shmatikov,
 * "Blind backdoors in deep learning models", USENIX Security 2021, section 6.1. A mask m and a
 * pattern p give x' = x + (p − x)·m; Adam minimises 0.999·CE(f(x'), target) + 0.001·Σ m over them.
 */
#ifndef TOOLS_IMPLANT_BLIND_SEARCH_H
#define TOOLS_IMPLANT_BLIND_SEARCH_H

#include "base/arena.h"
#include "nn/exec.h"

typedef struct blind_search {
    td_shape image;
    size_t places, count; /* pixels of an image; these plus its values: the number of arguments */
    size_t classes;
    float *arguments; /* [count]: of tanh; the mask's first */
    float *values;    /* [count]: the mask in [0, 1], the pattern in [0, 255] */
    float *gradient, *moments;
    td_exec *exec;
    uint64_t steps;
} blind_search;

/* Starts at random, by the seed; memory is in `arena`. Call blind_search_close on success and
 * failure. */
td_status blind_search_open(blind_search *s, const td_net *net, size_t batch, uint64_t seed,
                            td_arena *arena, td_error *error) TD_MUST_USE;

void blind_search_close(blind_search *s); /* accepts a zeroed search */

/* Applies the trigger: images [count, image] become x'. */
void blind_search_lay(const blind_search *s, float *images, size_t count);

/* One step on these images with targets labels[count], with the net in its current mode. */
void blind_search_step(blind_search *s, const float *weights, const float *images,
                       const int32_t *labels, size_t count);

/* The sum of the mask. */
double blind_search_mask(const blind_search *s);

#endif
