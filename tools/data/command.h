/* SPDX-License-Identifier: MIT */
/* The commands of trapdoor-data: each is one file and one row in main.c's table. They have no
 * common inputs; a command's work is its run. */
#ifndef TOOLS_DATA_COMMAND_H
#define TOOLS_DATA_COMMAND_H

#include "frame/command.h"

extern const tool_print data_prints[];

extern const tool_method data_import, data_info, data_show;

#endif
