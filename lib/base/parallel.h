/* SPDX-License-Identifier: MIT */
/* Parallel loops whose result does not depend on the number of threads: work is split into chunks
 * of a fixed size, and the caller reduces them in order. */
#ifndef TD_BASE_PARALLEL_H
#define TD_BASE_PARALLEL_H

#include "base/error.h"
#include "base/size.h"
#include <stdbool.h>
#include <stddef.h>

/* Processes items [begin, end). `chunk` numbers the chunk. `thread` is below td_threads(), and no
 * two chunks run with the same one at a time: use it to choose scratch memory, never a result. */
typedef void (*td_chunk_fn)(void *context, size_t begin, size_t end, size_t chunk, size_t thread);

/* Processes item `index`. */
typedef void (*td_each_fn)(void *context, size_t index);

/* Sets the number of threads of the process. 0 means OMP_NUM_THREADS, or one per core that this
 * process may use by its affinity and its cgroup's quota. OMP_THREAD_LIMIT and the system's limits
 * apply. Do not call it within a loop. */
void td_set_threads(size_t count);

/* Number of cores allowed by the quotas of a cgroup and its ancestors, rounded up; SIZE_MAX without
 * a limit. `line` is one of /proc/self/cgroup: of version 2 "0::/user.slice/x", of version 1
 * "1:cpu,cpuacct:/x"; of another controller, it has no limit. `root` is "/sys/fs/cgroup". */
size_t td_quota_cores(const char *root, const char *line);

size_t td_threads(void);

/* Runs `work` over `count` items in chunks of `chunk_size` (the last may be short). A nested loop
 * runs on the calling thread. OpenBLAS always runs on the calling thread, which keeps its bits the
 * same at any thread count. Each thread begins with an equal share of the chunks and then helps the
 * others, so that a thread that another program keeps off its core delays nobody, except within a
 * chunk. */
void td_parallel_for(size_t count, size_t chunk_size, td_chunk_fn work, void *context);

/* The same for independent items, one at a time. An item should be worth a call: some hundred
 * operations. */
void td_parallel_each(size_t count, td_each_fn work, void *context);

/* td_parallel_for for chunks that contain loops of their own, which choose scratch memory by
 * thread: inside, td_threads() is 1 and td_thread() is 0. Threads synchronise once at the end
 * instead of after every inner loop. */
void td_parallel_claim(size_t count, size_t chunk_size, td_chunk_fn work, void *context);

/* Sets whether loops of the calling thread run on it alone; returns the previous setting. Use it to
 * size buffers for use within td_parallel_claim. */
bool td_parallel_alone(bool alone);

/* The number of the calling thread within its loop, as td_chunk_fn's `thread`: items of
 * td_parallel_each choose scratch memory by it. */
size_t td_thread(void);

static inline size_t td_chunks(size_t count, size_t chunk_size) {
    return (count + chunk_size - 1) / chunk_size;
}

/* A chunk size of at most `most` (both multiples of `unit`) that splits `count` into about a
 * multiple of 4 equal chunks: a few chunks of different sizes leave threads idle. */
static inline size_t td_even_chunk(size_t count, size_t most, size_t unit) {
    const size_t chunks = td_size_round_up(td_chunks(count, most), 4);
    return td_size_round_up(td_chunks(count, chunks), unit);
}

/* TD_ERR_MEMORY if the memory that OpenBLAS reserves per thread at its first multiplication is not
 * available: OpenBLAS would retry for ever. */
td_status td_blas_check_memory(td_error *error) TD_MUST_USE;

/* The name of the processor kernels that OpenBLAS chose; results differ between them in the last
 * bits. */
const char *td_blas_core(void);

#endif
