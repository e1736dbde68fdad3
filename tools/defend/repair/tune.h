/* SPDX-License-Identifier: MIT */
/* Fine-tuning: continues training a model on images in memory, by SGD with momentum at a small
 * learning rate, constant unless the options have a schedule. Masks and frozen parameters do not
 * change. */
#ifndef TOOLS_DEFEND_REPAIR_TUNE_H
#define TOOLS_DEFEND_REPAIR_TUNE_H

#include "frame/training.h"

/* Keys for a td_train_options: by default 10 epochs at 0.01, batches of 128, momentum 0.9, no
 * decay. */
extern const td_key repair_tune_keys[];

/* The complete options: SGD, a constant learning rate unless they have a schedule, the run's seed.
 */
td_train_options tune_options(const tool_run *run, const td_train_options *options);

/* Trains `weights` in place, by the run's seed; `what` is for the progress line: "fine-tuning".
 * TD_ERR_INTERRUPTED after Ctrl-C and at the run's deadline. */
td_status tune_model(tool_run *run, const td_train_options *options, const char *what,
                     const td_net *net, float *weights, const td_images *images,
                     td_error *error) TD_MUST_USE;

#endif
