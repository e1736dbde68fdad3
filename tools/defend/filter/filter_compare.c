/* SPDX-License-Identifier: MIT */
/* Compares classes with each other. */
#include "defend/filter/filter.h"
#include "measure/mad.h"
#include <math.h>

enum { STATISTIC, INDEX };

td_status filter_compare(filter_job *job, td_error *error) {
    const size_t classes = job->data.images.classes;
    td_arena *arena = &job->run->arena;
    double *values, *scratch;
    size_t judged = 0;
    TD_TRY(TD_ARENA_NEW(arena, classes, &values, "statistics", error));
    TD_TRY(TD_ARENA_NEW(arena, classes, &scratch, "statistics", error));
    for (size_t c = 0; c < classes; c++)
        if (!isnan(job->classes[c].figures[STATISTIC]))
            values[judged++] = job->classes[c].figures[STATISTIC];
    if (judged == 0)
        return TD_OK;
    const double median = td_median(values, judged, scratch);
    const double mad = td_mad(values, judged, median, scratch);
    for (size_t c = 0; c < classes; c++) {
        double *figures = job->classes[c].figures;
        if (isnan(figures[STATISTIC]))
            continue;
        const double index = td_anomaly_index(figures[STATISTIC], median, mad);
        figures[INDEX] = judged < FILTER_LEAST_CLASSES ? 0
                         : figures[STATISTIC] < median ? -index
                                                       : index;
    }
    return TD_OK;
}
