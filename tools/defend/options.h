/* What trapdoor-defend is asked to do. */
#ifndef TOOLS_DEFEND_OPTIONS_H
#define TOOLS_DEFEND_OPTIONS_H

#include "common/options.h"

enum { DEFEND_MOST_SETS = 64, DEFEND_MOST_OVERLAYS = 1000 };

typedef struct defend_method defend_method;

/* Settings that only some methods take. */
enum { DEFEND_OVERLAYS = 1, DEFEND_FRR = 2, DEFEND_FPR = 4, DEFEND_SQUEEZERS = 8 };

typedef struct defend_list {
    const char *texts[DEFEND_MOST_SETS];
    size_t count;
} defend_list;

typedef struct defend_options {
    tool_common common;
    const defend_method *method;
    const char *model, *net; /* net: the model is a state_dict of this net; NULL: it has its own */
    const char *clean;
    defend_list benign, suspects, triggers;
    const char *picture; /* or NULL */
    bool exit_code;
    unsigned settings;     /* those given, DEFEND_OVERLAYS and so on */
    size_t overlays;       /* strip: for each input */
    double rate;           /* the share of benign inputs that may be flagged, in (0, 1) */
    const char *squeezers; /* squeeze: LIST, or NULL for the default */
} defend_options;

/* Parses the command line; exits with 2 on a wrong one. */
void defend_options_parse(defend_options *options, int argc, char **argv);

#endif
