/* SPDX-License-Identifier: MIT */
/* Parallel loops whose result does not depend on the number of threads: the work is cut into chunks
 * of a fixed size, and what is reduced is reduced in the order of the chunks, by the caller. */
#ifndef TD_BASE_PARALLEL_H
#define TD_BASE_PARALLEL_H

#include "base/error.h"
#include "base/size.h"
#include <stdbool.h>
#include <stddef.h>

/* Does items [begin, end). `chunk` numbers the chunk; `thread` is below td_threads() and no two
 * chunks run with the same one at a time: it may choose scratch memory, never a result. */
typedef void (*td_chunk_fn)(void *context, size_t begin, size_t end, size_t chunk, size_t thread);

/* Does item `index`. */
typedef void (*td_each_fn)(void *context, size_t index);

/* Sets the number of threads for the whole process. 0 is what OMP_NUM_THREADS says, else one per
 * core that this process may use, by its affinity and its cgroup's quota. There are never more than
 * OMP_THREAD_LIMIT says, or than can be had. Not to be called within a loop. */
void td_set_threads(size_t count);

/* Cores by the cgroup's quota in files below `root` ("/sys/fs/cgroup"), rounded up: of version 2,
 * cpu.max of the group at `group` or above it; SIZE_MAX without a limit. */
size_t td_quota_cores(const char *root, const char *group);

size_t td_threads(void);

/* Runs `work` over `count` items in chunks of `chunk_size` (the last may be short). A loop within
 * `work` is done by the calling thread. OpenBLAS always runs on the calling thread, which keeps its
 * bits the same at any thread count. Each thread begins with the same share of the chunks; who is
 * done first helps the others, and nobody waits for one that another program keeps from its core,
 * unless it is within a chunk. */
void td_parallel_for(size_t count, size_t chunk_size, td_chunk_fn work, void *context);

/* The same for items that do not depend on each other, each by itself. An item should be worth a
 * call: some hundred operations. */
void td_parallel_each(size_t count, td_each_fn work, void *context);

/* td_parallel_for for chunks that hold loops of their own, which choose scratch memory by thread:
 * there td_threads() is 1 and td_thread() 0, and threads meet once, at the end, not after every
 * loop within. */
void td_parallel_claim(size_t count, size_t chunk_size, td_chunk_fn work, void *context);

/* Whether loops of the calling thread are done by it alone; returns what was set before. For the
 * sizes of what is used within td_parallel_claim. */
bool td_parallel_alone(bool alone);

/* The number of the calling thread within the loop that it works for, as td_chunk_fn's `thread`: an
 * item of td_parallel_each chooses scratch memory by it. */
size_t td_thread(void);

static inline size_t td_chunks(size_t count, size_t chunk_size) {
    return (count + chunk_size - 1) / chunk_size;
}

/* The size of chunks of at most `most` items, both a multiple of `unit`, that come as near as that
 * allows to a multiple of 4 chunks of one size: few chunks of different sizes leave threads idle.
 */
static inline size_t td_even_chunk(size_t count, size_t most, size_t unit) {
    const size_t chunks = td_size_round_up(td_chunks(count, most), 4);
    return td_size_round_up(td_chunks(count, chunks), unit);
}

/* Whether the memory can be had that OpenBLAS sets aside for each thread when it first multiplies:
 * where it cannot, OpenBLAS tries again for ever. TD_ERR_MEMORY. */
td_status td_blas_check_memory(td_error *error) TD_MUST_USE;

/* The name of the processor kernels that OpenBLAS chose; results differ between them in the last
 * bits. */
const char *td_blas_core(void);

#endif
