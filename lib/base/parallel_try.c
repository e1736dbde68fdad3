/* SPDX-License-Identifier: MIT */
#include "base/parallel_try.h"

#include "base/parallel.h"
#include <stdlib.h>

typedef struct outcome {
    td_status status;
    td_error error;
} outcome;

typedef struct loop {
    td_item_fn work;
    void *context;
    outcome *outcomes; /* [chunks] */
} loop;

static void do_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    (void)thread;
    const loop *l = context;
    outcome *o = &l->outcomes[chunk];
    for (size_t i = begin; i < end && o->status == TD_OK; i++)
        o->status = l->work(l->context, i, &o->error);
}

td_status td_parallel_try(size_t count, size_t chunk_size, td_item_fn work, void *context,
                          td_error *error) {
    size_t chunks = td_chunks(count, chunk_size);
    outcome *outcomes = calloc(chunks + 1, sizeof *outcomes);
    if (!outcomes)
        return td_fail_memory(error, "a parallel loop");
    loop l = {work, context, outcomes};
    td_parallel_for(count, chunk_size, do_chunk, &l);
    td_status status = TD_OK;
    for (size_t i = 0; i < chunks && status == TD_OK; i++)
        if (outcomes[i].status != TD_OK)
            status = td_fail(error, outcomes[i].status, "%s", outcomes[i].error.message);
    free(outcomes);
    return status;
}
