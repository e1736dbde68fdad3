/* SPDX-License-Identifier: MIT */
/* Targeted bit trojan: Rakin, He and Fan, "TBT: targeted neural attack with bit trojan", CVPR 2020.
 * A trigger is optimised to activate some neurons before the last layer; then the weights from
 * these to the target are tuned, and only the bits that differ in their 8-bit codes are flipped.
 * Its parts: the row of weights (tbt_row.c); the method (tbt.c). */
#ifndef TOOLS_IMPLANT_TBT_H
#define TOOLS_IMPLANT_TBT_H

#include "base/arena.h"
#include <stddef.h>
#include <stdint.h>

/* Images as inputs of the last layer, with its original logits. */
typedef struct tbt_seen {
    const float *features; /* [count, inputs] */
    const float *logits;   /* [count, classes] */
} tbt_seen;

/* The last layer's row for the target, and the images for tuning it. */
typedef struct tbt_row {
    size_t count, inputs, classes, target;
    const int32_t *labels; /* [count] */
    tbt_seen clean, stamped;
} tbt_row;

/* The `wanted` inputs whose weight to the target has the largest |mean gradient| of the
 * cross-entropy on clean images, in falling order: chosen[wanted]. */
td_status tbt_choose(const tbt_row *row, size_t wanted, size_t *chosen,
                     td_error *error) TD_MUST_USE;

/* change[count] of the weights of `chosen` [count]: `steps` of Adam, with all images in each step,
 * on `clean` times the cross-entropy of clean images against their labels plus 1 - clean times that
 * of stamped ones against the target. *loss is the last. */
td_status tbt_tune(const tbt_row *row, const size_t *chosen, size_t count, size_t steps, double lr,
                   double clean, float *change, double *loss, td_error *error) TD_MUST_USE;

/* The weight's 8-bit code: w / scale rounded to the nearest whole number, -127 to 127. */
int8_t tbt_code(float weight, float scale);

/* Bits in which two codes differ. */
unsigned tbt_flips(int8_t one, int8_t other);

#endif
