/* SPDX-License-Identifier: MIT */
/* Memory planning: buffers that are not alive at the same time may share memory. */
#ifndef TD_NN_PLAN_H
#define TD_NN_PLAN_H

#include "base/error.h"
#include <stddef.h>

typedef struct td_plan_buffer {
    size_t floats;      /* requested; the plan rounds it up to a multiple of 16 */
    size_t first, last; /* first and last step in which it is alive */
    size_t offset;      /* output: in floats from the start of the pool, a multiple of 16 */
} td_plan_buffer;

/* Chooses the offsets, largest buffer first, each at the lowest offset that is free for its whole
 * lifetime; *total is the pool's size in floats. */
td_status td_plan(td_plan_buffer *buffers, size_t count, size_t *total,
                  td_error *error) TD_MUST_USE;

#endif
