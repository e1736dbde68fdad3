/* Methods that still parse their own command line. */
#ifndef TOOLS_FRAME_METHOD_H
#define TOOLS_FRAME_METHOD_H

#include "frame/command.h"

int tool_methods_main(const tool_method *const *methods, const char *doc, int argc, char **argv);

#endif
