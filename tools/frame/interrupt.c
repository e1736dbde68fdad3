#include "frame/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t received; /* the second at which the first signal came, or 0 */

static sig_atomic_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (sig_atomic_t)time.tv_sec + 1;
}

/* Some programs send a signal twice, to the process and to its group: that is one request. */
static void receive(int number) {
    if (received == 0) {
        received = now();
    } else if (now() > received + 1) {
        signal(number, SIG_DFL);
        raise(number);
    }
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
}

bool tool_interrupted(void) {
    return received != 0;
}
