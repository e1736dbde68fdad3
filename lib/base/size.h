/* SPDX-License-Identifier: MIT */
/* Size arithmetic that cannot wrap. Sizes read from files pass through here before any allocation.
 * Each function returns false on overflow and leaves *out alone. */
#ifndef TD_BASE_SIZE_H
#define TD_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>

static inline bool td_size_add(size_t a, size_t b, size_t *out) {
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

static inline bool td_size_mul(size_t a, size_t b, size_t *out) {
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

/* The product of `count` dimensions; 1 for none. */
static inline bool td_size_product(const size_t *dims, size_t count, size_t *out) {
    size_t product = 1;
    for (size_t i = 0; i < count; i++)
        if (!td_size_mul(product, dims[i], &product))
            return false;
    *out = product;
    return true;
}

static inline size_t td_size_min(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t td_size_max(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Rounds `size` up to a multiple of `unit`; no overflow check. */
static inline size_t td_size_round_up(size_t size, size_t unit) {
    return (size + unit - 1) / unit * unit;
}

#endif
