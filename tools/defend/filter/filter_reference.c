/* SPDX-License-Identifier: MIT */
/* The clean images for a filter's comparison. */
#include "base/size.h"
#include "defend/filter/filter_values.h"
#include "defend/hygiene.h"
#include "frame/classes.h"
#include "nn/feed.h"
#include "nn/loss.h"

td_status filter_classify(filter_job *job, const td_dataset *data, const uint32_t *numbers,
                          size_t count, int32_t **out, td_error *error) {
    const size_t classes = td_net_classes(&job->model.net);
    td_exec *exec;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count, out, "classes", error));
    TD_TRY(td_exec_new(&exec, &job->model.net, FILTER_BATCH, TD_FORWARD, error));
    td_exec_weights(exec, job->model.weights);
    for (size_t first = 0; first < count; first += FILTER_BATCH) {
        const size_t batch = td_size_min(FILTER_BATCH, count - first);
        td_feed(&data->images, numbers, first, batch, td_exec_input(exec));
        const float *logits = td_exec_forward(exec, batch);
        for (size_t i = 0; i < batch; i++)
            (*out)[first + i] = td_argmax(logits + i * classes, classes);
    }
    td_exec_free(exec);
    return TD_OK;
}

static void sort(filter_job *job, const uint32_t *numbers, size_t count, const int32_t *predicted) {
    for (size_t c = 0; c < job->data.images.classes; c++) {
        filter_class *of = &job->classes[c];
        of->clean_begin = job->clean_count;
        for (size_t i = 0; i < count; i++)
            if ((size_t)predicted[i] == c &&
                (job->filter->by_model || job->clean.images.labels[numbers[i]] == predicted[i]))
                job->clean_order[job->clean_count++] = numbers[i];
        of->clean_count = job->clean_count - of->clean_begin;
    }
}

td_status filter_open_reference(filter_job *job, td_error *error) {
    const filter_reference *own = job->run->own;
    const hygiene_words words = {"--clean", "is compared with"};
    td_arena *arena = &job->run->arena;
    uint32_t *kept;
    int32_t *predicted;
    size_t count;
    TD_TRY(tool_run_images(job->run, own->clean, "test", &job->clean, error));
    TD_TRY(tool_run_match(job->run, &job->clean, error));
    TD_TRY(defend_check_data(&job->clean, &job->model.net, error));
    TD_TRY(hygiene_check(job->run, &job->clean, &words, &job->data, 1, &kept, &count, error));
    TD_TRY(TD_ARENA_NEW(arena, count, &job->clean_order, "clean images", error));
    TD_TRY(filter_classify(job, &job->clean, kept, count, &predicted, error));
    sort(job, kept, count, predicted);
    return TD_OK;
}
