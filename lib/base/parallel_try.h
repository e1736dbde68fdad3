/* SPDX-License-Identifier: MIT */
/* Parallel loops over work that can fail. */
#ifndef TD_BASE_PARALLEL_TRY_H
#define TD_BASE_PARALLEL_TRY_H

#include "base/error.h"
#include <stddef.h>

/* Does item `index`. */
typedef td_status (*td_item_fn)(void *context, size_t index, td_error *error);

/* Runs `work` over `count` items in parallel, about `chunk_size` in a row. Of all failures it
 * reports that of the lowest index, whatever the number of threads; which of the items behind it
 * were done as well is not said. */
td_status td_parallel_try(size_t count, size_t chunk_size, td_item_fn work, void *context,
                          td_error *error) TD_MUST_USE;

#endif
