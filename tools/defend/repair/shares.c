/* SPDX-License-Identifier: MIT */
#include "defend/repair/shares.h"

#include <string.h>

enum { SHARES = 5 }; /* all of the change, ..., nothing */

const td_key shares_keys[] = {
    REPAIR_HOLD_OUT,
    {"tolerance", TD_KEY_REAL, offsetof(shares_settings, tolerance), .most = 1, .standard = "0.02",
     .value = "X",
     .help = "Make only as much of the change (by quarters) as takes at most X from the "
             "accuracy on held-out clean images; 1: all"},
    {0},
};

typedef struct share_row {
    double share;
    td_rate accuracy;
    signed char chosen;
} share_row;

static const tool_column columns[] = {
    {"share", "share of the change", TOOL_REAL, offsetof(share_row, share)},
    {"accuracy", "accuracy", TOOL_RATE, offsetof(share_row, accuracy)},
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

td_status shares_take(repair_job *job, const float *before, double tolerance, td_error *error) {
    const double rounding = 1e-9;
    const size_t count = job->net->weight_count;
    share_row rows[SHARES];
    float *weights;
    size_t chosen = 0;
    TD_TRY(shares_before(job, &weights, error));
    for (size_t i = 0; i < SHARES; i++) {
        rows[i] = (share_row){.share = 1 - (double)i / (SHARES - 1), .chosen = -1};
        blend(before, job->weights, count, rows[i].share, weights);
        TD_TRY(repair_validate(job, job->net, weights, &rows[i].accuracy, error));
    }
    const double least = rows[SHARES - 1].accuracy.value - tolerance - rounding;
    while (rows[chosen].accuracy.value < least)
        chosen++;
    rows[chosen].chosen = 1;
    blend(before, job->weights, count, rows[chosen].share, weights);
    memcpy(job->weights, weights, count * sizeof *weights);
    repair_say(job, "%g of the change taken, validation accuracy %.2f %% -> %.2f %%",
               rows[chosen].share, 100 * rows[SHARES - 1].accuracy.value,
               100 * rows[chosen].accuracy.value);
    return tool_run_rows(job->run, &table, NULL, rows, SHARES, error);
}
