/* SPDX-License-Identifier: MIT */
/* Chooses the images to attack and their targets. */
#include "base/size.h"
#include "evade/evade.h"
#include "frame/classes.h"
#include "nn/loss.h"

static size_t least_likely(const float *logits, size_t classes) {
    size_t least = 0;
    for (size_t c = 1; c < classes; c++)
        if (logits[c] < logits[least])
            least = c;
    return least;
}

/* The data's classes and the model's. */
typedef struct class_counts {
    size_t data, model;
} class_counts;

/* The target of an image's `turn`-th task. */
static int32_t target_of(const evade_job *job, const class_counts *classes, const float *logits,
                         size_t label, size_t turn) {
    switch (job->settings->aim) {
    case EVADE_TO_CLASS:
        return (int32_t)job->target;
    case EVADE_TO_NEXT:
        return (int32_t)((label + 1) % classes->data);
    case EVADE_TO_LEAST:
        return (int32_t)least_likely(logits, classes->model);
    case EVADE_TO_ALL:
        return (int32_t)(turn < label ? turn : turn + 1);
    case EVADE_ANYWHERE:
        break;
    }
    return EVADE_NO_TARGET;
}

static td_status check(evade_job *job, const class_counts *classes, td_error *error) {
    const evade_settings *s = job->settings;
    if (classes->data > classes->model)
        return td_fail(error, TD_ERR_USAGE, "%s: it has %zu classes, the data has %zu", s->model,
                       classes->model, classes->data);
    if (classes->data < 2)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at least 2 classes, found %zu", s->data,
                       classes->data);
    return s->aim == EVADE_TO_CLASS
               ? tool_run_class(job->run, "--target", s->target, &job->target, error)
               : TD_OK;
}

/* --count takes the first images: in a set sorted by class, those of one class. */
static void warn_of_order(const tool_run *run, const td_images *images, size_t seen) {
    enum { LEAST = 10 }; /* images that are all of one class by chance in one of a billion sets */
    if (seen < LEAST || seen == images->count)
        return;
    for (size_t i = 1; i < seen; i++)
        if (images->labels[i] != images->labels[0])
            return;
    tool_run_note(run,
                  "warning: --count took images of class %d alone: %s is in the order of its "
                  "classes; trapdoor-data import --shuffle mixes them",
                  (int)images->labels[0], ((const evade_settings *)run->family)->data);
}

td_status evade_plan(evade_job *job, const float *logits, td_error *error) {
    const evade_settings *s = job->settings;
    td_images *images = &job->data.images;
    const class_counts classes = {images->classes, td_net_classes(&job->model.net)};
    TD_TRY(check(job, &classes, error));
    const size_t turns = s->aim == EVADE_TO_ALL ? classes.data - 1 : 1;
    const size_t most = s->count > 0 ? s->count : images->count;
    size_t seen = 0, chosen = 0, capacity;
    if (!td_size_mul(images->count, turns, &capacity))
        return td_fail_memory(error, "the adversarial images");
    TD_TRY(TD_ARENA_NEW(&job->run->arena, capacity, &job->tasks, "the adversarial images", error));
    for (; seen < images->count && chosen < most; seen++) {
        const float *row = logits + seen * classes.model;
        const int32_t label = images->labels[seen];
        const bool right = td_argmax(row, classes.model) == label;
        size_t attacked = 0;
        for (size_t turn = 0; turn < turns; turn++) {
            const int32_t target = target_of(job, &classes, row, (size_t)label, turn);
            const evade_task task = {seen, target, right && target != label};
            job->tasks[job->task_count++] = task;
            attacked += task.attacked;
        }
        job->right += right;
        job->attacked += attacked;
        chosen += attacked > 0;
    }
    warn_of_order(job->run, images, seen);
    images->count = seen;
    return TD_OK;
}
