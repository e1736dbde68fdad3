/* Fine-tuning: training a model on, on images in memory, by SGD with momentum at a small constant
 * learning rate. Masks and frozen parameters stay as they are. */
#ifndef TOOLS_DEFEND_REPAIR_TUNE_H
#define TOOLS_DEFEND_REPAIR_TUNE_H

#include "frame/options.h"
#include "data/images.h"
#include "nn/train.h"
#include <jansson.h>

typedef struct tune_options {
    size_t epochs, batch;
    double lr, momentum, weight_decay;
} tune_options;

/* The defaults: 10 epochs at 0.01, batches of 128, momentum 0.9, no decay. A method sets these, or
 * its own, before it parses. */
extern const tune_options tune_defaults;

/* --epochs, --lr, --batch, --momentum and --weight-decay; the argp of a child whose input is a
 * tune_options *. */
extern const struct argp tune_argp;

typedef struct tune_run {
    const tune_options *options;
    uint64_t seed;
    bool quiet;
    const char *what; /* for the progress line: "fine-tuning" */
    /* Called after each epoch; its failure ends the tuning. May be NULL. */
    td_status (*epoch_done)(void *context, const td_train_state *state, td_error *error);
    void *context;
} tune_run;

/* Trains `weights` in place, with a progress line; TD_ERR_INTERRUPTED after Ctrl-C. */
td_status tune_model(const tune_run *run, const td_net *net, float *weights,
                     const td_images *images, td_error *error) TD_MUST_USE;

/* The options, for the record: a new reference. */
json_t *tune_options_json(const tune_options *options);

#endif
