/* SPDX-License-Identifier: MIT */
/* trapdoor-train's one method, and its parts: the options (settings.c), the run (train.c), the
 * inputs (inputs.c), adversarial training (adversarial.c), the identity of a checkpoint
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
    int hold;   /* an ABL_ value */
    int preset; /* 0, or the preset */
    size_t isolate_epochs, unlearn_epochs;
    double share, gamma, unlearn_lr;
    const char *manifest; /* or NULL */
} abl_settings;

typedef struct train_settings {
    const char *data, *net;
    const char *validate;      /* DATA, or NULL */
    const char *from;          /* a model file, or NULL */
    td_many freeze;            /* patterns of parameter names */
    td_many triggers, targets; /* triggers to watch, in pairs */
    tool_training training;
    bool resume;
    double adversarial; /* the radius, as a share of the pixel range; 0: none */
    size_t adversarial_steps;
    int defence;  /* if given, 0: abl */
    bool resists; /* it is given */
    abl_settings abl;
} train_settings;

/* A trigger whose success is measured after each epoch. */
typedef struct train_watched {
    td_trigger *trigger;
    tool_target target;
    td_images stamped; /* the validation images, in the run's arena */
} train_watched;

/* The state after an epoch, as saved in a checkpoint. */
typedef struct train_copy {
    const struct train_job *job;
    size_t epoch; /* 0: none yet */
    float *weights, *optimizer_state;
    char *net, *log;     /* texts; the log is freed by job_free */
    bool writing;        /* a thread is writing it, so it must not change */
    atomic_bool written; /* that thread has finished, with this result: */
    td_status status;
    td_error error;
    pthread_t writer;
    double ended; /* monotonic seconds: of the last epoch */
    double kept;  /* ... and of the last one that was written */
} train_copy;

/* One run. Arrays are in the run's arena. */
typedef struct train_job {
    tool_run *run;
    const train_settings *settings;
    td_dataset data, validation; /* the second is zeroed if not given */
    train_watched *watched;
    size_t watched_count;
    td_model from; /* zeroed if training starts from random weights */
    td_net own_net;
    td_net *net;
    float *weights;
    json_t *epochs; /* one per log line; borrowed from the record */
    /* For --defence: which images of the data are isolated, [images]; the other images, which it
     * learns; and the isolated ones, which it unlearns. Otherwise all images, NULL and none. */
    bool *isolated;
    td_images learned, unlearned;
    const char *log_path;       /* NULL if the model goes to a device: no log is kept */
    tool_checkpoint checkpoint; /* its identity is from train_identity */
    train_copy copy;
    size_t states;          /* arrays of optimiser state, each as long as the weights */
    size_t resumed;         /* epochs done by an earlier run; 0 for a new training */
    size_t kept;            /* the epoch of this training's checkpoint; 0: none */
    float *optimizer_state; /* after `resumed` epochs; NULL for a new training */
} train_job;

/* Trains and adds the model and its log to the run's outputs; after a failure only the checkpoint
 * of the last finished epoch is left. */
td_status train_run(tool_run *run, td_error *error) TD_MUST_USE;

/* Opens data, validation data and the net with its initial weights, and records them. */
td_status train_open_inputs(train_job *job, td_error *error) TD_MUST_USE;

/* The identity of a checkpoint: version, BLAS core, seed, options, and digests of the images, the
 * net's text and the initial weights. Call it before training. The caller owns *out. */
td_status train_identity(const train_job *job, json_t **out, td_error *error) TD_MUST_USE;

/* The two parts of --defence abl. The first trains and isolates, sets job->learned and the images
 * to unlearn, and adds the tables; the last unlearns. */
td_status train_abl_isolate(train_job *job, td_error *error) TD_MUST_USE;
td_status train_abl_unlearn(train_job *job, td_error *error) TD_MUST_USE;

/* Sets `options` for adversarial training (adversarial.c); its memory is in the run's arena. Only
 * if settings->adversarial is above 0. */
td_status train_adversarially(train_job *job, td_train_options *options,
                              td_error *error) TD_MUST_USE;

/* Measures validation accuracy and watched triggers, if given, and appends the epoch's line to the
 * log. */
td_status train_log_epoch(train_job *job, const td_train_state *state, td_error *error) TD_MUST_USE;

/* Adds the log to the run's outputs. */
td_status train_log_write(train_job *job, td_error *error) TD_MUST_USE;

/* Names the checkpoint, if one is kept. */
td_status train_checkpoint_name(train_job *job, td_error *error) TD_MUST_USE;

/* Creates the training's identity. With --resume, if there is a checkpoint: loads weights, the
 * optimiser's state and the log from it. TD_ERR_USAGE, naming the difference, if it is of another
 * training. */
td_status train_checkpoint_load(train_job *job, td_error *error) TD_MUST_USE;

/* If `path` (--from) is a checkpoint: loads only the net and its weights. */
td_status train_checkpoint_start(train_job *job, const char *path, bool *found,
                                 td_error *error) TD_MUST_USE;

/* After an epoch: copies the state, and writes it in the background if that is due. */
td_status train_checkpoint_write(train_job *job, const td_train_state *state,
                                 td_error *error) TD_MUST_USE;

/* After the last epoch, or a failure: makes sure that the checkpoint is that of the last epoch
 * copied. */
td_status train_checkpoint_end(train_job *job, td_error *error) TD_MUST_USE;

#endif
