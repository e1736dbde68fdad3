/* SPDX-License-Identifier: MIT */
/* Inference over many images with a progress line; stops at Ctrl-C. */
#ifndef TOOLS_FRAME_PREDICT_H
#define TOOLS_FRAME_PREDICT_H

#include "frame/run.h"
#include "nn/predict.h"

/* A run's progress line over one or more predictions. */
typedef struct tool_pass {
    tool_run *run;
    size_t done; /* images of earlier predictions */
} tool_pass;

/* `images` is the total over all predictions. Call tool_pass_end at the end. */
tool_pass tool_run_pass(tool_run *run, const char *what, size_t images);

/* Clears the line. */
void tool_pass_end(tool_pass *pass);

/* For library functions that process images: draws the line and stops with TD_ERR_INTERRUPTED after
 * Ctrl-C, or at the run's deadline. `pass` must not move; NULL draws no line. */
td_predict_watch tool_pass_watch(tool_pass *pass);

/* td_predict: the logits of all images, [count, classes], in `arena`. `pass` may be NULL. */
td_status tool_predict(const td_net *net, const float *weights, const td_images *images,
                       tool_pass *pass, td_arena *arena, float **logits,
                       td_error *error) TD_MUST_USE;

/* The predicted classes, predicted[count]. */
td_status tool_predict_classes(const td_net *net, const float *weights, const td_images *images,
                               tool_pass *pass, int32_t *predicted, td_error *error) TD_MUST_USE;

#endif
