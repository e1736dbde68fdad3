/* SPDX-License-Identifier: MIT */
/* The learning rate of super-fine-tuning. Sha et al., "Fine-tuning is all you need to mitigate
 * backdoor attacks", 2022, with the values of their public code. */
#ifndef TOOLS_DEFEND_REPAIR_SUPER_FINETUNE_H
#define TOOLS_DEFEND_REPAIR_SUPER_FINETUNE_H

#include <stddef.h>
#include <stdint.h>

typedef struct super_rates {
    double base, peak, late; /* the peak during the first `turn` epochs, and afterwards */
    size_t turn;
    size_t cycle; /* steps from base to base, at least 2 */
} super_rates;

/* The learning rate of a step, after `step` earlier steps, in this epoch, counted from 1: it rises
 * linearly from base to the peak over half a cycle, and falls at the same rate. */
double super_rate(const super_rates *rates, uint64_t step, size_t epoch);

#endif
