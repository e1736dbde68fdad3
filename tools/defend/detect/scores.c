/* SPDX-License-Identifier: MIT */
/* Computes all scores, slice by slice, because a data set may be larger than memory. */
#include "base/size.h"
#include "defend/detect/detect.h"
#include <math.h>

td_status detect_advance(detect_job *job, size_t images, td_error *error) {
    job->done += images;
    return tool_run_go_on(job->run, job->done, NULL, error);
}

td_status detect_cut(const detect_job *job, const detect_set *set, size_t first, size_t count,
                     td_arena *arena, td_images *out, td_error *error) {
    if (set->numbers)
        return defend_gather(&set->data->images, set->numbers + first, count, arena, out, error);
    *out = td_images_slice(&set->data->images, first, first + count);
    td_stamp stamp = {job->run->common->seed, set->data->first + first};
    return set->trigger ? td_trigger_stamp(set->trigger, out, stamp, arena, out, error) : TD_OK;
}

void detect_numbers(const detect_set *set, size_t first, size_t count, uint32_t *numbers) {
    for (size_t i = 0; i < count; i++)
        numbers[i] =
            (uint32_t)(set->data->first + (set->numbers ? set->numbers[first + i] : first + i));
}

static td_status score_slice(detect_job *job, detect_set *set, size_t first, size_t count,
                             td_error *error) {
    td_arena arena = {0};
    td_images images;
    uint32_t numbers[DETECT_SLICE];
    detect_numbers(set, first, count, numbers);
    job->scored = set;
    job->scored_first = first;
    td_status status = detect_cut(job, set, first, count, &arena, &images, error);
    if (status == TD_OK)
        status =
            job->detector->score(job, &images, numbers, set->count, set->scores + first, error);
    td_arena_free(&arena);
    return status;
}

static td_status score_set(detect_job *job, detect_set *set, td_error *error) {
    const size_t count = set->count;
    size_t size;
    if (!td_size_mul(count, job->column_count, &size))
        return td_fail_memory(error, "scores");
    TD_TRY(TD_ARENA_NEW(&job->run->arena, size, &set->scores, "scores", error));
    for (size_t first = 0; first < count; first += DETECT_SLICE)
        TD_TRY(score_slice(job, set, first, td_size_min(DETECT_SLICE, count - first), error));
    for (size_t i = 0; i < size; i++)
        if (!isfinite(set->scores[i]))
            return td_fail(error, TD_ERR_NUMERIC,
                           "%s: image %zu of %s: expected a finite %s, found %g",
                           detect_subject(job), i % count, set->data->name,
                           job->detector->score_name, set->scores[i]);
    return TD_OK;
}

td_status detect_score_all(detect_job *job, td_error *error) {
    size_t total = 0;
    for (size_t i = 0; i < job->set_count; i++)
        total += job->sets[i].count;
    tool_run_begin(job->run, job->run->method->name, "images", total);
    for (size_t i = 0; i < job->set_count; i++) {
        TD_TRY(score_set(job, &job->sets[i], error));
        if (job->detector->finish)
            TD_TRY(job->detector->finish(job, &job->sets[i], error));
    }
    return TD_OK;
}
