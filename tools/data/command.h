/* The subcommands of trapdoor-data: one file and one row in main.c's table each. */
#ifndef TOOLS_DATA_COMMAND_H
#define TOOLS_DATA_COMMAND_H

typedef struct command {
    const char *name;
    const char *usage;   /* "show DATA [DATA2]" */
    const char *summary; /* one line */

    /* Does it with the arguments from the subcommand's name on; gives the tool's exit status. */
    int (*run)(int argc, char **argv);
} command;

extern const command command_import, command_info, command_show;

#endif
