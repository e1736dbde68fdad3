#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "base/parallel.h"

#include "base/size.h"
#include <cblas.h>
#include <errno.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    PATH_SIZE = 4096,
    BLAS_BUFFER = 128 << 20, /* bytes; OpenBLAS 0.3 on x86-64, less elsewhere */
};

/* "150000 100000", microseconds of a period, or "max 100000". */
static size_t read_quota(const char *path) {
    double quota, period;
    FILE *file = fopen(path, "r");
    if (!file)
        return SIZE_MAX;
    const bool limited = fscanf(file, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0;
    fclose(file);
    if (!limited || quota / period >= INT_MAX)
        return SIZE_MAX;
    const size_t whole = (size_t)(quota / period);
    return whole + ((double)whole * period < quota);
}

size_t td_quota_cores(const char *root, const char *group) {
    char path[PATH_SIZE], place[PATH_SIZE];
    size_t cores = SIZE_MAX;
    snprintf(place, sizeof place, "%s", group);
    for (;;) {
        const int length = snprintf(path, sizeof path, "%s%s/cpu.max", root, place);
        if (length > 0 && (size_t)length < sizeof path)
            cores = td_size_min(cores, read_quota(path));
        char *slash = strrchr(place, '/');
        if (!slash)
            return cores;
        *slash = '\0';
    }
}

/* The process's own group of version 2, "0::/user.slice/x". */
static size_t own_quota(void) {
    char line[PATH_SIZE], group[PATH_SIZE] = "";
    FILE *file = fopen("/proc/self/cgroup", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "0::", 3) == 0)
            snprintf(group, sizeof group, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    if (file)
        fclose(file);
    return td_quota_cores("/sys/fs/cgroup", strcmp(group, "/") == 0 ? "" : group);
}

static size_t usual_threads(void) {
    static size_t first; /* what OMP_NUM_THREADS says, before it is set here */
    if (first == 0)
        first = (size_t)omp_get_max_threads();
    if (getenv("OMP_NUM_THREADS"))
        return first;
    return td_size_min((size_t)omp_get_num_procs(), own_quota());
}

static int team_size(void) {
    int size = 1;
#pragma omp parallel
#pragma omp single
    size = omp_get_num_threads();
    return size;
}

void td_set_threads(size_t count) {
    const size_t usual = usual_threads();
    omp_set_dynamic(0);
    if (omp_get_max_active_levels() < 1)
        omp_set_max_active_levels(1);
    count = td_size_min(count > 0 ? count : usual, (size_t)omp_get_thread_limit());
    omp_set_num_threads((int)count);
    omp_set_num_threads(team_size());
}

static _Thread_local bool is_alone;

bool td_parallel_alone(bool alone) {
    const bool before = is_alone;
    is_alone = alone;
    return before;
}

size_t td_threads(void) {
    return is_alone ? 1 : (size_t)omp_get_max_threads();
}

static void do_chunk(size_t count, size_t chunk_size, td_chunk_fn work, void *context, size_t chunk,
                     size_t thread) {
    const size_t begin = chunk * chunk_size;
    work(context, begin, td_size_min(begin + chunk_size, count), chunk, thread);
}

void td_parallel_for(size_t count, size_t chunk_size, td_chunk_fn work, void *context) {
    const size_t chunks = td_chunks(count, chunk_size);
    if (is_alone) {
        for (size_t chunk = 0; chunk < chunks; chunk++)
            do_chunk(count, chunk_size, work, context, chunk, 0);
        return;
    }
    /* One chunk stays in a team of its own as well: outside a parallel region sgemm would start
     * threads, and its bits would follow their number. A thread gets the same share of the items in
     * every loop, so that one loop finds in its core's cache what the one before left there. */
#pragma omp parallel for schedule(static)
    for (size_t chunk = 0; chunk < chunks; chunk++)
        do_chunk(count, chunk_size, work, context, chunk, td_thread());
}

void td_parallel_claim(size_t count, size_t chunk_size, td_chunk_fn work, void *context) {
    const size_t chunks = td_chunks(count, chunk_size);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t chunk = 0; chunk < chunks; chunk++) {
        const size_t thread = td_thread();
        const bool before = td_parallel_alone(true);
        do_chunk(count, chunk_size, work, context, chunk, thread);
        td_parallel_alone(before);
    }
}

size_t td_thread(void) {
    return is_alone ? 0 : (size_t)omp_get_thread_num();
}

typedef struct each {
    td_each_fn work;
    void *context;
} each;

static void do_item(void *context, size_t index, size_t end, size_t chunk, size_t thread) {
    const each *e = context;
    (void)end, (void)chunk, (void)thread;
    e->work(e->context, index);
}

void td_parallel_each(size_t count, td_each_fn work, void *context) {
    td_parallel_for(count, 1, do_item, &(each){work, context});
}

bool td_blas_uses_openmp(void) {
    return openblas_get_parallel() == OPENBLAS_OPENMP;
}

td_status td_blas_check_memory(td_error *error) {
    const size_t size = td_threads() * BLAS_BUFFER;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return td_fail(error, TD_ERR_MEMORY,
                       "OpenBLAS needs %zu MiB of address space for %zu threads, and cannot have "
                       "them: %s",
                       size >> 20, td_threads(), strerror(errno));
    munmap(memory, size);
    return TD_OK;
}

const char *td_blas_core(void) {
    return openblas_get_corename();
}
