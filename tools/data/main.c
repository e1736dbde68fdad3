/* trapdoor-data: makes data sets of pictures, and looks at them. */
#define _GNU_SOURCE /* asprintf */
#include "command.h"

#include "frame/options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const command *const commands[] = {&command_import, &command_info, &command_show};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* Puts the list of subcommands behind the options in --help. */
static char *describe_commands(int key, const char *text, void *input) {
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)text;
    char *list = strdup("Commands (trapdoor-data COMMAND --help says more):");
    for (size_t i = 0; list && i < COMMANDS; i++) {
        char *longer;
        int made =
            asprintf(&longer, "%s\n  %-20s %s", list, commands[i]->usage, commands[i]->summary);
        free(list);
        list = made < 0 ? NULL : longer;
    }
    if (!list)
        return NULL;
    char *whole;
    int made = asprintf(&whole, "%s\n\nExample:\n  trapdoor-data info fashion-mnist", list);
    free(list);
    return made < 0 ? NULL : whole;
}

/* main has not taken this for a command. */
static void check_command(const char *text, struct argp_state *state) {
    const char *names[COMMANDS + 1] = {NULL};
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i]->name;
    size_t found = tool_choice("COMMAND", text, names, state);
    tool_misuse(state, "%s: expected it before all options", names[found]);
}

static error_t parse(int key, char *text, struct argp_state *state) {
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = state->input;
    else if (key == ARGP_KEY_ARG)
        check_command(text, state);
    else if (key == ARGP_KEY_NO_ARGS)
        tool_misuse(state, "expected a COMMAND (see --help), found none");
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->run(argc - 1, argv + 1);
    static const struct argp argp = {NULL,
                                     parse,
                                     "COMMAND ...",
                                     "Make data sets of pictures, and look at them.\v",
                                     tool_common_children,
                                     describe_commands,
                                     NULL};
    tool_common common = {0};
    tool_parse(&argp, argc, argv, &common, &common);
    return EXIT_SUCCESS;
}
