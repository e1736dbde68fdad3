/* What trapdoor-train is asked to do. */
#ifndef TOOLS_TRAIN_OPTIONS_H
#define TOOLS_TRAIN_OPTIONS_H

#include "frame/options.h"
#include "data/augment.h"
#include "nn/train.h"

enum { MOST_FREEZE = 16, MOST_WATCHED = 16 };

typedef struct train_options {
    tool_common common;
    const char *data, *net;
    const char *validate;            /* DATA, or NULL */
    const char *from;                /* a model file, or NULL */
    const char *freeze[MOST_FREEZE]; /* patterns of parameter names */
    size_t freeze_count;
    const char *watched[MOST_WATCHED]; /* triggers, with targets[], in pairs */
    size_t watched_count;
    size_t targets[MOST_WATCHED];
    size_t target_count;
    bool resume;
    td_augment augment;
    td_train_options training; /* its `augment` is NULL, or the one above */
} train_options;

/* Parses the command line; exits with 2 on a wrong one. */
void train_options_parse(train_options *options, int argc, char **argv);

#endif
