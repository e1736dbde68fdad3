/* One run of trapdoor-evade, and its parts: the configuration as JSON (config.c), what is to be
 * attacked (tasks.c), the attack (evade.c), checkpoints (checkpoint.c), what came of it (measure.c)
 * and the files (outputs.c, picture.c). */
#ifndef TOOLS_EVADE_EVADE_H
#define TOOLS_EVADE_EVADE_H

#include "base/file.h"
#include "data/bitmap.h"
#include "evade/options.h"
#include "frame/progress.h"
#include "frame/record.h"
#include "nn/model.h"

/* An image of the data with what it is to become. With --target all each image has several. */
typedef struct evade_task {
    size_t image;   /* of the data */
    int32_t target; /* or EVADE_NO_TARGET */
    bool attacked;
    bool reached; /* measured: whether it was attacked, and its adversarial image is as wanted */
} evade_task;

typedef struct evade_job {
    const evade_options *options;
    td_dataset data;
    td_model model;
    evade_task *tasks; /* in the order of the set */
    size_t task_count;
    size_t right; /* images that the model classifies rightly */
    /* The adversarial images, [task_count] with their true labels, and what the model says. */
    td_images adversarial;
    uint8_t *pixels; /* theirs */
    float *probabilities;
    int32_t *predicted;
    /* Tasks to attack; how many of them, in order, have their adversarial images; and how many of
     * these are in the checkpoint. */
    size_t attacked, finished, kept;
    uint64_t queries, gradients; /* that the finished ones took */
    char *checkpoint_path;       /* NULL where none is kept: the set goes to a device */
    double next_checkpoint;      /* monotonic seconds: not before */
    json_t *identity;            /* what a checkpoint must agree with, to be gone on from */
    tool_record record;
    td_output set, picture;
    td_arena arena;
} evade_job;

/* Attacks, measures and writes. */
td_status evade_run(const evade_options *options, td_error *error) TD_MUST_USE;

/* The record's `options`; NULL when out of memory. */
json_t *evade_options_json(const evade_options *options);

/* All that decides about the bytes of the adversarial images: version, BLAS core, seed, options,
 * and digests of the images used, of the net's text and of its weights. The caller owns *out. */
td_status evade_identity(const evade_job *job, json_t **out, td_error *error) TD_MUST_USE;

/* Refuses a checkpoint that is there, unless the user said what to do with it. */
td_status evade_checkpoint_check(const evade_job *job, td_error *error) TD_MUST_USE;

/* Makes the attack's identity. With --resume, where there is a checkpoint: takes the finished
 * images from it. TD_ERR_USAGE, naming what differs, if it is not of the same attack. */
td_status evade_checkpoint_load(evade_job *job, td_error *error) TD_MUST_USE;

/* Replaces the checkpoint by one of what is finished by now, if the last is old enough. */
td_status evade_checkpoint_write(evade_job *job, td_error *error) TD_MUST_USE;

/* After a failure: writes what is finished and not kept yet, and tells in the message what is kept.
 * Returns `status`. */
td_status evade_checkpoint_keep(evade_job *job, td_status status, td_error *error) TD_MUST_USE;

/* Takes the checkpoint away. */
td_status evade_checkpoint_remove(evade_job *job, td_error *error) TD_MUST_USE;

/* Chooses what is attacked, by the clean images' logits [count, classes]. */
td_status evade_tasks(evade_job *job, const float *logits, td_error *error) TD_MUST_USE;

/* Judges the adversarial images by what the model says of them, adds that to the record, and prints
 * it unless the record goes to stdout. */
td_status evade_measure(evade_job *job, td_error *error) TD_MUST_USE;

/* The logits [count, classes] of images, in `arena`. */
td_status evade_predict(evade_job *job, const td_images *images, const char *what, td_arena *arena,
                        float **logits, td_error *error) TD_MUST_USE;

/* Before the work: refuses what could not be written. */
td_status evade_check_outputs(evade_job *job, td_error *error) TD_MUST_USE;

/* Writes the set, the picture and the record: all or none; the checkpoint goes with their coming.
 */
td_status evade_write(evade_job *job, td_error *error) TD_MUST_USE;

/* Draws samples: clean, adversarial, and the difference. The caller frees the bitmap. */
td_status evade_draw(const evade_job *job, td_bitmap *bitmap, td_error *error) TD_MUST_USE;

#endif
