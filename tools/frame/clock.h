/* SPDX-License-Identifier: MIT */
/* Monotonic time, for rates and for a record's `timing`. */
#ifndef TOOLS_FRAME_CLOCK_H
#define TOOLS_FRAME_CLOCK_H

#include <time.h>

static inline double tool_monotonic_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
