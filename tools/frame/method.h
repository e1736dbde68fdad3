/* A tool of several methods: the first word of its command line chooses one, which has options of
 * its own. A method is one file and one row of the tool's table. */
#ifndef TOOLS_FRAME_METHOD_H
#define TOOLS_FRAME_METHOD_H

#include <jansson.h>
#include <stdbool.h>

typedef struct tool_method {
    const char *name, *doc; /* doc: one line for --help */
    /* argv[0] is "TOOL NAME", with which usage and messages begin. Returns the exit status. */
    int (*main)(int argc, char **argv);
    /* For methods that others run as children; NULL and false where none does. */
    const char *family; /* methods of one family take and record alike: "inspector" */
    bool resumes;       /* whether --resume goes on where an interrupted run was */
    /* Parses the same command line, with the same exit on a wrong one: {"seed", "options"} as its
     * record would have them; NULL when out of memory. */
    json_t *(*asked)(int argc, char **argv);
} tool_method;

/* The tool's main: runs the method that argv[1] names. Without one, prints what argv asks for, or
 * exits with 2. `methods` ends with NULL; `doc`: what the tool does, and where \v is, what follows
 * the list of methods in --help. */
int tool_methods_main(const tool_method *const *methods, const char *doc, int argc, char **argv);

#endif
