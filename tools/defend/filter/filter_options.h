/* What every method that looks for poisoned images in a training set is asked to do. */
#ifndef TOOLS_DEFEND_FILTER_FILTER_OPTIONS_H
#define TOOLS_DEFEND_FILTER_FILTER_OPTIONS_H

#include "frame/options.h"

typedef struct filter_options {
    tool_common common;
    const char *method;
    const char *model, *net; /* net: the model is a state_dict of this net; NULL: it has its own */
    const char *data;
    const char *layer;    /* NULL: the last hidden one */
    const char *manifest; /* or NULL */
    bool exit_code;       /* of methods that flag classes */
} filter_options;

/* Child parser, of a filter_options *; a method's own options begin at FILTER_OPTION_BASE. */
enum { FILTER_OPTION_BASE = TOOL_OPTION_BASE + 0x80 };
extern const struct argp_child filter_children[];
extern const char filter_usage[]; /* the options that are needed, for argp.args_doc */

/* Parses the command line of a method into `input`; exits with 2 on a wrong one. */
void filter_parse(const struct argp *argp, int argc, char **argv, void *input,
                const filter_options *options);

#endif
