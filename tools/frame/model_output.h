/* SPDX-License-Identifier: MIT */
/* The model that a run makes, at -o. */
#ifndef TOOLS_FRAME_MODEL_OUTPUT_H
#define TOOLS_FRAME_MODEL_OUTPUT_H

#include "frame/run.h"
#include "nn/net.h"

/* What a model file says of its training, as JSON: the record's head, with the files known by their
 * digests and not by where they lay. The caller frees it. */
td_status tool_model_training(const tool_record *record, char **out, td_error *error) TD_MUST_USE;

/* Adds the model to the run's outputs, at `path`, with the names of its classes and, as JSON, what
 * it says of its training, both of which may be NULL. */
td_status tool_run_model(tool_run *run, const char *path, const td_net *net, const float *weights,
                         const char *const *class_names, const char *training,
                         td_error *error) TD_MUST_USE;

#endif
