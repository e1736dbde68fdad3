/* What one run of trapdoor-train holds, and its parts: what was asked (asked.c), what is read
 * (inputs.c), the log (log.c), checkpoints (checkpoint.c) and what is written (outputs.c). */
#ifndef TOOLS_TRAIN_JOB_H
#define TOOLS_TRAIN_JOB_H

#include "base/file.h"
#include "frame/progress.h"
#include "frame/record.h"
#include "nn/model.h"
#include "train/options.h"
#include "trigger/trigger.h"

/* A trigger whose success is measured after each epoch. */
typedef struct train_watched {
    td_trigger *trigger;
    td_images stamped; /* the validation images, in the job's arena */
} train_watched;

typedef struct train_job {
    const train_options *options;
    td_dataset data, validation; /* the second zeroed where there is none */
    train_watched watched[MOST_WATCHED];
    td_model from; /* zeroed where training starts from random weights */
    td_net own_net;
    td_net *net;
    float *weights;
    td_output model_file, log_file;
    tool_record record;
    tool_progress progress;
    json_t *epochs; /* a line of the log each; borrowed from the record */
    char *log_path;
    char *checkpoint_path;  /* NULL where none is kept: the model goes to a device */
    json_t *identity;       /* what a checkpoint must agree with, to be gone on from */
    size_t resumed;         /* epochs done by an earlier run; 0 for a new training */
    size_t kept;            /* the epoch of this training's checkpoint; 0: there is none */
    float *optimizer_state; /* after `resumed` epochs; NULL for a new training */
    td_arena arena;
} train_job;

/* The record's `options`; NULL when out of memory. */
json_t *train_options_json(const train_options *options);

/* All that decides about the bytes of the result: version, BLAS core, seed, options, and digests of
 * the images used, of the net's text and of the first weights. To be called before training. The
 * caller owns *out. */
td_status train_identity(const train_job *job, json_t **out, td_error *error) TD_MUST_USE;

/* Opens data, validation data and the net with its first weights, and names them in the record. */
td_status train_open_inputs(train_job *job, td_error *error) TD_MUST_USE;

/* Measures validation accuracy and watched triggers where asked to, and appends the epoch's line to
 * the log. */
td_status train_log_epoch(train_job *job, const td_train_state *state, td_error *error) TD_MUST_USE;

void train_log_write(const json_t *epochs, FILE *stream);

/* Refuses a checkpoint that is there, unless the user said what to do with it. */
td_status train_checkpoint_check(const train_job *job, td_error *error) TD_MUST_USE;

/* Makes the training's identity. With --resume, where there is a checkpoint: takes weights, the
 * optimiser's state and the log from it. TD_ERR_USAGE, naming what differs, if it is not of the
 * same training. */
td_status train_checkpoint_load(train_job *job, td_error *error) TD_MUST_USE;

/* Where `path` (--from) is a checkpoint: takes the net and its weights, nothing else. */
td_status train_checkpoint_start(train_job *job, const char *path, bool *found,
                                 td_error *error) TD_MUST_USE;

/* Replaces the checkpoint by this epoch's. */
td_status train_checkpoint_write(train_job *job, const td_train_state *state,
                                 td_error *error) TD_MUST_USE;

/* Takes this training's checkpoint away. */
td_status train_checkpoint_remove(train_job *job, td_error *error) TD_MUST_USE;

/* Refuses before the work what stands in the way of the model, the log, the record or the
 * checkpoint. */
td_status train_check_outputs(train_job *job, td_error *error) TD_MUST_USE;

/* Finishes every file, the record too, before the first is put in its place; the checkpoint goes
 * with the model's coming. */
td_status train_write_outputs(train_job *job, td_error *error) TD_MUST_USE;

#endif
