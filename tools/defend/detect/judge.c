/* What the scores say. */
#include "defend/detect/detect.h"
#include <math.h>
#include <string.h>

static td_status join(const detect_job *job, size_t column, bool suspect, td_arena *arena,
                      detect_scores *out, td_error *error) {
    size_t total = 0;
    for (size_t i = 0; i < job->set_count; i++)
        total += job->sets[i].suspect == suspect ? job->sets[i].data->images.count : 0;
    *out = (detect_scores){NULL, 0};
    TD_TRY(TD_ARENA_NEW(arena, total, &out->values, "scores", error));
    for (size_t i = 0; i < job->set_count; i++) {
        const detect_set *set = &job->sets[i];
        const size_t count = set->data->images.count;
        if (set->suspect != suspect)
            continue;
        memcpy(out->values + out->count, set->scores + column * count, count * sizeof *out->values);
        out->count += count;
    }
    return TD_OK;
}

static td_status gather(const detect_job *job, size_t column, td_arena *arena, detect_verdict *v,
                        td_error *error) {
    const size_t count = job->calibration_count;
    TD_TRY(TD_ARENA_NEW(arena, count, &v->calibration.values, "scores", error));
    memcpy(v->calibration.values, job->calibration_scores + column * count,
           count * sizeof *v->calibration.values);
    v->calibration.count = count;
    TD_TRY(join(job, column, false, arena, &v->benign, error));
    return join(job, column, true, arena, &v->suspects, error);
}

/* Above the expected rate beyond chance, and above what happens to benign images. */
static void judge_sets(detect_job *job, size_t column, detect_verdict *v) {
    const double boundary = v->column->boundary;
    td_rate benign =
        td_rate_of(td_count_flagged(v->benign.values, v->benign.count, boundary), v->benign.count);
    double limit = job->fpr;
    if (benign.trials > 0)
        limit = fmax(limit, benign.interval.high);
    for (size_t i = 0; i < job->set_count; i++) {
        const detect_set *set = &job->sets[i];
        const size_t count = set->data->images.count;
        v->flagged[i] =
            td_rate_of(td_count_flagged(set->scores + column * count, count, boundary), count);
        v->above[i] = set->suspect && v->flagged[i].interval.low > limit;
    }
}

static void widen(const detect_scores *scores, double sign, detect_verdict *v) {
    for (size_t i = 0; i < scores->count; i++) {
        v->low = fmin(v->low, sign * scores->values[i]);
        v->high = fmax(v->high, sign * scores->values[i]);
    }
}

static void count_bars(const detect_scores *scores, double sign, const detect_verdict *v,
                       size_t *bars) {
    const double scale = DETECT_BARS / (v->high - v->low);
    for (size_t i = 0; i < scores->count; i++) {
        double place = (sign * scores->values[i] - v->low) * scale;
        bars[place < DETECT_BARS ? (size_t)place : DETECT_BARS - 1]++;
    }
}

static void make_histograms(const detect_job *job, detect_verdict *v) {
    const detect_scores *all[] = {&v->calibration, &v->benign, &v->suspects};
    const double sign = job->detector->sign;
    v->low = INFINITY;
    v->high = -INFINITY;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        widen(all[i], sign, v);
    if (!(v->high - v->low > 1e-300))
        v->high = v->low + 1;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        count_bars(all[i], sign, v, v->bars[i]);
}

td_status detect_judge(detect_job *job, size_t column, td_arena *arena, detect_verdict *v,
                       td_error *error) {
    const detector *d = job->detector;
    *v = (detect_verdict){.column = &job->columns[column]};
    TD_TRY(gather(job, column, arena, v, error));
    d->calibrate(v->calibration.values, v->calibration.count, job->fpr, &job->columns[column]);
    judge_sets(job, column, v);
    make_histograms(job, v);
    for (size_t i = 0; i < DETECT_RATES; i++) {
        d->calibrate(v->calibration.values, v->calibration.count, d->rates[i], &v->at[i]);
        v->errors[i] = td_detection_at(v->benign.values, v->benign.count, v->suspects.values,
                                       v->suspects.count, v->at[i].boundary);
    }
    v->has_auroc = v->benign.count > 0 && v->suspects.count > 0;
    return v->has_auroc ? td_auroc_of(v->benign.values, v->benign.count, v->suspects.values,
                                      v->suspects.count, &v->auroc, error)
                        : TD_OK;
}
