/* SPDX-License-Identifier: MIT */
/* Finds the normalisation of a model's training images by trial. */
#ifndef TOOLS_MODEL_NORMALISATIONS_H
#define TOOLS_MODEL_NORMALISATIONS_H

#include "frame/run.h"

typedef struct normalisation_settings {
    const char *data, *net, *class_names; /* as given; the last two may be NULL */
} normalisation_settings;

/* Tries the usual normalisations with the model at `path` on images of settings->data. Adds a table
 * of their accuracies to the run, and sets *best, in the run's arena, to a line for the summary,
 * which begins with its newline: the best one, and the options of import that apply it. */
td_status normalisations_try(tool_run *run, const char *path,
                             const normalisation_settings *settings, const char **best,
                             td_error *error) TD_MUST_USE;

#endif
