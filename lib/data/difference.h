/* SPDX-License-Identifier: MIT */
/* The difference of two images as a picture, amplified until it is visible. */
#ifndef TD_DATA_DIFFERENCE_H
#define TD_DATA_DIFFERENCE_H

#include <stddef.h>
#include <stdint.h>

typedef enum td_difference_kind {
    TD_DIFFERENCE_TIMES,     /* |a − b| times the largest whole number that keeps it within 255 */
    TD_DIFFERENCE_STRETCHED, /* |a − b| · 255 / largest: the largest is white */
    TD_DIFFERENCE_SIGNED,    /* (255 + (b − a) · 255 / largest) / 2: grey is no change, white and
                                black are the largest one either way */
} td_difference_kind;

/* Writes out[size]. `largest` is the largest |a − b| (td_linf), of this image or of all images
 * drawn to one scale; 0 is treated as 1. Quotients are rounded towards 0. */
void td_difference_draw(const uint8_t *a, const uint8_t *b, size_t size, td_difference_kind kind,
                        int largest, uint8_t *out);

#endif
