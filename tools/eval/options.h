/* What trapdoor-eval is asked to do. */
#ifndef TOOLS_EVAL_OPTIONS_H
#define TOOLS_EVAL_OPTIONS_H

#include "frame/options.h"

enum { EVAL_MOST_MODELS = 256, EVAL_MOST_TRIGGERS = 256, EVAL_MOST_STRENGTHS = 64 };

typedef struct eval_options {
    tool_common common;
    const char *models[EVAL_MOST_MODELS];
    size_t model_count;
    const char *net; /* the models are state_dicts of this net; NULL: each has its own */
    const char *data;
    const char *triggers[EVAL_MOST_TRIGGERS]; /* with targets[], in pairs */
    size_t trigger_count;
    size_t targets[EVAL_MOST_TRIGGERS];
    size_t target_count;
    const char *manifest;                  /* adds its pairs, or NULL */
    size_t scores;                         /* image whose logits are wanted, or SIZE_MAX */
    double strengths[EVAL_MOST_STRENGTHS]; /* to measure triggers at, besides their own */
    size_t strength_count;
    size_t best;          /* classes over whose best ASR to take the mean, or 0 */
    const char *pictures; /* folder for pictures, or NULL */
} eval_options;

/* Parses the command line; exits with 2 on a wrong one. */
void eval_options_parse(eval_options *options, int argc, char **argv);

#endif
