/* Another program, or this one again, as a child of this one. */
#ifndef TOOLS_FRAME_CHILD_H
#define TOOLS_FRAME_CHILD_H

#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>

typedef struct tool_child {
    const char *path;         /* the program; NULL: argv[0], looked up in PATH */
    const char *const *argv;  /* ends with NULL */
    char *const *environment; /* ends with NULL; NULL: this program's */
    int input, output, error; /* file descriptors; -1: nothing to read, nowhere to write */
} tool_child;

/* Starts it, without a shell. SIGTERM ends it even where this program ignores the signal.
 * TD_ERR_USAGE if there is no such program, TD_ERR_IO if it cannot be run. */
td_status tool_child_start(const tool_child *child, pid_t *id, td_error *error) TD_MUST_USE;

/* Whether it has ended, with `block` once it has; *status is its exit status then. TD_ERR_IO if a
 * signal ended it; messages begin with `name`. */
td_status tool_child_ended(pid_t id, const char *name, bool block, bool *ended, int *status,
                           td_error *error) TD_MUST_USE;

#endif
