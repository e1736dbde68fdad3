/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "torture.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FRAMES = 24, LOG_FD = 900, LINE = 256 };
static const uint64_t hash_start = 14695981039346656037u, hash_prime = 1099511628211u; /* FNV-1a */

static const struct {
    const char *name;
    int reason;
} kinds[TORTURE_KINDS] = {
    [TORTURE_ALLOC] = {"alloc", ENOMEM}, [TORTURE_OPEN] = {"open", EMFILE},
    [TORTURE_READ] = {"read", EIO},      [TORTURE_WRITE] = {"write", ENOSPC},
    [TORTURE_SYNC] = {"sync", EIO},      [TORTURE_RENAME] = {"rename", EIO},
    [TORTURE_LINK] = {"link", EIO},      [TORTURE_UNLINK] = {"unlink", EIO},
    [TORTURE_MKDIR] = {"mkdir", EIO},    [TORTURE_CLOSE] = {"close", EIO},
    [TORTURE_MMAP] = {"mmap", ENOMEM},   [TORTURE_DISK] = {"disk", 0},
};

static struct {
    bool active; /* main has begun */
    torture_kind kind;
    unsigned long first; /* 0: none */
    char how[16];
    int log; /* or -1 */
    unsigned long counts[TORTURE_KINDS];
} torture = {.log = -1};

static int (*real_main)(int, char **, char **);
static __thread bool is_inside; /* this library's own calls are not counted */

void *torture_real(const char *name) {
    const bool before = is_inside;
    is_inside = true;
    void *found = dlsym(RTLD_NEXT, name);
    is_inside = before;
    if (!found)
        abort();
    return found;
}

bool torture_is_program(const void *address) {
    Dl_info program, caller;
    return real_main && dladdr((const void *)(uintptr_t)real_main, &program) &&
           dladdr(address, &caller) && program.dli_fbase == caller.dli_fbase;
}

static void say(const char *line) {
    if (torture.log >= 0 && write(torture.log, line, strlen(line)) < 0)
        abort();
}

static void say_hit(torture_kind kind, unsigned long number) {
    void *frames[FRAMES];
    char line[LINE];
    if (torture.log < 0)
        return;
    snprintf(line, sizeof line, "hit %s %lu\n", kinds[kind].name, number);
    say(line);
    const int count = backtrace(frames, FRAMES);
    for (int i = 0; i < count; i++) {
        Dl_info info;
        if (!dladdr(frames[i], &info) || !info.dli_fname)
            continue;
        const char *slash = strrchr(info.dli_fname, '/');
        snprintf(line, sizeof line, "at %s %#tx\n", slash ? slash + 1 : info.dli_fname,
                 (const char *)frames[i] - (const char *)info.dli_fbase);
        say(line);
    }
}

static void say_stack(unsigned long number) {
    void *frames[FRAMES];
    char line[LINE];
    uint64_t hash = hash_start;
    const int count = backtrace(frames, FRAMES);
    for (int i = 0; i < count; i++)
        hash = (hash ^ (uintptr_t)frames[i]) * hash_prime;
    snprintf(line, sizeof line, "stack %lu %016" PRIx64 "\n", number, hash);
    say(line);
}

bool torture_fails(torture_kind kind) {
    if (!torture.active || is_inside)
        return false;
    const unsigned long number = __atomic_add_fetch(&torture.counts[kind], 1, __ATOMIC_RELAXED);
    if (torture.kind == kind && strcmp(torture.how, "stacks") == 0) {
        is_inside = true;
        say_stack(number);
        is_inside = false;
        return false;
    }
    if (torture.kind != kind || torture.first == 0 || number < torture.first ||
        (number > torture.first && strcmp(torture.how, "always") != 0))
        return false;
    is_inside = true;
    if (number == torture.first)
        say_hit(kind, number);
    is_inside = false;
    errno = kinds[kind].reason;
    return true;
}

void torture_disk_change(void) {
    if (!torture_fails(TORTURE_DISK))
        return;
    torture.active = false;
    torture_disk_lose(strcmp(torture.how, "names") == 0, strcmp(torture.how, "kill") != 0);
}

static void read_wish(const char *wish) {
    char name[16] = "";
    if (sscanf(wish, "%15s %lu %15s", name, &torture.first, torture.how) != 3)
        abort();
    while (torture.kind < TORTURE_KINDS && strcmp(kinds[torture.kind].name, name) != 0)
        torture.kind++;
    if (torture.kind == TORTURE_KINDS)
        abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *wish = getenv("TORTURE"), *log = getenv("TORTURE_LOG");
    void *frame;
    is_inside = true;
    if (wish)
        read_wish(wish);
    if (log) {
        const int fd = (int)syscall(SYS_openat, AT_FDCWD, log,
                                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        torture.log = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
        close(fd);
    }
    backtrace(&frame, 1); /* loads its dependencies */
    unsetenv("LD_PRELOAD");
    is_inside = false;
}

__attribute__((destructor)) static void end(void) {
    char line[LINE];
    torture.active = false;
    for (torture_kind kind = 0; kind < TORTURE_KINDS; kind++) {
        snprintf(line, sizeof line, "count %s %lu\n", kinds[kind].name, torture.counts[kind]);
        say(line);
    }
}

static int counted_main(int count, char **arguments, char **environment) {
    FILE *stream = torture_stream(STDOUT_FILENO, "w");
    if (!stream)
        abort();
    if (isatty(STDOUT_FILENO))
        setvbuf(stream, NULL, _IOLBF, 0);
    stdout = stream;
    torture.active = true;
    return real_main(count, arguments, environment);
}

int __libc_start_main(int (*program)(int, char **, char **), int count, char **arguments,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end);

int __libc_start_main(int (*program)(int, char **, char **), int count, char **arguments,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end) {
    __typeof__(&__libc_start_main) real;
    *(void **)&real = torture_real("__libc_start_main");
    real_main = program;
    return real(counted_main, count, arguments, init, fini, rtld_fini, stack_end);
}
