#define _GNU_SOURCE /* program_invocation_short_name */
#include "frame/method.h"

#include "frame/options.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MOST_METHODS = 32, LONGEST_NAME = 128 };

typedef struct chooser {
    tool_common common;
    const tool_method *const *methods;
} chooser;

static const tool_method *find(const tool_method *const *methods, const char *name) {
    for (size_t i = 0; methods[i]; i++)
        if (strcmp(methods[i]->name, name) == 0)
            return methods[i];
    return NULL;
}

static error_t parse(int key, char *text, struct argp_state *state) {
    const chooser *c = state->input;
    const char *names[MOST_METHODS] = {NULL};
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &((chooser *)state->input)->common;
        return 0;
    case ARGP_KEY_ARG:
        if (find(c->methods, text))
            tool_misuse(state, "%s: expected it before all options", text);
        for (size_t i = 0; c->methods[i] && i + 1 < MOST_METHODS; i++)
            names[i] = c->methods[i]->name;
        tool_choice("METHOD", text, names, state);
        return 0;
    case ARGP_KEY_END:
        tool_misuse(NULL, "expected a METHOD (see --help), found none");
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *describe(int key, const char *text, void *input) {
    const chooser *c = input;
    char *doc = NULL;
    size_t size = 0;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)text;
    FILE *stream = open_memstream(&doc, &size);
    if (!stream)
        return NULL;
    fprintf(stream, "Methods (METHOD --help tells the options of each):\n");
    int widest = 0;
    for (size_t i = 0; c->methods[i]; i++)
        if ((int)strlen(c->methods[i]->name) > widest)
            widest = (int)strlen(c->methods[i]->name);
    for (size_t i = 0; c->methods[i]; i++)
        fprintf(stream, "  %-*s  %s\n", widest, c->methods[i]->name, c->methods[i]->doc);
    fputs(text, stream);
    fclose(stream);
    return doc;
}

int tool_methods_main(const tool_method *const *methods, const char *doc, int argc, char **argv) {
    const tool_method *method = argc > 1 ? find(methods, argv[1]) : NULL;
    char name[LONGEST_NAME];
    if (!method) {
        chooser c = {.methods = methods};
        const struct argp argp = {NULL, parse, "METHOD", doc, tool_common_children, describe, NULL};
        tool_parse(&argp, argc, argv, &c, &c.common);
        return 0;
    }
    snprintf(name, sizeof name, "%s %s", program_invocation_short_name, method->name);
    program_invocation_short_name = name;
    return method->main(argc - 1, argv + 1);
}
