#include "defend/inspect/findings.h"

#include "measure/mad.h"
#include <stdlib.h>

/* --- the verdict --- */

/* Values are judged as if small ones were suspicious. */
static double sign_of(const findings *f) {
    return f->statistic.large ? -1 : 1;
}

static td_status find_spread(findings *f, findings_spread spread, td_error *error) {
    const double sign = sign_of(f);
    double *values = calloc(2 * f->count + 1, sizeof *values);
    if (!values)
        return td_fail_memory(error, "findings");
    double *scratch = values + f->count;
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].found)
            values[count++] = sign * f->list[i].value;
    if (count > 0) {
        const double median = td_median(values, count, scratch);
        f->mad = spread == FINDINGS_DOUBLE_MAD ? td_mad_below(values, count, median, scratch)
                                               : td_mad(values, count, median, scratch);
        f->median = sign * median;
    }
    free(values);
    return TD_OK;
}

static void judge_one(const findings *f, finding *one) {
    const double sign = sign_of(f), value = sign * one->value, median = sign * f->median;
    const bool judged = one->found && f->judged;
    const double index = judged ? td_anomaly_index(value, median, f->mad) : NAN;
    one->index = value > median ? -index : index;
    one->flagged = judged && td_is_small_outlier(value, median, f->mad);
}

td_status findings_judge(findings *f, findings_spread spread, td_error *error) {
    f->median = f->mad = NAN;
    f->flagged = f->valued = 0;
    for (size_t i = 0; i < f->count; i++)
        f->valued += f->list[i].found;
    f->judged = f->valued >= (spread == FINDINGS_OWN ? 1 : FINDINGS_LEAST);
    if (spread != FINDINGS_OWN)
        TD_TRY(find_spread(f, spread, error));
    for (size_t i = 0; i < f->count; i++) {
        if (spread != FINDINGS_OWN)
            judge_one(f, &f->list[i]);
        f->flagged += f->list[i].flagged;
    }
    return TD_OK;
}

const finding *findings_first(const findings *f) {
    const double sign = sign_of(f);
    const finding *best = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].found && (!best || sign * f->list[i].value < sign * best->value))
            best = &f->list[i];
    return best;
}

const finding *findings_largest_index(const findings *f) {
    const finding *best = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (!isnan(f->list[i].index) && (!best || f->list[i].index > best->index))
            best = &f->list[i];
    return best;
}

const finding *findings_opposite(const findings *f) {
    const finding *farthest = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].index < -TD_ANOMALY_CUTOFF &&
            (!farthest || sign_of(f) * f->list[i].value > sign_of(f) * farthest->value))
            farthest = &f->list[i];
    return farthest;
}

const finding *findings_find(const findings *f, size_t class) {
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].class == class)
            return &f->list[i];
    return NULL;
}
