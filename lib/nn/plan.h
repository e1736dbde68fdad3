/* SPDX-License-Identifier: MIT */
/* Memory planning: buffers that are not alive at the same time may share memory. */
#ifndef TD_NN_PLAN_H
#define TD_NN_PLAN_H

#include "base/error.h"
#include <stddef.h>

typedef struct td_plan_buffer {
    size_t floats;      /* wanted; rounded up to 16 by the plan */
    size_t first, last; /* steps of its life, both included */
    size_t offset;      /* out: in floats from the start of the pool, a multiple of 16 */
} td_plan_buffer;

/* Chooses the offsets, largest buffer first, each at the lowest place that is free for its whole
 * life; *total is the pool's size in floats. */
td_status td_plan(td_plan_buffer *buffers, size_t count, size_t *total,
                  td_error *error) TD_MUST_USE;

#endif
