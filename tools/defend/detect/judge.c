/* SPDX-License-Identifier: MIT */
/* Evaluates the scores. */
#include "defend/detect/detect.h"
#include <math.h>
#include <string.h>

static td_status gather(const detect_job *job, size_t column, detect_kind kind, td_arena *arena,
                        detect_scores *out, td_error *error) {
    size_t total = 0;
    for (size_t i = 0; i < job->set_count; i++)
        total += job->sets[i].kind == kind ? job->sets[i].count : 0;
    TD_TRY(TD_ARENA_NEW(arena, total, &out->values, "scores", error));
    for (size_t i = 0; i < job->set_count; i++) {
        const detect_set *set = &job->sets[i];
        if (set->kind != kind)
            continue;
        memcpy(out->values + out->count, set->scores + column * set->count,
               set->count * sizeof *out->values);
        out->count += set->count;
    }
    return TD_OK;
}

static td_rate rate_above(const double *scores, size_t count, double boundary) {
    return td_rate_of(td_count_flagged(scores, count, boundary), count);
}

/* `limit`: the rate that suspects must exceed significantly. */
static detect_row judge_set(const detect_set *set, const double *scores, double sign,
                            double boundary, double limit) {
    const bool suspect = set->kind == DETECT_SUSPECT;
    const td_rate flagged = rate_above(scores, set->count, boundary);
    double sum = 0;
    for (size_t i = 0; i < set->count; i++)
        sum += scores[i];
    return (detect_row){.kind = suspect ? "suspect" : "benign",
                        .data = set->data->name,
                        .trigger = set->trigger ? td_trigger_text(set->trigger) : NULL,
                        .images = set->count,
                        .flagged = flagged,
                        .above = (signed char)(suspect ? flagged.interval.low > limit : -1),
                        .mean = sign * sum / (double)set->count};
}

/* The F1 of a set of suspects among the benign images. */
static td_f1 f1_of(const detect_row *row, td_rate benign) {
    if (row->above < 0 || benign.trials == 0)
        return (td_f1){(double)NAN, (double)NAN, (double)NAN};
    return td_f1_of(td_flags_of(row->flagged.hits, row->flagged.hits + benign.hits, row->images,
                                row->images + benign.trials));
}

/* Significantly above the expected rate, and above the rate of benign images. */
static void judge_sets(const detect_job *job, size_t column, detect_verdict *v) {
    const double boundary = job->columns[column].boundary;
    const detect_scores *scores = &v->scores[DETECT_BENIGN];
    const td_rate benign = rate_above(scores->values, scores->count, boundary);
    const double limit = benign.trials > 0 ? fmax(job->fpr, benign.interval.high) : job->fpr;
    for (size_t i = 1; i < job->set_count; i++) {
        const detect_set *set = &job->sets[i];
        v->rows[i - 1] =
            judge_set(set, set->scores + column * set->count, job->detector->sign, boundary, limit);
        v->rows[i - 1].f1 = f1_of(&v->rows[i - 1], benign);
    }
}

static void count_bars(detect_verdict *v, double sign, double low, double high) {
    const double scale = DETECT_BARS / (high - low), step = (high - low) / DETECT_BARS;
    for (size_t i = 0; i < DETECT_BARS; i++)
        v->bars[i] =
            (detect_bar){.from = low + (double)i * step, .to = low + (double)(i + 1) * step};
    for (size_t kind = 0; kind < DETECT_KINDS; kind++)
        for (size_t i = 0; i < v->scores[kind].count; i++) {
            const double place = (sign * v->scores[kind].values[i] - low) * scale;
            v->bars[place < DETECT_BARS ? (size_t)place : DETECT_BARS - 1].counts[kind]++;
        }
}

static void make_histogram(detect_verdict *v, double sign) {
    double low = INFINITY, high = -INFINITY;
    for (size_t kind = 0; kind < DETECT_KINDS; kind++)
        for (size_t i = 0; i < v->scores[kind].count; i++) {
            low = fmin(low, sign * v->scores[kind].values[i]);
            high = fmax(high, sign * v->scores[kind].values[i]);
        }
    count_bars(v, sign, low, high - low > 1e-300 ? high : low + 1);
}

static td_status find_auroc(detect_verdict *v, td_error *error) {
    const detect_scores *benign = &v->scores[DETECT_BENIGN], *suspects = &v->scores[DETECT_SUSPECT];
    td_auroc area = {.value = NAN};
    if (benign->count > 0 && suspects->count > 0)
        TD_TRY(td_auroc_of(benign->values, benign->count, suspects->values, suspects->count, &area,
                           error));
    v->auroc = (tool_estimate){area.value, area.interval};
    return TD_OK;
}

td_status detect_judge(detect_job *job, size_t column, td_arena *arena, detect_verdict *v,
                       td_error *error) {
    const detector *d = job->detector;
    const detect_scores *own = &v->scores[DETECT_CALIBRATION], *benign = &v->scores[DETECT_BENIGN],
                        *suspects = &v->scores[DETECT_SUSPECT];
    detect_column *by = &job->columns[column];
    *v = (detect_verdict){.name = by->name};
    for (size_t kind = 0; kind < DETECT_KINDS; kind++)
        TD_TRY(gather(job, column, (detect_kind)kind, arena, &v->scores[kind], error));
    d->calibrate(own->values, own->count, job->fpr, by);
    v->threshold = by->threshold;
    judge_sets(job, column, v);
    make_histogram(v, d->sign);
    for (size_t i = 0; i < DETECT_RATES; i++) {
        detect_column at;
        d->calibrate(own->values, own->count, d->rates[i], &at);
        v->errors[i] =
            (detect_error_row){d->rates[i], at.threshold,
                               td_detection_at(benign->values, benign->count, suspects->values,
                                               suspects->count, at.boundary)};
    }
    return find_auroc(v, error);
}
