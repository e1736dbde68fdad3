/* SPDX-License-Identifier: MIT */
/* trapdoor-train's one method, and its parts: the options (settings.c), the run (train.c),
 * what is read (inputs.c), adversarial training (adversarial.c), what a checkpoint must agree with
 * (identity.c), the log (log.c) and checkpoints (checkpoint.c). */
#ifndef TOOLS_TRAIN_TRAIN_H
#define TOOLS_TRAIN_TRAIN_H

#include "frame/checkpoint.h"
#include "frame/target.h"
#include "frame/training.h"
#include "model/model.h"
#include "nn/train.h"
#include "trigger/trigger.h"
#include <pthread.h>
#include <stdatomic.h>

/* --defence abl. */
enum { ABL_IMAGE, ABL_BATCH };
enum { ABL_BACKDOORBENCH = 1 };

typedef struct abl_settings {
    int hold;   /* one of the first */
    int preset; /* 0, or the second */
    size_t isolate_epochs, unlearn_epochs;
    double share, gamma, unlearn_lr;
    const char *manifest; /* or NULL */
} abl_settings;

typedef struct train_settings {
    const char *data, *net;
    const char *validate;      /* DATA, or NULL */
    const char *from;          /* a model file, or NULL */
    td_many freeze;            /* patterns of parameter names */
    td_many triggers, targets; /* what is watched, in pairs */
    tool_training training;
    bool resume;
    double adversarial; /* the radius, as a share of the pixel range; 0: none */
    size_t adversarial_steps;
    int defence;  /* where it is given, 0: abl */
    bool resists; /* whether it is */
    abl_settings abl;
} train_settings;

/* A trigger whose success is measured after each epoch. */
typedef struct train_watched {
    td_trigger *trigger;
    tool_target target;
    td_images stamped; /* the validation images, in the run's arena */
} train_watched;

/* The state after an epoch, as a checkpoint keeps it. */
typedef struct train_copy {
    const struct train_job *job;
    size_t epoch; /* 0: there is none yet */
    float *weights, *optimizer_state;
    char *net, *log;     /* texts; the log is freed by job_free */
    bool writing;        /* whether a thread writes it: then it must not change */
    atomic_bool written; /* that thread is done, with this: */
    td_status status;
    td_error error;
    pthread_t writer;
    double begun; /* monotonic seconds, of the last writing */
} train_copy;

/* One run. Arrays are in the run's arena. */
typedef struct train_job {
    tool_run *run;
    const train_settings *settings;
    td_dataset data, validation; /* the second zeroed where there is none */
    train_watched *watched;
    size_t watched_count;
    td_model from; /* zeroed where training starts from random weights */
    td_net own_net;
    td_net *net;
    float *weights;
    json_t *epochs; /* a line of the log each; borrowed from the record */
    /* Of a training that resists: which images of the data are isolated, [images]; the others,
     * which it learns, and they, which it unlearns. Else all, NULL and none. */
    bool *isolated;
    td_images learned, unlearned;
    const char *log_path;       /* NULL where the model goes to a device: it is not kept */
    tool_checkpoint checkpoint; /* its identity is train_identity's */
    train_copy copy;
    size_t states;          /* arrays of the optimiser's state, each as long as the weights */
    size_t resumed;         /* epochs done by an earlier run; 0 for a new training */
    size_t kept;            /* the epoch of this training's checkpoint; 0: there is none */
    float *optimizer_state; /* after `resumed` epochs; NULL for a new training */
} train_job;

/* Trains and adds the model and its log to the run's outputs; a failure leaves nothing but the
 * checkpoint of the last epoch that was finished. */
td_status train_run(tool_run *run, td_error *error) TD_MUST_USE;

/* Opens data, validation data and the net with its first weights, and names them in the record. */
td_status train_open_inputs(train_job *job, td_error *error) TD_MUST_USE;

/* Version, BLAS core, seed, options, and digests of the images used, of the net's text and of the
 * first weights: what a checkpoint must agree with. To be called before training. The caller owns
 * *out. */
td_status train_identity(const train_job *job, json_t **out, td_error *error) TD_MUST_USE;

/* The first part of --defence abl: trains and isolates, sets job->learned and what is unlearned,
 * and adds the tables. And the last: unlearns. */
td_status train_abl_isolate(train_job *job, td_error *error) TD_MUST_USE;
td_status train_abl_unlearn(train_job *job, td_error *error) TD_MUST_USE;

/* Makes `options` those of adversarial training (adversarial.c); its memory is in the run's arena.
 * Only where settings->adversarial is above 0. */
td_status train_adversarially(train_job *job, td_train_options *options,
                              td_error *error) TD_MUST_USE;

/* Measures validation accuracy and watched triggers, where they are given, and appends the epoch's
 * line to the log. */
td_status train_log_epoch(train_job *job, const td_train_state *state, td_error *error) TD_MUST_USE;

/* Adds the log to the run's outputs. */
td_status train_log_write(train_job *job, td_error *error) TD_MUST_USE;

/* Names the checkpoint, where one is kept. */
td_status train_checkpoint_name(train_job *job, td_error *error) TD_MUST_USE;

/* Makes the training's identity. With --resume, where there is a checkpoint: takes weights, the
 * optimiser's state and the log from it. TD_ERR_USAGE, naming what differs, if it is not of the
 * same training. */
td_status train_checkpoint_load(train_job *job, td_error *error) TD_MUST_USE;

/* Where `path` (--from) is a checkpoint: takes the net and its weights, nothing else. */
td_status train_checkpoint_start(train_job *job, const char *path, bool *found,
                                 td_error *error) TD_MUST_USE;

/* After an epoch: replaces the checkpoint by its state, beside what comes next. */
td_status train_checkpoint_write(train_job *job, const td_train_state *state,
                                 td_error *error) TD_MUST_USE;

/* After the last epoch, or a failure: the checkpoint is that of the last epoch that was copied. */
td_status train_checkpoint_end(train_job *job, td_error *error) TD_MUST_USE;

#endif
