/* SPDX-License-Identifier: MIT */
/* Ctrl-C: long loops check whether to stop, clean up and return; a second signal, a second or more
 * later, kills at once. Neither this nor a file that shrinks while it is read leaves temporary
 * files behind. */
#ifndef TOOLS_FRAME_INTERRUPT_H
#define TOOLS_FRAME_INTERRUPT_H

#include <stdbool.h>

/* Handles SIGINT, SIGTERM and SIGHUP, except those that the caller's shell ignores (nohup). SIGPIPE
 * and SIGXFSZ become write errors. SIGBUS in a mapped file ends the process with a message that
 * names the file, and exit status 1. */
void tool_catch_interrupts(void);

/* True once one of them was received; long loops check it and stop with TD_ERR_INTERRUPTED. */
bool tool_interrupted(void);

#endif
