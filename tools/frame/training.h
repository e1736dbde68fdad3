/* SPDX-License-Identifier: MIT */
/* Training with a progress line; stops at Ctrl-C and the deadline. */
#ifndef TOOLS_FRAME_TRAINING_H
#define TOOLS_FRAME_TRAINING_H

#include "frame/run.h"
#include "nn/train.h"

/* Training options of a tool: a group of keys. */
typedef struct tool_training {
    int optimizer, schedule;  /* indices in td_optimizers and td_schedules */
    td_train_options options; /* complete after tool_training_complete, except the run's own */
    const char *augment;      /* canonical, or NULL */
    td_augment augmentation;  /* parsed from that */
    char augment_text[TD_AUGMENT_TEXT];
} tool_training;

extern const td_key tool_training_keys[];

/* Completes the options that the keys filled in. TD_ERR_USAGE for an invalid augmentation, and for
 * a warm-up that is not shorter than the training. The struct must not move. */
td_status tool_training_complete(tool_training *t, uint64_t seed, td_error *error) TD_MUST_USE;

/* td_train with its own batch_done; `what` begins the progress line: "fine-tuning". */
td_status tool_run_train(tool_run *run, const td_net *net, float *weights, const td_images *images,
                         const td_train_options *options, const char *what,
                         td_error *error) TD_MUST_USE;

#endif
