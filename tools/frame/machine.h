/* The machine that a run's seconds are of. */
#ifndef TOOLS_FRAME_MACHINE_H
#define TOOLS_FRAME_MACHINE_H

#include <stddef.h>

/* The processor's name as /proc/cpuinfo has it, else the machine's type, such as "aarch64". */
void tool_processor(char *name, size_t size);

/* Processors that are online; 1 where that is not known. */
size_t tool_cores(void);

#endif
