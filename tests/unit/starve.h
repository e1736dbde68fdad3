/* SPDX-License-Identifier: MIT */
/* Allocations that fail on demand. Under a sanitizer, whose malloc cannot be replaced, only those
 * of jansson fail. */
#ifndef TESTS_UNIT_STARVE_H
#define TESTS_UNIT_STARVE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all allocations can fail, and not jansson's alone. */
extern const bool starve_all;

/* From now on the allocation number `first` (from 0) fails, and all after it where `onward`. */
void starve_begin(size_t first, bool onward);

/* Ends that; whether one failed. */
bool starve_end(void);

#endif
