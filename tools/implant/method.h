/* The methods of trapdoor-implant, from the table in methods.c. */
#ifndef TOOLS_IMPLANT_METHOD_H
#define TOOLS_IMPLANT_METHOD_H

#include "frame/method.h"

extern const tool_method implant_trojannet, implant_hijack, implant_pruning_aware;

extern const tool_method *const implant_methods[]; /* ends with NULL */

#endif
