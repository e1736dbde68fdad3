/* SPDX-License-Identifier: MIT */
/* Ctrl-C: long loops ask whether to stop, clean up and leave; a second signal, a second or more
 * later, kills at once. Neither this nor a file that gets shorter while it is read leaves temporary
 * files. */
#ifndef TOOLS_FRAME_INTERRUPT_H
#define TOOLS_FRAME_INTERRUPT_H

#include <stdbool.h>

/* Takes SIGINT, SIGTERM and SIGHUP, except those that the caller's shell ignores (nohup). SIGPIPE
 * and SIGXFSZ become errors of the write that meets them. SIGBUS in a mapped file ends the process
 * with a line that names the file, and exit status 1. */
void tool_catch_interrupts(void);

/* True once one of them was received; long loops ask and stop with TD_ERR_INTERRUPTED. */
bool tool_interrupted(void);

#endif
