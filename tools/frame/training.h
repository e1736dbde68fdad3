/* SPDX-License-Identifier: MIT */
/* Training with a progress line, that Ctrl-C and the deadline end. */
#ifndef TOOLS_FRAME_TRAINING_H
#define TOOLS_FRAME_TRAINING_H

#include "frame/run.h"
#include "nn/train.h"

/* How a net is trained, as options of a tool: a group of keys. */
typedef struct tool_training {
    int optimizer, schedule;  /* places in td_optimizers and td_schedules */
    td_train_options options; /* whole once they are completed, but for what is the run's */
    const char *augment;      /* canonical, or NULL */
    td_augment augmentation;  /* what that says */
    char augment_text[TD_AUGMENT_TEXT];
} tool_training;

extern const td_key tool_training_keys[];

/* Completes the options, which the keys have filled in but for what they name. TD_ERR_USAGE for an
 * augmentation that is none, and for a warm-up that is no shorter than the training. The struct
 * must stay where it is. */
td_status tool_training_complete(tool_training *t, uint64_t seed, td_error *error) TD_MUST_USE;

/* td_train, whose batch_done is done here; `what` begins the progress line: "fine-tuning". */
td_status tool_run_train(tool_run *run, const td_net *net, float *weights, const td_images *images,
                         const td_train_options *options, const char *what,
                         td_error *error) TD_MUST_USE;

#endif
