/* The set, class by class, and the model. */
#include "base/size.h"
#include "frame/net_source.h"
#include "defend/filter/filter.h"
#include "nn/feed.h"
#include <stdio.h>

static td_status open_data(filter_job *job, td_error *error) {
    const filter_options *o = job->options;
    TD_TRY(td_dataset_open(&job->data, o->data, "train", o->common.data_dir, error));
    TD_TRY(tool_record_dataset(&job->record, &job->data, error));
    if (job->data.images.count == 0)
        return td_fail(error, TD_ERR_USAGE, "%s: expected images, found none", o->data);
    return job->data.images.count <= UINT32_MAX
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "%s: expected at most %u images, found %zu", o->data,
                         UINT32_MAX, job->data.images.count);
}

static td_status open_model(filter_job *job, td_error *error) {
    const filter_options *o = job->options;
    TD_TRY(tool_record_input(&job->record, o->model, error));
    TD_TRY(tool_model_open(&job->model, o->model, o->net, &job->data.images, error));
    td_status status = td_feed_check(&job->model.net, &job->data.images, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", job->data.name);
}

/* Within a class images stay in their order. */
static td_status sort_images(filter_job *job, td_error *error) {
    const td_images *images = &job->data.images;
    TD_TRY(TD_ARENA_NEW(&job->arena, images->classes, &job->classes, "classes", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, images->count, &job->order, "images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, images->count, &job->suspect, "images", error));
    TD_TRY(TD_ARENA_NEW(&job->arena, images->count, &job->poisoned, "images", error));
    for (size_t i = 0; i < images->count; i++)
        job->classes[images->labels[i]].count++;
    size_t begin = 0;
    for (size_t c = 0; c < images->classes; c++) {
        job->classes[c].number = c;
        job->classes[c].begin = begin;
        begin += job->classes[c].count;
        job->classes[c].count = 0;
    }
    for (size_t i = 0; i < images->count; i++) {
        filter_class *group = &job->classes[images->labels[i]];
        job->order[group->begin + group->count++] = (uint32_t)i;
    }
    return TD_OK;
}

/* A class without images has nothing that could be judged; one with too few cannot be. */
static td_status check_classes(const filter_job *job, td_error *error) {
    const size_t least = job->filter->least_images(job);
    for (size_t c = 0; c < job->data.images.classes; c++) {
        size_t count = job->classes[c].count;
        if (count > 0 && count < least)
            return td_fail(error, TD_ERR_USAGE,
                           "%s: class %zu: expected no image, or at least the %zu that a judgement "
                           "takes, found %zu",
                           job->data.name, c, least, count);
    }
    return TD_OK;
}

td_status filter_open(filter_job *job, td_error *error) {
    TD_TRY(open_data(job, error));
    TD_TRY(open_model(job, error));
    TD_TRY(sort_images(job, error));
    TD_TRY(filter_features_open(job, error));
    TD_TRY(check_classes(job, error));
    return filter_truth(job, error);
}

void filter_close(filter_job *job) {
    td_exec_free(job->exec);
    td_net_free(&job->part);
    td_model_free(&job->model);
    td_dataset_close(&job->data);
}
