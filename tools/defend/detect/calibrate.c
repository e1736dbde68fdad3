/* SPDX-License-Identifier: MIT */
/* How detectors set their threshold. */
#include "base/random.h"
#include "defend/detect/detect.h"
#include <math.h>

enum { DRAW_HALVES }; /* epoch of TD_FOR_DEFEND */

td_status detect_check_count(const detect_job *job, td_error *error) {
    const double least = ceil(1 / job->fpr - 1e-9);
    if ((double)job->sets[0].count >= least)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected at least %.0f clean images, of which a threshold may flag one at "
                   "--fpr %g, found %zu",
                   job->clean.name, least, job->fpr, job->sets[0].count);
}

td_status detect_take_half(detect_job *job, uint32_t **numbers, size_t *count, td_error *error) {
    detect_set *own = &job->sets[0];
    const size_t half = own->count / 2;
    uint32_t *order;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, own->count, &order, "clean images", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, half, numbers, "clean images", error));
    td_random random = td_random_for(job->run->common->seed, TD_FOR_DEFEND, DRAW_HALVES, 0);
    td_random_permutation(&random, order, (uint32_t)own->count);
    for (size_t i = 0; i < half; i++)
        (*numbers)[i] = own->numbers[order[i]];
    for (size_t i = half; i < own->count; i++)
        order[i - half] = own->numbers[order[i]];
    *count = half;
    own->count -= half;
    own->numbers = order;
    return TD_OK;
}

void detect_calibrate_above(double *scores, size_t count, double rate, detect_column *column) {
    column->threshold = td_threshold_above(scores, count, rate);
    column->boundary = nextafter(column->threshold, INFINITY);
}
