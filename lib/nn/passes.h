/* SPDX-License-Identifier: MIT */
/* Counts the images that pass through nets: the cost in a record, independent of the machine. */
#ifndef TD_NN_PASSES_H
#define TD_NN_PASSES_H

#include <stdint.h>

/* Images through all executors since the program started. An image through a part of a net, such as
 * its head, counts too. */
typedef struct td_passes {
    uint64_t forward, backward;
} td_passes;

td_passes td_passes_so_far(void);

/* For the executor: adds `images`. Thread-safe. */
void td_passes_add_forward(uint64_t images);
void td_passes_add_backward(uint64_t images);

#endif
