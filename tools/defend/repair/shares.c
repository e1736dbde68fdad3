/* SPDX-License-Identifier: MIT */
#include "defend/repair/shares.h"

#include "frame/predict.h"
#include <math.h>
#include <string.h>

enum { SHARES = 9 }; /* all of the change, ..., nothing */

const td_key shares_keys[] = {
    REPAIR_HOLD_OUT,
    {"tolerance", TD_KEY_REAL, offsetof(shares_settings, tolerance), .most = 1, .standard = "0.02",
     .value = "X",
     .help = "Take as much of the change (by eighths) as loses at most X of the held-out accuracy "
             "with one standard error; 1: all"},
    {0},
};

typedef struct share_row {
    double share;
    td_rate accuracy;
    double lost, deviation;
    signed char chosen;
} share_row;

static const tool_column columns[] = {
    {"share", "share of the change", TOOL_REAL, offsetof(share_row, share)},
    {"accuracy", "accuracy", TOOL_RATE, offsetof(share_row, accuracy)},
    {"lost", "lost", TOOL_REAL, offsetof(share_row, lost)},
    {"standard_error", "standard error", TOOL_REAL, offsetof(share_row, deviation)},
    {"chosen", "", TOOL_FLAG, offsetof(share_row, chosen), .flag = "CHOSEN"},
    {0},
};

static const tool_table_kind table = {.name = "shares",
                                      .title = "Shares of the change",
                                      .columns = columns,
                                      .row = sizeof(share_row)};

/* The ends are exact. */
static void blend(const float *before, const float *after, size_t count, double share, float *out) {
    for (size_t i = 0; i < count; i++)
        out[i] = share < 1
                     ? (float)((double)before[i] + share * ((double)after[i] - (double)before[i]))
                     : after[i];
}

td_status shares_before(repair_job *job, float **out, td_error *error) {
    const size_t count = job->net->weight_count;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count, out, "weights", error));
    memcpy(*out, job->weights, count * sizeof **out);
    return TD_OK;
}

double shares_lost(const bool *before, const bool *after, size_t count, double *deviation) {
    const double n = (double)count;
    size_t lost = 0, won = 0;
    for (size_t i = 0; i < count; i++) {
        lost += before[i] && !after[i];
        won += !before[i] && after[i];
    }
    const double mean = ((double)lost - (double)won) / n;
    *deviation = sqrt(fmax(0, (double)(lost + won) / n - mean * mean) / n);
    return mean;
}

bool shares_allowed(double lost, double deviation, double tolerance) {
    const double rounding = 1e-9;
    return fmin(lost + deviation, 1) <= tolerance + rounding;
}

td_status shares_right(const repair_job *job, const float *weights, bool *right, td_rate *accuracy,
                       td_error *error) {
    const td_images *images = &job->held_out;
    td_arena arena = {0};
    int32_t *predicted;
    td_status status = TD_ARENA_NEW(&arena, images->count, &predicted, "predictions", error);
    if (status == TD_OK)
        status = tool_predict_classes(job->net, weights, images, NULL, predicted, error);
    for (size_t i = 0; status == TD_OK && i < images->count; i++)
        right[i] = predicted[i] == images->labels[i];
    if (status == TD_OK)
        *accuracy = td_accuracy(predicted, images->labels, images->count);
    td_arena_free(&arena);
    return status;
}

static td_status try_shares(repair_job *job, const float *before, float *weights,
                            share_row rows[SHARES], td_error *error) {
    const size_t held_out = job->held_out.count;
    bool *first, *right;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, held_out, &first, "predictions", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, held_out, &right, "predictions", error));
    for (size_t i = SHARES; i-- > 0;) {
        rows[i] = (share_row){.share = 1 - (double)i / (SHARES - 1), .chosen = -1};
        blend(before, job->weights, job->net->weight_count, rows[i].share, weights);
        TD_TRY(
            shares_right(job, weights, i == SHARES - 1 ? first : right, &rows[i].accuracy, error));
        if (i < SHARES - 1)
            rows[i].lost = shares_lost(first, right, held_out, &rows[i].deviation);
    }
    return TD_OK;
}

td_status shares_take(repair_job *job, const float *before, double tolerance, td_error *error) {
    const size_t count = job->net->weight_count;
    share_row rows[SHARES];
    float *weights;
    size_t chosen = 0;
    TD_TRY(shares_before(job, &weights, error));
    TD_TRY(try_shares(job, before, weights, rows, error));
    while (!shares_allowed(rows[chosen].lost, rows[chosen].deviation, tolerance))
        chosen++;
    rows[chosen].chosen = 1;
    blend(before, job->weights, count, rows[chosen].share, weights);
    memcpy(job->weights, weights, count * sizeof *weights);
    repair_say(job, "%g of the change taken, validation accuracy %.2f %% -> %.2f %%",
               rows[chosen].share, 100 * rows[SHARES - 1].accuracy.value,
               100 * rows[chosen].accuracy.value);
    return tool_run_rows(job->run, &table, NULL, rows, SHARES, error);
}
