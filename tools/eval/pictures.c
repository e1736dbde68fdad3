/* SPDX-License-Identifier: MIT */
/* The pictures of --pictures DIR: model-M-confusion.png, model-M-targets.png, and for each trigger
 * model-M-trigger-T-pairs.png and model-M-trigger-T-samples.png. */
#include "base/size.h"
#include "eval/eval.h"
#include "frame/picture.h"
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 10 };

td_status eval_pictures_open(eval_job *job, td_error *error) {
    tool_outputs *outputs = &job->run->outputs;
    char name[64];
    if (!job->settings->pictures)
        return TD_OK;
    TD_TRY(tool_outputs_folder(outputs, job->settings->pictures, error));
    for (size_t i = 0; i < job->settings->models.count; i++) {
        snprintf(name, sizeof name, "model-%zu-confusion.png", i);
        TD_TRY(tool_outputs_check_name(outputs, name, error));
    }
    return TD_OK;
}

/* Writes the bitmap as NAME-WHAT.png and frees it. */
static td_status write_picture(eval_job *job, const char *name, const char *what, td_bitmap *bitmap,
                               td_error *error) {
    char file[64];
    snprintf(file, sizeof file, "%s-%s.png", name, what);
    return tool_run_picture(job->run, file, true, bitmap, error);
}

td_status eval_picture_counts(eval_job *job, const char *name, const char *what, const char *title,
                              const size_t *counts, size_t classes, td_error *error) {
    td_bitmap bitmap;
    if (!job->settings->pictures)
        return TD_OK;
    /* A net may have more classes than the data name. */
    bool named = job->data.class_names && job->data.images.classes == classes;
    TD_TRY(heat_map_draw(&bitmap, title, counts, classes, named ? job->data.class_names : NULL,
                         error));
    return write_picture(job, name, what, &bitmap, error);
}

td_status eval_picture_targets(eval_job *job, const char *name, const size_t *counts, size_t bars,
                               td_error *error) {
    td_bitmap bitmap;
    if (!job->settings->pictures)
        return TD_OK;
    TD_TRY(
        histogram_draw(&bitmap, "images by the number of targets they reach", counts, bars, error));
    return write_picture(job, name, "targets", &bitmap, error);
}

/* The first image of each class, class by class, then the second of each, and so on. */
static size_t choose_samples(const td_images *images, size_t *chosen) {
    size_t count = 0;
    for (size_t turn = 0; count < td_size_min(SAMPLES, images->count); turn++)
        for (size_t c = 0; c < images->classes && count < SAMPLES; c++) {
            size_t place = turn;
            for (size_t i = 0; i < images->count; i++)
                if ((size_t)images->labels[i] == c && place-- == 0) {
                    chosen[count++] = i;
                    break;
                }
        }
    return count;
}

static td_status draw_samples(const eval_job *job, const td_trigger *trigger,
                              const int32_t *predicted, td_arena *arena, td_bitmap *bitmap,
                              td_error *error) {
    const td_images *images = &job->data.images;
    const size_t size = td_image_size(images);
    size_t chosen[SAMPLES], rows = choose_samples(images, chosen);
    tool_sample samples[SAMPLES];
    uint8_t *stamped;
    void *scratch;
    TD_TRY(td_arena_alloc(arena, rows, size, (void **)&stamped, "samples", error));
    TD_TRY(td_arena_alloc(arena, td_trigger_scratch(trigger), 1, &scratch, "samples", error));
    for (size_t row = 0; row < rows; row++, stamped += size) {
        const size_t i = chosen[row];
        const td_stamp stamp = {job->run->common->seed, job->data.first + i};
        memcpy(stamped, td_image(images, i), size);
        td_trigger_apply(trigger, stamp, stamped, scratch);
        samples[row] = (tool_sample){td_image(images, i), stamped, images->labels[i], predicted[i]};
    }
    return tool_samples_draw(bitmap, &job->data, samples, rows, TD_DIFFERENCE_TIMES, error);
}

td_status eval_picture_samples(eval_job *job, const char *name, const td_trigger *trigger,
                               const int32_t *predicted, td_error *error) {
    td_arena arena = {0};
    td_bitmap bitmap;
    if (!job->settings->pictures)
        return TD_OK;
    td_status status = draw_samples(job, trigger, predicted, &arena, &bitmap, error);
    td_arena_free(&arena);
    return status == TD_OK ? write_picture(job, name, "samples", &bitmap, error) : status;
}
