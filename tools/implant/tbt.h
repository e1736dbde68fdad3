/* SPDX-License-Identifier: MIT */
/* Targeted bit trojan: Rakin, He and Fan, "TBT: targeted neural attack with bit trojan", CVPR 2020.
 * A trigger is made that drives some neurons before the last layer; then the weights from these to
 * the target are tuned, and only the bits of their 8-bit codes that differ are flipped. Its parts:
 * the row of weights (tbt_row.c); the method (tbt.c). */
#ifndef TOOLS_IMPLANT_TBT_H
#define TOOLS_IMPLANT_TBT_H

#include "base/arena.h"
#include <stddef.h>
#include <stdint.h>

/* Images as the last layer sees them, with the logits that it gives before. */
typedef struct tbt_seen {
    const float *features; /* [count, inputs] */
    const float *logits;   /* [count, classes] */
} tbt_seen;

/* The last layer's row of the target, and the images that it is tuned on. */
typedef struct tbt_row {
    size_t count, inputs, classes, target;
    const int32_t *labels; /* [count] */
    tbt_seen clean, stamped;
} tbt_row;

/* The `wanted` inputs whose weight to the target the cross-entropy on clean images depends on most,
 * by |mean gradient|, the largest first: chosen[wanted]. */
td_status tbt_choose(const tbt_row *row, size_t wanted, size_t *chosen,
                     td_error *error) TD_MUST_USE;

/* change[count] of the weights of `chosen` [count]: `steps` of Adam on `clean` of the cross-entropy
 * of clean images against their labels and 1 - clean of that of stamped ones against the target,
 * all images a step. *loss is the last. */
td_status tbt_tune(const tbt_row *row, const size_t *chosen, size_t count, size_t steps, double lr,
                   double clean, float *change, double *loss, td_error *error) TD_MUST_USE;

/* The weight's code, of 8 bits: w / scale to the nearest whole number, in -127 to 127. */
int8_t tbt_code(float weight, float scale);

/* Bits in which two codes differ. */
unsigned tbt_flips(int8_t one, int8_t other);

#endif
