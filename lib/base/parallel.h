/* Parallel loops whose result does not depend on the number of threads: the work is cut into chunks
 * of a fixed size, and what is reduced is reduced in the order of the chunks, by the caller. */
#ifndef TD_BASE_PARALLEL_H
#define TD_BASE_PARALLEL_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/* Does items [begin, end). `chunk` numbers the chunk; `thread` is below td_threads() and no two
 * chunks run with the same one at a time: it may choose scratch memory, never a result. */
typedef void (*td_chunk_fn)(void *context, size_t begin, size_t end, size_t chunk, size_t thread);

/* Does item `index`. */
typedef void (*td_each_fn)(void *context, size_t index);

/* Sets the number of threads for the whole process. 0 is what OMP_NUM_THREADS says, else one per
 * core that this process may use, by its affinity and its cgroup's quota. There are never more than
 * OpenMP gives: its limit (OMP_THREAD_LIMIT), or what a team really has. Call it before any work:
 * were a team smaller than it should be, OpenBLAS would wait for its threads for ever. */
void td_set_threads(size_t count);

/* Cores by the cgroup's quota in files below `root` ("/sys/fs/cgroup"), rounded up: of version 2,
 * cpu.max of the group at `group` or above it; SIZE_MAX without a limit. */
size_t td_quota_cores(const char *root, const char *group);

size_t td_threads(void);

/* Runs `work` over `count` items in chunks of `chunk_size` (the last may be short). Inside `work`
 * sgemm runs on one thread, which keeps its bits the same at any thread count. */
void td_parallel_for(size_t count, size_t chunk_size, td_chunk_fn work, void *context);

/* The same for items that do not depend on each other, each by itself. A thread gets a run of
 * neighbouring items. An item should be worth a call: some hundred operations. */
void td_parallel_each(size_t count, td_each_fn work, void *context);

/* td_parallel_for for chunks that hold loops of their own: the chunk's thread does these alone, so
 * that threads meet once, at the end, not after every loop within. There td_threads() is 1 and
 * td_thread() 0. Threads claim the chunks one by one: one that another program keeps from its core
 * holds up nobody. */
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

/* Whether OpenBLAS is the flavour that is built with OpenMP. No other keeps the promise above: it
 * would run threads of its own inside `work`. */
bool td_blas_uses_openmp(void);

/* Whether the memory can be had that OpenBLAS sets aside for each thread when it first multiplies:
 * where it cannot, OpenBLAS tries again for ever. TD_ERR_MEMORY. */
td_status td_blas_check_memory(td_error *error) TD_MUST_USE;

/* The name of the processor kernels that OpenBLAS chose; results differ between them in the last
 * bits. */
const char *td_blas_core(void);

#endif
