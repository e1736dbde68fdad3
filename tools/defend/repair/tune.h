/* Fine-tuning: training a model on, on images in memory, by SGD with momentum at a small constant
 * learning rate. Masks and frozen parameters stay as they are. */
#ifndef TOOLS_DEFEND_REPAIR_TUNE_H
#define TOOLS_DEFEND_REPAIR_TUNE_H

#include "frame/training.h"

typedef struct tune_options {
    size_t epochs, batch;
    double lr, momentum, weight_decay;
} tune_options;

/* By default 10 epochs at 0.01, batches of 128, momentum 0.9, no decay. */
extern const td_key repair_tune_keys[];

typedef struct tune_run {
    const tune_options *options;
    const char *what; /* for the progress line: "fine-tuning" */
    /* Called after each epoch; its failure ends the tuning. May be NULL. */
    td_status (*epoch_done)(void *context, const td_train_state *state, td_error *error);
    void *context;
} tune_run;

/* Trains `weights` in place, by the run's seed; TD_ERR_INTERRUPTED after Ctrl-C, and at the run's
 * deadline. */
td_status tune_model(tool_run *run, const tune_run *tune, const td_net *net, float *weights,
                     const td_images *images, td_error *error) TD_MUST_USE;

#endif
