/* The run around an attack (evade.c), and its parts: what is to be attacked (plan.c), the batches
 * and their results (evade.c), checkpoints (checkpoint.c), what came of it (measure.c). */
#ifndef TOOLS_EVADE_EVADE_H
#define TOOLS_EVADE_EVADE_H

#include "data/dataset.h"
#include "evade/attack.h"
#include "frame/checkpoint.h"

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
    size_t target; /* of EVADE_TO_CLASS */
} evade_settings;

/* An image of the data with what it is to become. With --target all each image has several. */
typedef struct evade_task {
    size_t image;   /* of the data */
    int32_t target; /* or EVADE_NO_TARGET */
    bool attacked;
} evade_task;

typedef struct evade_plan {
    evade_task *tasks; /* [count], in the order of the set; in the run's arena */
    size_t count, attacked;
    size_t
        images; /* of the data that are part of the run: what follows the last of --count is not */
    size_t right; /* of these, those that the model classifies rightly */
} evade_plan;

/* Chooses what is attacked, by the clean images' logits [count, classes]. */
td_status evade_plan_make(tool_run *run, const td_dataset *data, size_t classes,
                          const float *logits, evade_plan *plan, td_error *error) TD_MUST_USE;

/* The adversarial images as far as they are found. */
typedef struct evade_work {
    uint8_t *pixels;             /* [plan's count, image]: clean where there is none yet */
    size_t finished;             /* of the tasks to attack, in order */
    uint64_t queries, gradients; /* that these took */
} evade_work;

/* --- checkpoints --- */

/* The finished images of an attack, written now and then. */
typedef struct evade_checkpoint {
    tool_checkpoint file; /* its identity decides about the bytes of the images */
    size_t at_once;       /* images that are finished together */
    const td_images *images;
    const evade_plan *plan;
    size_t kept; /* tasks whose images it has */
    double next; /* monotonic seconds: it is not written before */
} evade_checkpoint;

/* Names it SET.checkpoint. Refuses one that is there, unless the user said what to do with it. */
td_status evade_checkpoint_name(evade_checkpoint *checkpoint, tool_run *run,
                                td_error *error) TD_MUST_USE;

/* Once all but its path is set: takes the finished images from a checkpoint that is there, with
 * `resume`. TD_ERR_USAGE, naming what differs, if it is not of the same attack. */
td_status evade_checkpoint_open(evade_checkpoint *checkpoint, bool resume, evade_work *work,
                                td_error *error) TD_MUST_USE;

/* Replaces the checkpoint by one of what is finished by now, if the last is old enough. */
td_status evade_checkpoint_write(evade_checkpoint *checkpoint, const evade_work *work,
                                 td_error *error) TD_MUST_USE;

/* After the attack, which ended with `status`: writes what is finished and not kept yet, and sets
 * run->left. Returns `status`, or its own failure after TD_OK. */
td_status evade_checkpoint_keep(evade_checkpoint *checkpoint, tool_run *run, const evade_work *work,
                                td_status status, td_error *error) TD_MUST_USE;

/* --- results --- */

typedef struct evade_result {
    const td_dataset *data; /* the clean images */
    const evade_plan *plan;
    uint8_t *pixels;       /* [plan's count, image] of the adversarial images */
    int32_t *labels;       /* [plan's count]: their true ones */
    td_images adversarial; /* the two as images */
    uint64_t queries, gradients;
    int32_t *predicted; /* [plan's count]: what the model says of them */
    bool *reached;      /* [plan's count]: whether it was attacked, and is as wanted */
} evade_result;

/* Fills `predicted` and `reached`, by the logits [plan's count, classes] of the adversarial images,
 * and the run's tables. Overwrites the logits. */
td_status evade_measure(tool_run *run, size_t classes, float *logits, evade_result *result,
                        td_error *error) TD_MUST_USE;

#endif
