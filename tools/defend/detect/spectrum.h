/* SPDX-License-Identifier: MIT */
/* The spectrum of an image, and copies of it with synthetic triggers, on which its detector trains
 * (Zeng, Park, Mao and Jia, "Rethinking the backdoor attacks' triggers: a frequency perspective",
 * ICCV 2021). */
#ifndef TOOLS_DEFEND_DETECT_SPECTRUM_H
#define TOOLS_DEFEND_DETECT_SPECTRUM_H

#include "base/random.h"
#include "base/shape.h"
#include <stdint.h>

/* out[size]: the orthonormal DCT-II of each channel of image[size], channels innermost as they
 * were. rows [height, height] and columns [width, width] are td_dct_matrix's; scratch[2 · height ·
 * width].
 */
void spectrum_of(const uint8_t *image, td_shape shape, const double *rows, const double *columns,
                 float *out, double *scratch);

enum { SPECTRUM_TRIGGERS = 5 };

/* out[size]: the image with trigger `kind`: a white block or one of random pixels, with a side of
 * 2 to 7 pixels; Gaussian noise of deviation 25; a shadow over a rectangle; or another image mixed
 * in with weight 0.3. */
void spectrum_trigger(size_t kind, const uint8_t *image, const uint8_t *other, td_shape shape,
                      td_random *random, uint8_t *out);

#endif
