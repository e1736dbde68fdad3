/* The configuration of trapdoor-evade. */
#ifndef TOOLS_EVADE_OPTIONS_H
#define TOOLS_EVADE_OPTIONS_H

#include "evade/method.h"
#include "frame/options.h"

/* Which images the written set has. */
typedef enum evade_keep { EVADE_KEEP_ALL, EVADE_KEEP_ATTACKED, EVADE_KEEP_SUCCESSFUL } evade_keep;

typedef struct evade_options {
    tool_common common;
    const evade_method *method;
    const char *model, *net, *data, *picture; /* net, picture: NULL for none */
    double settings[EVADE_SETTINGS];          /* NAN where the method has none */
    unsigned target_kind;                     /* EVADE_ANYWHERE, EVADE_TO_CLASS, ... */
    size_t target;                            /* of EVADE_TO_CLASS */
    size_t count;                             /* images to attack at most */
    evade_keep keep;
    bool resume;
} evade_options;

/* Parses the command line; exits with 2 on a wrong one. */
void evade_options_parse(evade_options *options, int argc, char **argv);

extern const char *const evade_keep_names[];

/* "none", "3", "next", ...; text holds 24 characters. */
const char *evade_target_text(unsigned kind, size_t target, char *text);

#endif
