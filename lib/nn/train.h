/* The training loop. */
#ifndef TD_NN_TRAIN_H
#define TD_NN_TRAIN_H

#include "data/augment.h"
#include "data/images.h"
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
