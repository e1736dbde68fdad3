/* SPDX-License-Identifier: MIT */
#include "defend/repair/strengths.h"

#include <string.h>

const td_key strengths_keys[] = {
    REPAIR_HOLD_OUT,
    {"tolerance", TD_KEY_REAL, offsetof(shares_settings, tolerance), .most = 1, .standard = "0.02",
     .value = "X",
     .help = "Repair as strongly as loses at most X of the held-out accuracy, then on the held-out "
             "images as well; 1: fully"},
    {0},
};

typedef struct strength_row {
    double strength;
    td_rate accuracy;
    double lost, deviation;
    signed char chosen;
} strength_row;

#define AT(field) offsetof(strength_row, field)

static const tool_column columns[] = {
    {"strength", "strength", TOOL_REAL, AT(strength)},
    {"accuracy", "accuracy", TOOL_RATE, AT(accuracy)},
    {"lost", "lost", TOOL_REAL, AT(lost)},
    {"standard_error", "standard error", TOOL_REAL, AT(deviation)},
    {"chosen", "", TOOL_FLAG, AT(chosen), .flag = "CHOSEN"},
    {0},
};

static const tool_table_kind table = {.name = "strengths",
                                      .title = "Strengths of the repair",
                                      .columns = columns,
                                      .row = sizeof(strength_row)};

static const char *const tables[MOST_STRENGTHS] = {
    "epochs", "epochs_2", "epochs_3", "epochs_4", "epochs_5", "epochs_6", "epochs_7", "epochs_8",
};

typedef struct trials {
    const float *before;
    bool *first, *right; /* [held out]: what the model is right about, before and after */
} trials;

static td_status open(repair_job *job, trials *t, td_rate *accuracy, td_error *error) {
    const size_t held_out = job->held_out.count;
    float *before;
    TD_TRY(shares_before(job, &before, error));
    t->before = before;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, held_out, &t->first, "predictions", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, held_out, &t->right, "predictions", error));
    return shares_right(job, job->weights, t->first, accuracy, error);
}

static td_status try_strength(repair_job *job, const strengths *s, size_t number, const trials *t,
                              strength_row *row, td_error *error) {
    *row = (strength_row){.strength = s->values[number], .chosen = -1};
    memcpy(job->weights, t->before, job->net->weight_count * sizeof *job->weights);
    TD_TRY(s->repair(s->context, job, s->values[number], tables[number], error));
    TD_TRY(shares_right(job, job->weights, t->right, &row->accuracy, error));
    row->lost = shares_lost(t->first, t->right, job->held_out.count, &row->deviation);
    if (shares_allowed(row->lost, 0, s->tolerance))
        row->chosen = 1;
    return TD_OK;
}

/* Once more, now that the strength is chosen, on all of the clean images. */
static td_status repair_by_all(repair_job *job, const strengths *s, double strength,
                               const float *before, td_error *error) {
    if (job->all.count == job->learned.count)
        return TD_OK;
    job->learned = job->all;
    memcpy(job->weights, before, job->net->weight_count * sizeof *job->weights);
    return s->repair(s->context, job, strength, "epochs_all", error);
}

td_status strengths_take(repair_job *job, const strengths *s, td_error *error) {
    strength_row rows[MOST_STRENGTHS] = {{0}};
    trials t;
    td_rate before;
    size_t tried = 0;
    TD_TRY(open(job, &t, &before, error));
    while (tried < s->count && (tried == 0 || rows[tried - 1].chosen != 1)) {
        TD_TRY(try_strength(job, s, tried, &t, &rows[tried], error));
        tried++;
    }
    const strength_row *last = &rows[tried - 1];
    TD_TRY(tool_run_rows(job->run, &table, NULL, rows, tried, error));
    if (last->chosen != 1 && s->or_nothing) {
        memcpy(job->weights, t.before, job->net->weight_count * sizeof *job->weights);
        repair_say(job, "no strength taken, validation accuracy %.2f %%", 100 * before.value);
        return TD_OK;
    }
    if (last->chosen != 1)
        return shares_take(job, t.before, s->tolerance, error);
    repair_say(job, "strength %g taken, validation accuracy %.2f %% -> %.2f %%", last->strength,
               100 * before.value, 100 * last->accuracy.value);
    return repair_by_all(job, s, last->strength, t.before, error);
}
