/* The commands of trapdoor-data: one file and one row in main.c's table each. They have no inputs
 * in common but how a class is called; a command's mathematics is its run. */
#ifndef TOOLS_DATA_COMMAND_H
#define TOOLS_DATA_COMMAND_H

#include "frame/command.h"
#include <stddef.h>

extern const tool_print data_prints[];

extern const tool_method data_import, data_info, data_show;

/* The classes of a data set. */
typedef struct data_classes {
    const char *data;   /* DATA, for messages */
    const char **names; /* [count], or NULL */
    size_t count;
} data_classes;

/* Finds text[0, length). Where a name is a number as well, the name counts. TD_ERR_USAGE, beginning
 * with `option`, if there is no such class, or several of the name. */
td_status data_class_find(size_t *out, const data_classes *classes, const char *option,
                          const char *text, size_t length, td_error *error) TD_MUST_USE;

#endif
