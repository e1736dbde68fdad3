/* SPDX-License-Identifier: MIT */
/* Allocations that fail on demand. Under a sanitizer, whose malloc cannot be replaced, only those
 * of jansson fail. */
#ifndef TESTS_UNIT_STARVE_H
#define TESTS_UNIT_STARVE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all allocations can fail, rather than only jansson's. */
extern const bool starve_all;

/* Makes allocation number `first` (from 0) fail, and with `onward` all after it. */
void starve_begin(size_t first, bool onward);

/* Ends that; returns whether one failed. */
bool starve_end(void);

#endif
