/* SPDX-License-Identifier: MIT */
/* A progress line on stderr with rate and remaining time, only on a terminal and never with -q. */
#ifndef TOOLS_FRAME_PROGRESS_H
#define TOOLS_FRAME_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tool_progress {
    const char *what; /* "training" */
    const char *unit; /* "images" */
    size_t total;
    bool visible;
    double began, drawn; /* monotonic seconds */
} tool_progress;

tool_progress tool_progress_start(const char *what, const char *unit, size_t total, bool quiet);

/* Redraws at most ten times a second. `note` (may be NULL) is shown at the end of the line. */
void tool_progress_update(tool_progress *progress, size_t done, const char *note);

/* Clears the line. */
void tool_progress_end(tool_progress *progress);

#endif
