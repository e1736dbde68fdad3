/* The options of those methods that change a trained model, as an argp child parser, and the
 * targets, which others may have too. */
#ifndef TOOLS_IMPLANT_OPTIONS_H
#define TOOLS_IMPLANT_OPTIONS_H

#include "frame/options.h"
#include <jansson.h>

/* As many triggers as trapdoor-eval measures at once. */
enum { IMPLANT_MOST_TARGETS = 256 };

typedef struct implant_options {
    tool_common common;
    const char *model;
    bool all;                             /* --target all */
    size_t targets[IMPLANT_MOST_TARGETS]; /* as given, each once */
    size_t target_count;
    const char *at;       /* where the trigger stands, as in a trigger's text, or NULL */
    const char *triggers; /* folder for the triggers, or NULL */
} implant_options;

/* Child parser; its input is an implant_options *, which the method's parser hands over at
 * ARGP_KEY_INIT: state->child_inputs[0] = &mine.shared. It has tool_common_children as its own. */
extern const struct argp_child implant_children[];

/* The keys of a method's own options. */
enum { IMPLANT_OPTION_BASE = TOOL_OPTION_BASE + 0x40 };

/* --at, or where a trigger stands without it. */
const char *implant_at(const implant_options *options);

/* After parsing: exits with 2 unless there are a model, targets and -o, and -o, --at and --triggers
 * can go into a trigger's text. */
void implant_options_check(const implant_options *options);

/* The same for what has to do with outputs alone; `triggers` is the folder for them, or NULL. */
void implant_outputs_check(const tool_common *common, const char *triggers);

/* The configuration for the record: method, model, targets, at. A new reference, or NULL. */
json_t *implant_options_json(const implant_options *options, const char *method);

#endif
