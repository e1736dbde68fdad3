/* SPDX-License-Identifier: MIT */
#include "nn/plan.h"

#include "base/arena.h"
#include "base/size.h"
#include <stdlib.h>

static int larger_first(const void *a, const void *b) {
    const td_plan_buffer *x = *(td_plan_buffer *const *)a, *y = *(td_plan_buffer *const *)b;
    if (x->floats != y->floats)
        return x->floats < y->floats ? 1 : -1;
    return x < y ? -1 : 1; /* the same plan every time */
}

static int lower_first(const void *a, const void *b) {
    const td_plan_buffer *x = *(td_plan_buffer *const *)a, *y = *(td_plan_buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Places `buffer` among those already placed. `rivals` has room for all of them. */
static void place(td_plan_buffer *buffer, td_plan_buffer **placed, size_t count,
                  td_plan_buffer **rivals) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (placed[i]->first <= buffer->last && buffer->first <= placed[i]->last)
            rivals[found++] = placed[i];
    qsort(rivals, found, sizeof *rivals, lower_first);
    buffer->offset = 0;
    for (size_t i = 0; i < found; i++) {
        if (buffer->offset + buffer->floats <= rivals[i]->offset)
            break;
        buffer->offset = td_size_max(buffer->offset, rivals[i]->offset + rivals[i]->floats);
    }
}

td_status td_plan(td_plan_buffer *buffers, size_t count, size_t *total, td_error *error) {
    td_arena arena = {0};
    td_plan_buffer **order, **rivals;
    td_status status = TD_ARENA_NEW(&arena, count, &order, "a memory plan", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, count, &rivals, "a memory plan", error);
    *total = 0;
    for (size_t i = 0; status == TD_OK && i < count; i++) {
        order[i] = &buffers[i];
        if (!td_size_add(buffers[i].floats, 15, &buffers[i].floats))
            status = td_fail_memory(error, "activations");
        buffers[i].floats &= ~(size_t)15;
    }
    if (status == TD_OK) {
        qsort(order, count, sizeof *order, larger_first);
        for (size_t i = 0; i < count; i++) {
            place(order[i], order, i, rivals);
            *total = td_size_max(*total, order[i]->offset + order[i]->floats);
        }
    }
    td_arena_free(&arena);
    return status;
}
