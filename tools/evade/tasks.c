#include "evade/evade.h"

#include "base/size.h"
#include "nn/loss.h"
#include <stdio.h>

static size_t least_likely(const float *logits, size_t classes) {
    size_t least = 0;
    for (size_t c = 1; c < classes; c++)
        if (logits[c] < logits[least])
            least = c;
    return least;
}

/* The target of an image's `turn`-th task. */
static int32_t target_of(const evade_job *job, const float *logits, size_t label, size_t turn) {
    const size_t classes = job->data.images.classes;
    switch (job->options->target_kind) {
    case EVADE_TO_CLASS:
        return (int32_t)job->options->target;
    case EVADE_TO_NEXT:
        return (int32_t)((label + 1) % classes);
    case EVADE_TO_LEAST:
        return (int32_t)least_likely(logits, td_net_classes(&job->model.net));
    case EVADE_TO_ALL:
        return (int32_t)(turn < label ? turn : turn + 1);
    default:
        return EVADE_NO_TARGET;
    }
}

static td_status check(const evade_job *job, td_error *error) {
    const td_images *images = &job->data.images;
    const evade_options *o = job->options;
    size_t classes = td_net_classes(&job->model.net);
    if (images->classes > classes)
        return td_fail(error, TD_ERR_USAGE, "%s: it tells %zu classes apart, the data has %zu",
                       o->model, classes, images->classes);
    if (images->classes < 2)
        return td_fail(error, TD_ERR_USAGE, "%s: expected at least 2 classes, found %zu", o->data,
                       images->classes);
    if (o->target_kind == EVADE_TO_CLASS && o->target >= classes)
        return td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                       classes - 1, o->target);
    return TD_OK;
}

/* --count takes the first images: of a set in the order of its classes, those of one class. */
static void warn_of_order(const evade_job *job, size_t seen) {
    enum { LEAST = 10 }; /* images that are of one class by accident once in a billion sets */
    const td_images *images = &job->data.images;
    if (seen < LEAST || seen == images->count)
        return;
    for (size_t i = 1; i < seen; i++)
        if (images->labels[i] != images->labels[0])
            return;
    char text[512];
    snprintf(text, sizeof text,
             "warning: --count took images of class %d alone: %s is in the order of its classes; "
             "trapdoor-data import --shuffle mixes them",
             (int)images->labels[0], job->options->data);
    tool_note(text);
}

td_status evade_tasks(evade_job *job, const float *logits, td_error *error) {
    const td_images *images = &job->data.images;
    const size_t classes = td_net_classes(&job->model.net);
    TD_TRY(check(job, error));
    size_t turns = job->options->target_kind == EVADE_TO_ALL ? images->classes - 1 : 1;
    if (!td_size_mul(images->count, turns, &job->task_count))
        return td_fail_memory(error, "the adversarial images");
    TD_TRY(
        TD_ARENA_NEW(&job->arena, job->task_count, &job->tasks, "the adversarial images", error));
    evade_task *task = job->tasks;
    size_t chosen = 0, seen = 0;
    for (; seen < images->count && chosen < job->options->count; seen++) {
        const float *row = logits + seen * classes;
        const int32_t label = images->labels[seen];
        bool right = td_argmax(row, classes) == label, any = false;
        job->right += right;
        for (size_t turn = 0; turn < turns; turn++, task++) {
            int32_t target = target_of(job, row, (size_t)label, turn);
            *task = (evade_task){seen, target, right && target != label, false};
            any = any || task->attacked;
        }
        chosen += any;
    }
    warn_of_order(job, seen);
    /* What comes after the last of --count is no part of the run. */
    job->data.images.count = seen;
    job->task_count = seen * turns;
    return TD_OK;
}
