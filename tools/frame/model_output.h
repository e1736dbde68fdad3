/* SPDX-License-Identifier: MIT */
/* The output model of a run, at -o. */
#ifndef TOOLS_FRAME_MODEL_OUTPUT_H
#define TOOLS_FRAME_MODEL_OUTPUT_H

#include "frame/run.h"
#include "nn/net.h"

/* The description of a training for a model file, as JSON: the record's head, with files identified
 * by digests instead of paths. The caller frees it. */
td_status tool_model_training(const tool_record *record, char **out, td_error *error) TD_MUST_USE;

/* Adds the model to the run's outputs, at `path`, with its class names and, as JSON, the
 * description of its training; both may be NULL. */
td_status tool_run_model(tool_run *run, const char *path, const td_net *net, const float *weights,
                         const char *const *class_names, const char *training,
                         td_error *error) TD_MUST_USE;

#endif
