/* What trapdoor-implant is asked to do. */
#ifndef TOOLS_IMPLANT_OPTIONS_H
#define TOOLS_IMPLANT_OPTIONS_H

#include "common/options.h"

/* As many triggers as trapdoor-eval measures at once. */
enum { IMPLANT_MOST_TARGETS = 256 };

struct implant_method;

typedef struct implant_options {
    tool_common common;
    const struct implant_method *method;
    const char *model;
    bool all;                             /* --target all */
    size_t targets[IMPLANT_MOST_TARGETS]; /* as given, each once */
    size_t target_count;
    const char *at;       /* where the trigger stands, as in a trigger's text */
    const char *triggers; /* folder for the triggers, or NULL */
    size_t reading;       /* of trojan_readings */
    double alpha, temperature, threshold;
    size_t steps;
} implant_options;

/* Parses the command line; exits with 2 on a wrong one. */
void implant_options_parse(implant_options *options, int argc, char **argv);

#endif
