/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* CPU_COUNT, MAP_ANONYMOUS */
#include "base/parallel.h"

#include "base/size.h"
#include <cblas.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PATH_SIZE = 4096,
    MOST_THREADS = 1024,
    BLAS_BUFFER = 128 << 20, /* bytes; OpenBLAS 0.3 on x86-64, less on other architectures */
};

/* Reads the first numbers of a file, which are positive; false if it has none. */
static bool read_numbers(const char *folder, const char *name, double *first, double *second) {
    char path[PATH_SIZE];
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "r") : NULL;
    if (!file)
        return false;
    const bool good = fscanf(file, "%lf", first) == 1 && *first > 0 &&
                      (!second || (fscanf(file, "%lf", second) == 1 && *second > 0));
    fclose(file);
    return good;
}

/* The quota of one group: version 2 has "150000 100000", microseconds of a period, or "max 100000"
 * in one file, version 1 two files, -1 without a limit. */
static size_t read_quota(const char *folder) {
    double quota, period;
    if (!read_numbers(folder, "cpu.max", &quota, &period) &&
        !(read_numbers(folder, "cpu.cfs_quota_us", &quota, NULL) &&
          read_numbers(folder, "cpu.cfs_period_us", &period, NULL)))
        return SIZE_MAX;
    if (quota / period >= INT_MAX)
        return SIZE_MAX;
    const size_t whole = (size_t)(quota / period);
    return whole + ((double)whole * period < quota);
}

/* The least quota of the group at `group` below `root`, and of its ancestors. */
static size_t least_quota(const char *root, const char *group) {
    char folder[PATH_SIZE];
    const size_t start = strlen(root);
    size_t cores = SIZE_MAX;
    const int length = snprintf(folder, sizeof folder, "%s%s", root, group);
    while (length > 0 && (size_t)length < sizeof folder) {
        cores = td_size_min(cores, read_quota(folder));
        char *slash = strrchr(folder + start, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    return cores;
}

/* Whether a list such as "cpu,cpuacct" has the controller of quotas. */
static bool has_cpu(const char *controllers, size_t length) {
    static const char name[] = "cpu";
    for (const char *end = controllers + length; controllers < end;) {
        const size_t one = strcspn(controllers, ",:");
        if (one == sizeof name - 1 && memcmp(controllers, name, one) == 0)
            return true;
        controllers += one + 1;
    }
    return false;
}

size_t td_quota_cores(const char *root, const char *line) {
    char folder[PATH_SIZE], group[PATH_SIZE];
    const char *controllers = strchr(line, ':');
    const char *place = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!place)
        return SIZE_MAX;
    const size_t length = (size_t)(place - ++controllers);
    if (length > 0 && !has_cpu(controllers, length))
        return SIZE_MAX;
    place++;
    const int one = snprintf(folder, sizeof folder, "%s%s%.*s", root, length > 0 ? "/" : "",
                             (int)length, controllers);
    const int other = snprintf(group, sizeof group, "%.*s", (int)strcspn(place, "\n"), place);
    return one > 0 && (size_t)one < sizeof folder && other > 0 && (size_t)other < sizeof group
               ? least_quota(folder, group)
               : SIZE_MAX;
}

/* Of the process's own groups; without a list of them, of the root. */
static size_t own_quota(void) {
    static const char root[] = "/sys/fs/cgroup";
    char line[PATH_SIZE];
    size_t cores = td_quota_cores(root, "0::/");
    FILE *file = fopen("/proc/self/cgroup", "r");
    while (file && fgets(line, sizeof line, file))
        cores = td_size_min(cores, td_quota_cores(root, line));
    if (file)
        fclose(file);
    return cores;
}

/* A positive whole number in an environment variable, as OpenMP uses; SIZE_MAX if unset. */
static size_t number_in(const char *variable) {
    const char *text = getenv(variable);
    const long number = text ? strtol(text, NULL, 10) : 0;
    return number > 0 ? (size_t)number : SIZE_MAX;
}

static size_t own_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (size_t)CPU_COUNT(&set);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than a set holds */
    return cores > 0 ? (size_t)cores : 1;
}

static size_t usual_threads(void) {
    const size_t said = number_in("OMP_NUM_THREADS");
    return said < SIZE_MAX ? said : td_size_min(own_cores(), own_quota());
}

/* --- the team --- */

/* Chunks [next, end) of a loop that belong to one thread. It takes them in order; a thread that has
 * finished its own helps the others. */
typedef struct share {
    _Alignas(64) atomic_size_t next; /* one cache line each */
    size_t end;
} share;

typedef struct loop {
    td_chunk_fn work;
    void *context;
    size_t count, chunk_size;
    size_t step; /* chunks taken at a time */
} loop;

/* The calling thread is 0; the others are workers. A loop does not wait for a worker that is not
 * running when it starts: the others take its share. */
static struct team {
    size_t size; /* 0 before the first use */
    pthread_t workers[MOST_THREADS];
    share shares[MOST_THREADS];
    loop loop;
    atomic_uint turn; /* incremented by each new loop */
    pthread_mutex_t lock;
    pthread_cond_t starts, ends;
    bool open;          /* whether workers may join the loop */
    atomic_size_t busy; /* workers in the loop; changed under the lock */
    bool stops;
} team = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .starts = PTHREAD_COND_INITIALIZER,
          .ends = PTHREAD_COND_INITIALIZER};

static _Thread_local size_t own_number;
static _Thread_local bool is_working, is_alone;

/* A waiting thread spins for about the usual length of a loop, some ten microseconds, and then
 * sleeps: with other programs running, longer spinning would keep the core from the thread it waits
 * for. */
enum { SPINS = 1000 };

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void do_chunks(const loop *l, size_t first, size_t end) {
    for (size_t chunk = first; chunk < end; chunk++) {
        const size_t begin = chunk * l->chunk_size;
        l->work(l->context, begin, td_size_min(begin + l->chunk_size, l->count), chunk,
                td_thread());
    }
}

static void do_share(const loop *l, share *s) {
    for (;;) {
        const size_t first = atomic_fetch_add_explicit(&s->next, l->step, memory_order_relaxed);
        if (first >= s->end)
            return;
        do_chunks(l, first, td_size_min(first + l->step, s->end));
    }
}

static void do_shares(void) {
    is_working = true;
    for (size_t i = 0; i < team.size; i++)
        do_share(&team.loop, &team.shares[(own_number + i) % team.size]);
    is_working = false;
}

/* Waits for a loop after `turn`, and joins it; false when the team stops. */
static bool join_loop(unsigned *turn) {
    for (size_t i = 0; i < SPINS && atomic_load(&team.turn) == *turn; i++)
        pause_briefly();
    pthread_mutex_lock(&team.lock);
    while (!team.stops && (atomic_load(&team.turn) == *turn || !team.open)) {
        *turn = atomic_load(&team.turn);
        pthread_cond_wait(&team.starts, &team.lock);
    }
    *turn = atomic_load(&team.turn);
    const bool joined = !team.stops;
    if (joined)
        atomic_fetch_add(&team.busy, 1);
    pthread_mutex_unlock(&team.lock);
    return joined;
}

static void leave_loop(void) {
    pthread_mutex_lock(&team.lock);
    if (atomic_fetch_sub(&team.busy, 1) == 1)
        pthread_cond_signal(&team.ends);
    pthread_mutex_unlock(&team.lock);
}

/* Restricts OpenBLAS to the calling thread. Built with OpenMP, it stores the number per thread. */
static void keep_blas_alone(void) {
    pthread_mutex_lock(&team.lock);
    openblas_set_num_threads(1);
    pthread_mutex_unlock(&team.lock);
}

static void *serve(void *number) {
    unsigned turn = 0;
    own_number = (size_t)(uintptr_t)number;
    keep_blas_alone();
    while (join_loop(&turn)) {
        do_shares();
        leave_loop();
    }
    return NULL;
}

static void open_loop(const loop *l, size_t chunks) {
    for (size_t i = 0; i < team.size; i++) {
        atomic_store_explicit(&team.shares[i].next, chunks * i / team.size, memory_order_relaxed);
        team.shares[i].end = chunks * (i + 1) / team.size;
    }
    team.loop = *l;
    pthread_mutex_lock(&team.lock);
    team.open = true;
    atomic_fetch_add(&team.turn, 1);
    pthread_cond_broadcast(&team.starts);
    pthread_mutex_unlock(&team.lock);
}

/* All chunks are taken; workers may still be in their last ones. */
static void close_loop(void) {
    for (size_t i = 0; i < SPINS && atomic_load(&team.busy) > 0; i++)
        pause_briefly();
    pthread_mutex_lock(&team.lock);
    team.open = false;
    while (atomic_load(&team.busy) > 0)
        pthread_cond_wait(&team.ends, &team.lock);
    pthread_mutex_unlock(&team.lock);
}

static void stop_team(void) {
    pthread_mutex_lock(&team.lock);
    team.stops = true;
    pthread_cond_broadcast(&team.starts);
    pthread_mutex_unlock(&team.lock);
    for (size_t i = 1; i < team.size; i++)
        pthread_join(team.workers[i], NULL);
    team.stops = false;
    team.size = 0;
}

/* Starts as many threads as possible. The calling thread handles all signals except SIGBUS from a
 * mapped file that shrank, which is delivered to the thread that caused it. */
static void start_team(size_t size) {
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    team.size = 1;
    atomic_store(&team.turn, 0);
    team.open = false;
    while (team.size < size &&
           pthread_create(&team.workers[team.size], NULL, serve, (void *)(uintptr_t)team.size) == 0)
        team.size++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void td_set_threads(size_t count) {
    static bool registered;
    count = td_size_min(count > 0 ? count : usual_threads(), number_in("OMP_THREAD_LIMIT"));
    stop_team();
    keep_blas_alone();
    start_team(td_size_min(count, MOST_THREADS));
    if (!registered)
        registered = atexit(stop_team) == 0;
}

/* --- loops --- */

size_t td_threads(void) {
    if (team.size == 0)
        td_set_threads(0);
    return is_alone ? 1 : team.size;
}

size_t td_thread(void) {
    return is_alone ? 0 : own_number;
}

bool td_parallel_alone(bool alone) {
    const bool before = is_alone;
    is_alone = alone;
    return before;
}

/* A thread gets the same share of the items in every loop, so that its core's cache still holds
 * what the previous loop wrote. */
void td_parallel_for(size_t count, size_t chunk_size, td_chunk_fn work, void *context) {
    enum { TAKES = 16 }; /* chunks per take, small enough that others can help */
    const size_t chunks = td_chunks(count, chunk_size), threads = td_threads();
    const loop l = {work, context, count, chunk_size, 1 + chunks / (threads * TAKES)};
    if (chunks <= 1 || threads == 1 || is_working) {
        const bool before = is_working;
        is_working = true; /* nested loops behave the same at any number of threads */
        do_chunks(&l, 0, chunks);
        is_working = before;
        return;
    }
    open_loop(&l, chunks);
    do_shares();
    close_loop();
}

typedef struct claim {
    td_chunk_fn work;
    void *context;
} claim;

static void do_claim(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const claim *c = context;
    const bool before = td_parallel_alone(true);
    c->work(c->context, begin, end, chunk, thread);
    td_parallel_alone(before);
}

void td_parallel_claim(size_t count, size_t chunk_size, td_chunk_fn work, void *context) {
    td_parallel_for(count, chunk_size, do_claim, &(claim){work, context});
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

/* --- OpenBLAS --- */

/* OpenBLAS allocates two buffers while it is loaded. Functions in .preinit_array
 * run before that, and before a sanitizer is ready. */
__attribute__((no_sanitize("address", "undefined", "thread"))) static void
check_first_buffers(int count, char **arguments, char **environment) {
    static const char text[] = ": OpenBLAS needs 256 MiB of address space, and cannot have them\n";
    const size_t size = (size_t)2 * BLAS_BUFFER;
    const long memory =
        syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    (void)environment;
    if (memory != -1) {
        syscall(SYS_munmap, memory, size);
        return;
    }
    for (const char *name = count > 0 ? arguments[0] : "trapdoor"; *name; name++)
        syscall(SYS_write, STDERR_FILENO, name, (size_t)1);
    syscall(SYS_write, STDERR_FILENO, text, sizeof text - 1);
    syscall(SYS_exit_group, 1);
}

__attribute__((used, section(".preinit_array"))) static void (*const first_check)(
    int, char **, char **) = check_first_buffers;

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
