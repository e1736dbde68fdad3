/* SPDX-License-Identifier: MIT */
/* The command line of a tool whose methods are tables of keys. */
#ifndef TOOLS_FRAME_COMMAND_H
#define TOOLS_FRAME_COMMAND_H

#include "frame/run.h"

/* A tool: one unnamed method, or several, selected by the first word of the command line. */
typedef struct tool_program {
    const char *name; /* "trapdoor-defend" */
    const char *noun; /* the placeholder of a method on the command line: "METHOD", "RULE" */
    const char *list; /* the heading over their list: "Methods" */
    const char *doc;  /* the description; after \v the text that follows the list of methods:
                         examples. NULL for a tool of one method, which has its own */
    const tool_method *const *methods; /* ends with NULL */
} tool_program;

/* The tool's main: parses, runs the method, prints, and gives the exit status: 0 done, 1 failed or
 * interrupted, 2 used wrongly, 3 something was flagged, with --exit-code. */
int tool_main(const tool_program *program, int argc, char **argv);

#endif
