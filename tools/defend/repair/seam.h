/* SPDX-License-Identifier: MIT */
/* The draws and stops of SEAM. Zhu et al., "Selective amnesia: on efficient, high-fidelity and
 * blind suppression of backdoor effects in trojaned machine learning models", IEEE S&P 2023. */
#ifndef TOOLS_DEFEND_REPAIR_SEAM_H
#define TOOLS_DEFEND_REPAIR_SEAM_H

#include <stddef.h>
#include <stdint.h>

/* A uniformly random class other than the image's, redrawn in each step; classes >= 2. */
int32_t seam_wrong(uint64_t seed, uint64_t step, uint32_t image, int32_t label, size_t classes);

/* Forgetting stops when the accuracy on the true labels is below min(2 / classes, 0.6). */
double seam_forgotten(size_t classes);

#endif
