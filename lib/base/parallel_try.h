/* SPDX-License-Identifier: MIT */
/* Parallel loops over work that can fail. */
#ifndef TD_BASE_PARALLEL_TRY_H
#define TD_BASE_PARALLEL_TRY_H

#include "base/error.h"
#include <stddef.h>

/* Processes item `index`. */
typedef td_status (*td_item_fn)(void *context, size_t index, td_error *error);

/* Runs `work` over `count` items in parallel, about `chunk_size` in a row. Returns the failure with
 * the lowest index, whatever the number of threads. Items after it may or may not have been
 * processed. */
td_status td_parallel_try(size_t count, size_t chunk_size, td_item_fn work, void *context,
                          td_error *error) TD_MUST_USE;

#endif
