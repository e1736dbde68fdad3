/* SPDX-License-Identifier: MIT */
/* Corruptions of images, each at five severities (Hendrycks and Dietterich, "Benchmarking neural
 * network robustness to common corruptions and perturbations", ICLR 2019: the formulas and the
 * severities of ImageNet-C). */
#ifndef TOOLS_DEFEND_DETECT_CORRUPTION_H
#define TOOLS_DEFEND_DETECT_CORRUPTION_H

#include "base/random.h"
#include "base/shape.h"
#include <stdint.h>

enum { CORRUPTION_SEVERITIES = 5 };

typedef struct corruption {
    const char *name;
    double severities[CORRUPTION_SEVERITIES]; /* mildest first */
    /* Corrupts image[size], values 0-255, in place without clipping. scratch[3·size]. */
    void (*apply)(float *image, td_shape shape, double severity, td_random *random, float *scratch);
} corruption;

enum { CORRUPTIONS = 7 };

extern const corruption corruptions[CORRUPTIONS];

/* Writes the corrupted image to `out`, clipped and rounded. scratch[4·size]. */
void corruption_apply(const corruption *kind, size_t severity, const uint8_t *image, td_shape shape,
                      td_random *random, uint8_t *out, float *scratch);

#endif
