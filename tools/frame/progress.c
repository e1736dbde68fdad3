/* SPDX-License-Identifier: MIT */
#include "frame/progress.h"

#include "frame/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LONGEST_LINE = 256, USUAL_WIDTH = 80 };

static const double REDRAW_SECONDS = 0.1;

static bool can_draw(void) {
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

/* A line that fills the last column would wrap, and could not be erased. */
static size_t line_width(void) {
    struct winsize size;
    size_t width = USUAL_WIDTH;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        width = size.ws_col;
    return width < LONGEST_LINE ? width - 1 : LONGEST_LINE - 1;
}

static void format_left(char *out, size_t size, double seconds) {
    unsigned long left = (unsigned long)(seconds + 0.5);
    if (left >= 3600)
        snprintf(out, size, "%lu:%02lu:%02lu", left / 3600, left / 60 % 60, left % 60);
    else
        snprintf(out, size, "%lu:%02lu", left / 60, left % 60);
}

tool_progress tool_progress_start(const char *what, const char *unit, size_t total, bool quiet) {
    double now = tool_monotonic_seconds();
    return (tool_progress){.what = what,
                           .unit = unit,
                           .total = total,
                           .visible = !quiet && can_draw(),
                           .began = now,
                           .drawn = now};
}

void tool_progress_update(tool_progress *progress, size_t done, const char *note) {
    if (!progress->visible)
        return;
    double now = tool_monotonic_seconds();
    if (now - progress->drawn < REDRAW_SECONDS)
        return;
    progress->drawn = now;
    double rate = (double)done / (now - progress->began);
    size_t rest = done < progress->total ? progress->total - done : 0;
    char left[32], speed[64] = "", line[LONGEST_LINE];
    if (done > 0) { /* earlier there is no rate */
        format_left(left, sizeof left, (double)rest / rate);
        snprintf(speed, sizeof speed, ", %.4g/s, %s left", rate, left);
    }
    snprintf(line, sizeof line, "%s: %zu of %zu %s%s%s%s", progress->what, done, progress->total,
             progress->unit, speed, note ? ", " : "", note ? note : "");
    fprintf(stderr, "\r\033[K%.*s", (int)line_width(), line);
}

void tool_progress_end(tool_progress *progress) {
    if (progress->visible)
        fputs("\r\033[K", stderr);
    progress->visible = false;
}
