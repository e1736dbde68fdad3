/* One run of trapdoor-evade, and its parts: what is to be attacked (tasks.c), the attack (evade.c),
 * what came of it (measure.c) and the files (outputs.c, picture.c). */
#ifndef TOOLS_EVADE_EVADE_H
#define TOOLS_EVADE_EVADE_H

#include "base/file.h"
#include "common/progress.h"
#include "common/record.h"
#include "data/bitmap.h"
#include "evade/options.h"
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
    uint64_t queries, gradients;
    tool_record record;
    td_output set, picture;
    td_arena arena;
} evade_job;

/* Attacks, measures and writes. */
td_status evade_run(const evade_options *options, td_error *error) TD_MUST_USE;

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

/* Writes the set, the picture and the record: all or none. */
td_status evade_write(evade_job *job, td_error *error) TD_MUST_USE;

/* Draws samples: clean, adversarial, and the difference. The caller frees the bitmap. */
td_status evade_draw(const evade_job *job, td_bitmap *bitmap, td_error *error) TD_MUST_USE;

#endif
