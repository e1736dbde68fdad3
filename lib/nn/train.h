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
    size_t images;  /* of this epoch so far */
    uint64_t steps; /* in total */
    double loss;    /* mean over this epoch's images so far, each measured before its step */
    double accuracy;
    double lr;                    /* of the last step */
    const float *optimizer_state; /* [optimizer->states, weight_count] */
} td_train_state;

struct td_train_options;

/* One batch, for a custom `learn`. */
typedef struct td_train_batch {
    const td_net *net;
    float *weights; /* before this step, as the executor uses them; restore any change */
    td_exec *exec;  /* in training mode; td_train_pass uses its input and `labels` */
    const td_images *images;
    const uint32_t *order; /* the numbers of the epoch's images, starting at this batch */
    size_t count;          /* images in the batch */
    size_t first;          /* images of this epoch before the batch; 0 at the start of an epoch */
    size_t epoch;          /* from 1 */
    uint64_t step;         /* steps before the batch, in total */
    int32_t *labels;       /* [count] */
    float *gradient; /* [weight_count]: the gradient for the step, including running statistics */
    double lr;       /* the step's learning rate; may be changed */
    const struct td_train_options *options;
} td_train_batch;

/* Computes what a step learns: sets batch->gradient, and *loss for the log. Called between two
 * steps, never in a parallel loop. */
typedef td_status (*td_train_learn)(void *context, td_train_batch *batch, td_loss *loss,
                                    td_error *error);

/* Fills the executor's input with the batch's images, augmented as the options say, and `labels`
 * with their labels. */
void td_train_feed(td_train_batch *batch);

/* One forward and backward pass over the executor's input: the cross-entropy against `labels`,
 * smoothed as the options say, and the gradient of its mean in `gradient` [weight_count]. *pixels
 * (may be NULL): the input's gradient, valid until the next pass; NULL without
 * options->pixel_gradient. */
td_loss td_train_pass(td_train_batch *batch, float *gradient, const float **pixels);

typedef struct td_train_options {
    const td_optimizer *optimizer;
    td_step step; /* its lr is the schedule's peak; its number is ignored */
    const td_schedule *schedule;
    size_t
        warmup; /* epochs in which the learning rate rises linearly from 0, before the schedule */
    size_t epochs, batch;
    uint64_t seed;             /* of the order of the images, of augmentation and of dropout */
    const td_augment *augment; /* NULL for none */
    double label_smoothing;    /* in [0, 1); reported losses are the smoothed ones */
    const float *soft_labels;  /* [images, classes]: probabilities instead of labels, not smoothed;
                                  NULL for none */
    /* Replaces learning from the batch's images and labels; NULL: none. Not with soft_labels. Its
     * draws must depend only on the batch's epoch and step, so that a training can be resumed. */
    td_train_learn learn;
    void *learn_context; /* of the three callbacks */
    /* After the optimiser's step: may change the weights. NULL for none. */
    void (*stepped)(void *learn_context, const td_train_batch *batch);
    /* Called after an epoch and its epoch_done: whether to stop training. NULL: never. */
    bool (*enough)(void *learn_context, const td_train_state *state);
    /* Batch norms normalise by their running statistics, which stay unchanged, and dropout drops
     * nothing. */
    bool frozen_statistics;
    bool pixel_gradient; /* makes td_train_pass return it */
    /* Resumes a training whose first `epochs_done` epochs gave the weights and this optimiser state
     * (copied): the rest is the same to the bit. 0 and NULL for a new one. */
    size_t epochs_done;
    const float *optimizer_state;
    /* Called after each batch; returning false stops with TD_ERR_INTERRUPTED. May be NULL. */
    bool (*batch_done)(void *context, const td_train_state *state);
    /* Called after each epoch; its failure stops the training. May be NULL. */
    td_status (*epoch_done)(void *context, const td_train_state *state, td_error *error);
    void *context;
} td_train_options;

/* Whether the last batch of an epoch joins the previous one: it would be a single image, for which
 * the net has a batch norm over a single value per channel. */
bool td_train_joins(const td_net *net, size_t images, size_t batch);

/* Trains `weights` [net->weight_count] in place on all images, in a new random order each epoch;
 * the last batch of an epoch may be smaller or, if td_train_joins, larger by one. Same seed, same
 * weights, same bytes at any thread count. TD_ERR_USAGE if every batch is a single image and the
 * net needs more (td_train_joins). TD_ERR_NUMERIC, with the epoch and the step, when the loss is
 * not finite, or at the end of an epoch the weights or the optimiser's state; no callback sees such
 * an epoch. */
td_status td_train(const td_net *net, float *weights, const td_images *images,
                   const td_train_options *options, td_error *error) TD_MUST_USE;

#endif
