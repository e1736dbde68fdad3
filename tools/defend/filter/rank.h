/* SPDX-License-Identifier: MIT */
/* The highest of some scores. */
#ifndef TOOLS_DEFEND_FILTER_RANK_H
#define TOOLS_DEFEND_FILTER_RANK_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/* Marks in marked[count] the `top` highest scores, the first ones of equals; *lowest is the lowest
 * of them. 0 < top <= count. TD_ERR_MEMORY. */
td_status rank_top(const double *scores, size_t count, size_t top, bool *marked, double *lowest,
                   td_error *error) TD_MUST_USE;

#endif
