/* SPDX-License-Identifier: MIT */
/* The two trainings of RNP. */
#ifndef TOOLS_DEFEND_REPAIR_RNP_H
#define TOOLS_DEFEND_REPAIR_RNP_H

#include "defend/repair/masked.h"
#include "nn/optimizer.h"

typedef struct rnp_options {
    size_t unlearn_epochs, recover_epochs;
    double unlearn_lr, unlearn_momentum;
    double clip;  /* the largest norm of a step's gradient */
    double stop;  /* unlearning stops after an epoch with at most this accuracy */
    double share; /* weight of the loss in recovering: the paper's alpha */
} rnp_options;

/* An epoch of unlearning. */
typedef struct rnp_epoch {
    size_t number;         /* from 1 */
    double loss, accuracy; /* in training passes, measured before each step */
} rnp_epoch;

/* Number of steps in an epoch, and the index in its order at which the images of step i of `steps`
 * begin: batches of nearly equal size, none a single image. images, batch: at least 2. */
size_t rnp_steps(size_t images, size_t batch);
size_t rnp_begin(size_t images, size_t steps, size_t step);

/* Raises the cross-entropy on the images by SGD over all parameters, at a tenth of the learning
 * rate from epoch 10 on and a hundredth from 20, in training mode, until the stop or the last
 * epoch; updates the running statistics. Fills *count of epochs[options->unlearn_epochs].
 * TD_ERR_NUMERIC, TD_ERR_INTERRUPTED. */
td_status rnp_unlearn(tool_run *run, const td_net *net, float *weights, const td_images *images,
                      size_t batch, const rnp_options *options, rnp_epoch *epochs, size_t *count,
                      td_error *error) TD_MUST_USE;

/* Lowers share times the cross-entropy on the images by changing only the masks; adds the table of
 * masks. */
td_status rnp_recover(masked *m, const rnp_options *options, td_error *error) TD_MUST_USE;

#endif
