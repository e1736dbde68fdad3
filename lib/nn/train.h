/* SPDX-License-Identifier: MIT */
/* The training loop. */
#ifndef TD_NN_TRAIN_H
#define TD_NN_TRAIN_H

#include "data/augment.h"
#include "data/images.h"
#include "nn/exec.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"

typedef struct td_train_state {
    size_t epoch;   /* from 1 */
    size_t images;  /* done in this epoch */
    uint64_t steps; /* done in all */
    double loss;    /* mean over this epoch's images so far, each measured before its step */
    double accuracy;
    double lr;                    /* of the last step */
    const float *optimizer_state; /* [optimizer->states, weight_count] */
} td_train_state;

struct td_train_options;

/* One batch of a training, for a `learn` of one's own. */
typedef struct td_train_batch {
    const td_net *net;
    float *weights; /* before this step; the executor has them. Changed ones must be restored */
    td_exec *exec;  /* in training mode; its input and `labels` are what td_train_pass takes */
    const td_images *images;
    const uint32_t
        *order;      /* the numbers of the epoch's images from this batch on, the batch's first
                      */
    size_t count;    /* images of the batch */
    size_t first;    /* images of this epoch before it: 0 begins an epoch */
    size_t epoch;    /* from 1 */
    uint64_t step;   /* steps before it, in all */
    int32_t *labels; /* [count] */
    float *gradient; /* [weight_count]: what the step is taken by, running statistics included */
    double lr;       /* the step's learning rate, which may be changed */
    const struct td_train_options *options;
} td_train_batch;

/* What a step learns from: sets batch->gradient, and *loss for the log. Called between two steps,
 * never in a parallel loop. */
typedef td_status (*td_train_learn)(void *context, td_train_batch *batch, td_loss *loss,
                                    td_error *error);

/* The executor's input becomes the batch's images, augmented by the options; `labels` theirs. */
void td_train_feed(td_train_batch *batch);

/* One pass forward and backward over the executor's input: the cross-entropy against `labels`, as
 * the options smooth it, and its mean's gradient into `gradient` [weight_count]. *pixels (may be
 * NULL): the input's gradient, valid until the next pass, NULL without options->pixel_gradient. */
td_loss td_train_pass(td_train_batch *batch, float *gradient, const float **pixels);

typedef struct td_train_options {
    const td_optimizer *optimizer;
    td_step step; /* its lr is the schedule's peak; its number is ignored */
    const td_schedule *schedule;
    size_t
        warmup; /* epochs over which the learning rate rises linearly from 0, before the schedule */
    size_t epochs, batch;
    uint64_t seed;             /* of the order of the images, of augmentation and of dropout */
    const td_augment *augment; /* NULL for none */
    double label_smoothing;    /* in [0, 1); the losses reported are the smoothed ones */
    const float *soft_labels;  /* [images, classes]: probabilities in place of the images' labels,
                                  without smoothing; NULL for none */
    /* What each batch teaches in place of its images and their labels; NULL: these. Not with
     * soft_labels. It must draw by the batch's epoch and step alone, for a training to go on. */
    td_train_learn learn;
    void *learn_context; /* of the three */
    /* After the optimiser's step: may change the weights. NULL for none. */
    void (*stepped)(void *learn_context, const td_train_batch *batch);
    /* After an epoch and its epoch_done: whether training ends here. NULL: it does not. */
    bool (*enough)(void *learn_context, const td_train_state *state);
    /* Batch norms normalise by their running statistics, which stay, and dropout drops nothing. */
    bool frozen_statistics;
    bool pixel_gradient; /* td_train_pass gives it */
    /* Goes on with a training whose first `epochs_done` epochs gave the weights and this state of
     * the optimiser (copied): what follows is the same to the bit. 0 and NULL for a new one. */
    size_t epochs_done;
    const float *optimizer_state;
    /* Called after each batch; returning false stops with TD_ERR_INTERRUPTED. May be NULL. */
    bool (*batch_done)(void *context, const td_train_state *state);
    /* Called after each epoch; its failure ends the training. May be NULL. */
    td_status (*epoch_done)(void *context, const td_train_state *state, td_error *error);
    void *context;
} td_train_options;

/* Whether the last batch of an epoch joins the one before: it would be a single image, of which the
 * net has a batch norm over a single value a channel. */
bool td_train_joins(const td_net *net, size_t images, size_t batch);

/* Trains `weights` [net->weight_count] in place on all images, in a new random order each epoch;
 * the last batch of an epoch may be smaller, or, where td_train_joins, larger by one. Same seed,
 * same weights, same bytes at any thread count. TD_ERR_USAGE where every batch is a single image
 * and the net takes more (td_train_joins). TD_ERR_NUMERIC, with the epoch and the step, when the
 * loss is no longer finite, or, after an epoch, the weights or the optimiser's state: no callback
 * sees such an epoch. */
td_status td_train(const td_net *net, float *weights, const td_images *images,
                   const td_train_options *options, td_error *error) TD_MUST_USE;

#endif
