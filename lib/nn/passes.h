/* SPDX-License-Identifier: MIT */
/* How many images went through nets, for the cost that a record states: it depends on no machine.
 */
#ifndef TD_NN_PASSES_H
#define TD_NN_PASSES_H

#include <stdint.h>

/* Images that all executors took since the program started. An image through a part of a net, such
 * as its head, counts as well. */
typedef struct td_passes {
    uint64_t forward, backward;
} td_passes;

td_passes td_passes_so_far(void);

/* For the executor: `images` more. From any thread. */
void td_passes_add_forward(uint64_t images);
void td_passes_add_backward(uint64_t images);

#endif
