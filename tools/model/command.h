/* SPDX-License-Identifier: MIT */
/* The commands of trapdoor-model: each is one file and one row in main.c's table. */
#ifndef TOOLS_MODEL_COMMAND_H
#define TOOLS_MODEL_COMMAND_H

#include "frame/command.h"

extern const tool_method model_compare, model_export, model_import, model_info, model_show_net;

/* Help of --class-names, whose alias is --labels. */
#define MODEL_CLASS_NAMES_HELP                                                                     \
    "Names of the net's classes, in the order of its outputs: NAME,NAME,... or a file with "       \
    "one name a line. Sets with class names are matched with them (also: --labels)"

/* --help-net, for a family's prints. */
extern const tool_print model_prints[];

#endif
