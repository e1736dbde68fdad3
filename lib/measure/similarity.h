/* SPDX-License-Identifier: MIT */
/* How much two images differ, perceptually and numerically. Both are [height, width, channels] of
 * values in 0–255. */
#ifndef TD_MEASURE_SIMILARITY_H
#define TD_MEASURE_SIMILARITY_H

#include <stddef.h>
#include <stdint.h>

/* The structural similarity index of Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment:
 * from error visibility to structural similarity", 2004: an 11×11 Gaussian window of standard
 * deviation 1.5, K1 = .01, K2 = .03, L = 255; the mean over all places where the window lies within
 * the image, and over the channels. In an image with a side below 11 the window's side is the
 * largest odd number that fits, its standard deviation the same. 1 for equal images.
 * `scratch` holds td_ssim_scratch values. */
double td_ssim(const uint8_t *a, const uint8_t *b, size_t height, size_t width, size_t channels,
               double *scratch);
size_t td_ssim_scratch(size_t height, size_t width, size_t channels);

/* The peak signal-to-noise ratio in dB, 10·log10(255² / mean squared difference); INFINITY for
 * equal images. `size` values each. */
double td_psnr(const uint8_t *a, const uint8_t *b, size_t size);

/* The largest difference, the L∞ distance. */
int td_linf(const uint8_t *a, const uint8_t *b, size_t size);

#endif
