#include "base/parallel.h"

#include "base/size.h"
#include <cblas.h>
#include <omp.h>

void td_set_threads(size_t count) {
    omp_set_dynamic(0);
    omp_set_num_threads(count > 0 ? (int)count : omp_get_num_procs());
}

size_t td_threads(void) {
    return (size_t)omp_get_max_threads();
}

void td_parallel_for(size_t count, size_t chunk_size, td_chunk_fn work, void *context) {
    size_t chunks = td_chunks(count, chunk_size);
    /* One chunk stays in a team of its own as well: outside a parallel region sgemm would start
     * threads, and its bits would follow their number. A thread gets the same share of the items in
     * every loop, so that one loop finds in its core's cache what the one before left there. */
#pragma omp parallel for schedule(static)
    for (size_t chunk = 0; chunk < chunks; chunk++) {
        size_t begin = chunk * chunk_size;
        work(context, begin, td_size_min(begin + chunk_size, count), chunk,
             (size_t)omp_get_thread_num());
    }
}

bool td_blas_uses_openmp(void) {
    return openblas_get_parallel() == OPENBLAS_OPENMP;
}

const char *td_blas_core(void) {
    return openblas_get_corename();
}
