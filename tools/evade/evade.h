/* SPDX-License-Identifier: MIT */
/* The run around an attack, and its parts: choosing the images (plan.c), the batches and their
 * results (evade.c), checkpoints (checkpoint.c), measurements (measure.c). */
#ifndef TOOLS_EVADE_EVADE_H
#define TOOLS_EVADE_EVADE_H

#include "data/dataset.h"
#include "evade/attack.h"
#include "frame/checkpoint.h"
#include "model/model.h"

/* The target class of an image. */
typedef enum evade_aim {
    EVADE_ANYWHERE, /* any class but its own */
    EVADE_TO_CLASS, /* one class */
    EVADE_TO_NEXT,  /* the class after its own, the first after the last */
    EVADE_TO_LEAST, /* the model's least likely class */
    EVADE_TO_ALL,   /* every other class in turn */
} evade_aim;

/* The images in the written set. */
enum { EVADE_KEEP_ALL, EVADE_KEEP_ATTACKED, EVADE_KEEP_SUCCESSFUL };

/* The inputs of every attack. */
typedef struct evade_settings {
    const char *model, *net, *data, *picture; /* net, picture: NULL for none */
    size_t count;                             /* most images to attack; 0: all */
    int keep;
    bool resume;
    evade_aim aim;
    const char *target; /* of EVADE_TO_CLASS, as given */
} evade_settings;

/* An image of the data and its target. With --target all each image has several tasks. */
typedef struct evade_task {
    size_t image;   /* of the data */
    int32_t target; /* or EVADE_NO_TARGET */
    bool attacked;
} evade_task;

/* One run. Arrays are in the run's arena. */
typedef struct evade_job {
    tool_run *run;
    const evade_settings *settings; /* the run's family's */
    const attack *attack;           /* the method's */
    td_dataset data;                /* cut after the last image of --count */
    td_model model;

    size_t target; /* of EVADE_TO_CLASS */

    evade_task *tasks; /* [task_count], in set order */
    size_t task_count, attacked;
    size_t right; /* images that the model classifies correctly */

    uint8_t *pixels;             /* [task_count, image]: clean until a result is found */
    int32_t *labels;             /* [task_count]: the true ones */
    size_t finished;             /* attacked tasks that are finished, in order */
    uint64_t queries, gradients; /* used for these */

    tool_checkpoint checkpoint; /* of the finished images */
    size_t kept;                /* number of finished images in the checkpoint */
    double next;                /* monotonic seconds: the earliest next write */

    int32_t *predicted; /* [task_count]: the predictions on the adversarial images */
    bool *reached;      /* [task_count]: it was attacked and reached the goal */
} evade_job;

/* Chooses the tasks by the clean images' logits [count, classes]. */
td_status evade_plan(evade_job *job, const float *logits, td_error *error) TD_MUST_USE;

/* --- checkpoints --- */

/* Names it SET.checkpoint. Refuses an existing one, unless the user said what to do with it. */
td_status evade_checkpoint_name(evade_job *job, td_error *error) TD_MUST_USE;

/* With --resume, loads the finished images from an existing checkpoint; call it once the identity
 * is set. TD_ERR_USAGE, naming the difference, if it is of another attack. */
td_status evade_checkpoint_open(evade_job *job, td_error *error) TD_MUST_USE;

/* Replaces the checkpoint with the current state, if the last one is old enough. */
td_status evade_checkpoint_write(evade_job *job, td_error *error) TD_MUST_USE;

/* Call it after the attack, which ended with `status`: saves finished images that are not in the
 * checkpoint, and reports that by tool_run_leaves. Returns `status`, or its own failure after
 * TD_OK. */
td_status evade_checkpoint_keep(evade_job *job, td_status status, td_error *error) TD_MUST_USE;

/* --- results --- */

/* Fills `predicted`, `reached` and the run's tables from the logits [task_count, classes] of the
 * adversarial images. Overwrites the logits. */
td_status evade_measure(evade_job *job, float *logits, td_error *error) TD_MUST_USE;

#endif
