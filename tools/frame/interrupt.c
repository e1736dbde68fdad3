/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "frame/interrupt.h"

#include "base/crash.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t received; /* the second of the first signal, or 0 */

static sig_atomic_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (sig_atomic_t)time.tv_sec + 1;
}

/* Some programs send a signal twice, to the process and to its group: treat both as one request. */
static void receive(int number) {
    if (received == 0) {
        received = now();
    } else if (now() > received + 1 && !td_crash_is_held()) {
        td_crash_remove();
        signal(number, SIG_DFL);
        raise(number);
    }
}

/* --- a mapped file that shrank --- */

enum { LINE = 1024 };

/* printf is not async-signal-safe. */
static void append(char line[LINE], size_t *used, const char *text) {
    for (; *text && *used < LINE - 1; text++) {
        const unsigned char byte = (unsigned char)*text;
        line[(*used)++] = (char)(byte < 0x20 || byte == 0x7f ? '?' : byte);
    }
}

/* If the disk could not be read, the page is still within the file. */
static void say_lost(const char *path, size_t offset) {
    char line[LINE];
    size_t used = 0;
    struct stat info;
    const bool short_now = stat(path, &info) != 0 || offset >= (size_t)info.st_size;
    append(line, &used, program_invocation_short_name);
    append(line, &used, ": ");
    append(line, &used, path);
    append(line, &used, short_now ? ": changed while it was read" : ": could not be read");
    line[used++] = '\n';
    const ssize_t written = write(STDERR_FILENO, line, used);
    (void)written; /* there is no other way to report */
}

/* May run in any thread that reads an unavailable page, possibly in several at once. The read
 * cannot be resumed, so the process ends here. */
static void lose(int number, siginfo_t *info, void *context) {
    static atomic_flag lost = ATOMIC_FLAG_INIT;
    size_t offset;
    const char *path = td_crash_file_at(info->si_addr, &offset);
    (void)context;
    if (!path) { /* not one of our files: return to the instruction, which then ends the process */
        signal(number, SIG_DFL);
        return;
    }
    if (atomic_flag_test_and_set(&lost))
        for (;;)
            pause();
    say_lost(path, offset);
    td_crash_remove();
    _exit(1);
}

void tool_catch_interrupts(void) {
    signal(SIGPIPE, SIG_IGN); /* a pipe that is closed and a file that may not grow are errors of */
    signal(SIGXFSZ, SIG_IGN); /* the write that meets them */
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = receive, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction before;
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
    action = (struct sigaction){.sa_sigaction = lose, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

bool tool_interrupted(void) {
    return received != 0;
}
