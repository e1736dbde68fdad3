/* All scores, slice by slice: a data set may be larger than memory. */
#include "base/size.h"
#include "defend/detect/detect.h"
#include <math.h>
#include <string.h>

td_status detect_advance(detect_job *job, size_t images, td_error *error) {
    job->done += images;
    return tool_run_go_on(job->run, job->done, NULL, error);
}

/* Images that calibrate, from the first-th on, one behind the other. */
static td_status gather(const detect_job *job, size_t first, size_t count, td_arena *arena,
                        td_images *out, td_error *error) {
    const td_images *clean = &job->clean.images;
    const size_t size = td_image_size(clean);
    uint8_t *pixels;
    TD_TRY(td_arena_alloc(arena, count, size, (void **)&pixels, "images", error));
    for (size_t i = 0; i < count; i++)
        memcpy(pixels + i * size, td_image(clean, job->calibration[first + i]), size);
    *out = *clean;
    out->count = count;
    out->pixels = pixels;
    out->labels = NULL;
    return TD_OK;
}

/* Images of a set, stamped where it has a trigger. */
static td_status cut(const detect_job *job, const detect_set *set, size_t first, size_t count,
                     td_arena *arena, td_images *out, td_error *error) {
    *out = td_images_slice(&set->data->images, first, first + count);
    td_stamp stamp = {job->run->common->seed, set->data->first + first};
    return set->trigger ? td_trigger_stamp(set->trigger, out, stamp, arena, out, error) : TD_OK;
}

/* One slice of a set, or, where that is NULL, of what calibrates. */
static td_status score_slice(detect_job *job, const detect_set *set, size_t first, size_t count,
                             size_t stride, double *scores, td_error *error) {
    td_arena arena = {0};
    td_images images;
    uint32_t numbers[DETECT_SLICE];
    for (size_t i = 0; i < count; i++)
        numbers[i] = (uint32_t)(set ? set->data->first + first + i
                                    : job->clean.first + job->calibration[first + i]);
    td_status status = set ? cut(job, set, first, count, &arena, &images, error)
                           : gather(job, first, count, &arena, &images, error);
    if (status == TD_OK)
        status = job->detector->score(job, &images, numbers, stride, scores + first, error);
    td_arena_free(&arena);
    return status;
}

static td_status score_images(detect_job *job, const detect_set *set, size_t count, double **scores,
                              td_error *error) {
    size_t size;
    if (!td_size_mul(count, job->column_count, &size))
        return td_fail_memory(error, "scores");
    TD_TRY(TD_ARENA_NEW(&job->run->arena, size, scores, "scores", error));
    for (size_t first = 0; first < count; first += DETECT_SLICE)
        TD_TRY(score_slice(job, set, first, td_size_min(DETECT_SLICE, count - first), count,
                           *scores, error));
    for (size_t i = 0; i < size; i++)
        if (!isfinite((*scores)[i]))
            return td_fail(
                error, TD_ERR_NUMERIC, "%s: image %zu of %s: expected a finite %s, found %g",
                job->settings->model.path, i % count, set ? set->data->name : job->clean.name,
                job->detector->score_name, (*scores)[i]);
    return TD_OK;
}

td_status detect_score_all(detect_job *job, td_error *error) {
    size_t total = job->calibration_count;
    for (size_t i = 0; i < job->set_count; i++)
        total += job->sets[i].data->images.count;
    tool_run_begin(job->run, job->run->method->name, "images", total);
    TD_TRY(score_images(job, NULL, job->calibration_count, &job->calibration_scores, error));
    for (size_t i = 0; i < job->set_count; i++)
        TD_TRY(score_images(job, &job->sets[i], job->sets[i].data->images.count,
                            &job->sets[i].scores, error));
    return TD_OK;
}
