/* SPDX-License-Identifier: MIT */
#include "nn/passes.h"

#include <stdatomic.h>

/* Only counters; no computation reads them. */
static atomic_uint_least64_t forward, backward;

td_passes td_passes_so_far(void) {
    return (td_passes){atomic_load_explicit(&forward, memory_order_relaxed),
                       atomic_load_explicit(&backward, memory_order_relaxed)};
}

void td_passes_add_forward(uint64_t images) {
    atomic_fetch_add_explicit(&forward, images, memory_order_relaxed);
}

void td_passes_add_backward(uint64_t images) {
    atomic_fetch_add_explicit(&backward, images, memory_order_relaxed);
}
