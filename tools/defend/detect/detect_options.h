/* What every detector of inputs is asked to do. */
#ifndef TOOLS_DEFEND_DETECT_DETECT_OPTIONS_H
#define TOOLS_DEFEND_DETECT_DETECT_OPTIONS_H

#include "frame/options.h"

enum { DETECT_MOST_SETS = 64 };

typedef struct detect_list {
    const char *texts[DETECT_MOST_SETS];
    size_t count;
} detect_list;

typedef struct detect_options {
    tool_common common;
    const char *method;
    const char *model, *net; /* net: the model is a state_dict of this net; NULL: it has its own */
    const char *clean;
    detect_list benign, suspects, triggers;
    const char *picture; /* or NULL */
    bool exit_code;
    double rate; /* the share of benign inputs that may be flagged, in (0, 1) */
} detect_options;

/* Child parser, of a detect_options *; a detector's own options begin at DETECT_OPTION_BASE. */
enum { DETECT_OPTION_BASE = TOOL_OPTION_BASE + 0x80 };
extern const struct argp_child detect_children[];
extern const char detect_usage[]; /* the options that are needed, for argp.args_doc */

/* A rate above 0 and below 1; exits with 2 on another. */
double detect_read_rate(const char *option, const char *text, struct argp_state *state);

/* Parses the command line of a detector into `input`; exits with 2 on a wrong one. */
void detect_parse(const struct argp *argp, int argc, char **argv, void *input,
                  const detect_options *options);

#endif
