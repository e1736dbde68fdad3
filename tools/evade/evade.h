/* SPDX-License-Identifier: MIT */
/* The run around an attack (evade.c), and its parts: what is to be attacked (plan.c), the batches
 * and their results (evade.c), checkpoints (checkpoint.c), what came of it (measure.c). */
#ifndef TOOLS_EVADE_EVADE_H
#define TOOLS_EVADE_EVADE_H

#include "data/dataset.h"
#include "evade/attack.h"
#include "frame/checkpoint.h"
#include "model/model.h"

/* What an image is to be taken for. */
typedef enum evade_aim {
    EVADE_ANYWHERE, /* any class but its own */
    EVADE_TO_CLASS, /* one class */
    EVADE_TO_NEXT,  /* the class after its own, the first after the last */
    EVADE_TO_LEAST, /* the class that the model finds least likely */
    EVADE_TO_ALL,   /* every other class in turn */
} evade_aim;

/* Which images the written set has. */
enum { EVADE_KEEP_ALL, EVADE_KEEP_ATTACKED, EVADE_KEEP_SUCCESSFUL };

/* What every attack is asked to do. */
typedef struct evade_settings {
    const char *model, *net, *data, *picture; /* net, picture: NULL for none */
    size_t count;                             /* images to attack at most; 0: all */
    int keep;
    bool resume;
    evade_aim aim;
    const char *target; /* of EVADE_TO_CLASS, as given */
} evade_settings;

/* An image of the data with what it is to become. With --target all each image has several. */
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
    td_dataset data;                /* what follows the last image of --count is left out */
    td_model model;

    size_t target; /* of EVADE_TO_CLASS */

    evade_task *tasks; /* [task_count], in the order of the set */
    size_t task_count, attacked;
    size_t right; /* images that the model classifies correctly */

    uint8_t *pixels;             /* [task_count, image]: clean where nothing is found yet */
    int32_t *labels;             /* [task_count]: the true ones */
    size_t finished;             /* of the tasks to attack, in order */
    uint64_t queries, gradients; /* that these took */

    tool_checkpoint checkpoint; /* of the finished images */
    size_t kept;                /* how many of them it has */
    double next;                /* monotonic seconds: it is not written before */

    int32_t *predicted; /* [task_count]: what the model says of the adversarial images */
    bool *reached;      /* [task_count]: whether it was attacked, and is as wanted */
} evade_job;

/* Chooses what is attacked, by the clean images' logits [count, classes]. */
td_status evade_plan(evade_job *job, const float *logits, td_error *error) TD_MUST_USE;

/* --- checkpoints --- */

/* Names it SET.checkpoint. Refuses one that is there, unless the user said what to do with it. */
td_status evade_checkpoint_name(evade_job *job, td_error *error) TD_MUST_USE;

/* Once it has its identity: takes the finished images from a checkpoint that is there, with
 * --resume. TD_ERR_USAGE, naming what differs, if it is not of the same attack. */
td_status evade_checkpoint_open(evade_job *job, td_error *error) TD_MUST_USE;

/* Replaces the checkpoint by one of what is finished by now, if the last is old enough. */
td_status evade_checkpoint_write(evade_job *job, td_error *error) TD_MUST_USE;

/* After the attack, which ended with `status`: writes what is finished and not kept yet, and says
 * so by tool_run_leaves. Returns `status`, or its own failure after TD_OK. */
td_status evade_checkpoint_keep(evade_job *job, td_status status, td_error *error) TD_MUST_USE;

/* --- results --- */

/* Fills `predicted` and `reached`, by the logits [task_count, classes] of the adversarial images,
 * and the run's tables. Overwrites the logits. */
td_status evade_measure(evade_job *job, float *logits, td_error *error) TD_MUST_USE;

#endif
