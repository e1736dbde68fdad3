/* Training with a progress line, that Ctrl-C and the deadline end. */
#ifndef TOOLS_FRAME_TRAINING_H
#define TOOLS_FRAME_TRAINING_H

#include "frame/run.h"
#include "nn/train.h"

/* td_train, whose batch_done is done here; `what` begins the progress line: "fine-tuning". */
td_status tool_run_train(tool_run *run, const td_net *net, float *weights, const td_images *images,
                         const td_train_options *options, const char *what,
                         td_error *error) TD_MUST_USE;

#endif
