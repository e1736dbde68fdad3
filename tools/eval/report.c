/* SPDX-License-Identifier: MIT */
/* The measurements as tables. */
#include "eval/eval.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- a row per model and trigger --- */

#define AT(field) offsetof(eval_clean, field)

static const tool_column clean_columns[] = {
    {"file", NULL, TOOL_TEXT, AT(file)},
    {"accuracy", NULL, TOOL_RATE, AT(accuracy)},
    {"confusion", NULL, TOOL_LIST, AT(confusion)},
    {"scores", NULL, TOOL_LIST, AT(scores), .digits = 4},
    {"target_classes", NULL, TOOL_LIST, AT(target_classes)},
    {0},
};

#undef AT
#define AT(field) offsetof(eval_result, field)

enum { LISTS = 4 }; /* only for a trigger; the results leave them out */

static const tool_column result_columns[] = {
    {"asr_by_class", NULL, TOOL_LIST, AT(asr_by_class), .digits = 4},
    {"best_classes", NULL, TOOL_LIST, AT(best_classes)},
    {"pairs", NULL, TOOL_LIST, AT(pairs)},
    {"scores", NULL, TOOL_LIST, AT(scores), .digits = 4},
    {"file", "model", TOOL_TEXT, AT(file)},
    {"accuracy", "accuracy", TOOL_RATE, AT(accuracy)},
    TOOL_TARGET_COLUMNS(eval_result, target, "target", "targets"),
    {"role", "role", TOOL_TEXT, AT(role)},
    {"asr", "ASR", TOOL_RATE, AT(asr)},
    {"source_asr", "ASR of the sources", TOOL_RATE, AT(source_asr)},
    {"false_activation", "false activation", TOOL_RATE, AT(false_activation)},
    {"cover_activation", "false activation, cover classes", TOOL_RATE, AT(cover_activation)},
    {"unseen_activation", "false activation, unseen classes", TOOL_RATE, AT(unseen_activation)},
    {"others_accuracy", "accuracy of others", TOOL_RATE, AT(others_accuracy)},
    {"non_targeted", "non-targeted", TOOL_RATE, AT(non_targeted)},
    {"robust_accuracy", "robust accuracy", TOOL_RATE, AT(robust_accuracy)},
    {"ra", "RA", TOOL_RATE, AT(ra)},
    {"confidence", "confidence", TOOL_ESTIMATE, AT(confidence)},
    {"asr_of_best", "mean ASR of the best", TOOL_REAL, AT(asr_of_best), .unit = "share",
     .digits = 4},
    {"asr_mean", "mean ASR of the pairs", TOOL_REAL, AT(of_map.asr_mean), .unit = "share",
     .digits = 4},
    {"asr_least", "least", TOOL_REAL, AT(of_map.asr_least), .unit = "share", .digits = 4},
    {"least_class", "of the class", TOOL_CLASS, AT(of_map.least_class)},
    {"asr_of_accuracy", "ASR / accuracy", TOOL_REAL, AT(of_map.asr_of_accuracy), .digits = 4},
    {"wrong_of_right", "non-targeted of the right", TOOL_RATE, AT(untargeted.wrong_of_right)},
    {"dispersion", "dispersion", TOOL_REAL, AT(untargeted.dispersion), .unit = "nats", .digits = 4},
    {"trigger", "trigger", TOOL_TEXT, AT(trigger)},
    {0},
};

const tool_table_kind eval_clean_table = {.name = "models",
                                          .columns = clean_columns,
                                          .row = sizeof(eval_clean)},
                      eval_result_table = {.name = "results",
                                           .title = "Results",
                                           .columns = result_columns + LISTS,
                                           .row = sizeof(eval_result)},
                      eval_trigger_table = {.name = "triggers",
                                            .columns = result_columns,
                                            .row = sizeof(eval_result)};

/* --- one model, one trigger --- */

/* Adds tables that belong to one model or trigger, with its name in the title. */
static td_status add_own(eval_job *job, const eval_place *place, const tool_table_kind *kind,
                         const void *rows, size_t count, td_error *error) {
    tool_table_kind *own;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &own, "a table", error));
    *own = *kind;
    TD_TRY(tool_run_text(job->run, &own->title, error, "%s: %s", kind->title, place->title));
    return tool_run_rows(job->run, own, place->path, rows, count, error);
}

typedef struct logit_row {
    const char *class;
    double logit;
} logit_row;

static const tool_column logit_columns[] = {
    {"class", "class", TOOL_TEXT, offsetof(logit_row, class)},
    {"logit", "logit", TOOL_REAL, offsetof(logit_row, logit), .digits = 4},
    {0},
};

td_status eval_report_logits(eval_job *job, const eval_place *place, const tool_list *logits,
                             td_error *error) {
    static const tool_table_kind kind = {.name = "logits",
                                         .title = "Logits of the image",
                                         .columns = logit_columns,
                                         .row = sizeof(logit_row)};
    const bool named = job->data.class_names && job->data.images.classes == logits->count;
    logit_row *rows;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, logits->count, &rows, "logits", error));
    for (size_t c = 0; c < logits->count; c++) {
        rows[c].logit = logits->values[c];
        if (named)
            rows[c].class = job->data.class_names[c];
        else
            TD_TRY(tool_run_text(job->run, &rows[c].class, error, "%zu", c));
    }
    return add_own(job, place, &kind, rows, logits->count, error);
}

typedef struct reached_row {
    size_t targets, images;
} reached_row;

static const tool_column reached_columns[] = {
    {"targets", "targets reached", TOOL_COUNT, offsetof(reached_row, targets)},
    {"images", "images", TOOL_COUNT, offsetof(reached_row, images)},
    {0},
};

static const tool_chart reached_chart[] = {
    {"Images by the number of targets they reach", TOOL_CHART_BARS, "targets", {"images"}}, {0}};

td_status eval_report_targets(eval_job *job, const eval_place *model, const size_t *counts,
                              size_t targets, td_error *error) {
    static const tool_table_kind kind = {.name = "reached",
                                         .title = "Images by the number of targets they reach",
                                         .columns = reached_columns,
                                         .row = sizeof(reached_row),
                                         .charts = reached_chart};
    reached_row *rows;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, targets + 1, &rows, "counts", error));
    for (size_t i = 0; i <= targets; i++)
        rows[i] = (reached_row){i, counts[i]};
    return add_own(job, model, &kind, rows, targets + 1, error);
}

/* --- ASR by strength --- */

typedef struct strength_row {
    double strength;
    const char *trigger; /* without its strength, and its target: the name of a curve */
    td_rate asr;
    size_t origin; /* of the backdoor */
} strength_row;

static const tool_column strength_columns[] = {
    {"strength", "strength", TOOL_REAL, offsetof(strength_row, strength)},
    {"trigger", "trigger", TOOL_TEXT, offsetof(strength_row, trigger)},
    {"asr", "ASR", TOOL_RATE, offsetof(strength_row, asr)},
    {0},
};

static const tool_chart strength_chart[] = {
    {"ASR by the trigger's strength", TOOL_CHART_LINES, "strength", {"asr"}}, {0}};

static const tool_axes strength_axes = {.by = "trigger"};

static int compare_strengths(const void *a, const void *b) {
    const strength_row *x = a, *y = b;
    if (x->origin != y->origin)
        return x->origin < y->origin ? -1 : 1;
    return (x->strength > y->strength) - (x->strength < y->strength);
}

td_status eval_report_strengths(eval_job *job, const eval_place *model, const td_rate *rates,
                                td_error *error) {
    static const tool_table_kind kind = {.name = "strengths",
                                         .title = "ASR by strength",
                                         .columns = strength_columns,
                                         .row = sizeof(strength_row),
                                         .charts = strength_chart,
                                         .axes = &strength_axes,
                                         .drawn = true};
    char rest[256], target[TOOL_TARGET_SIZE];
    strength_row *rows;
    size_t count = 0;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->backdoor_count + 1, &rows, "strengths", error));
    for (size_t i = 0; i < job->backdoor_count; i++) {
        const eval_backdoor *backdoor = &job->backdoors[i];
        strength_row *row = &rows[count];
        if (rates[i].trials == 0 ||
            !td_trigger_strength(backdoor->trigger, &row->strength, rest, sizeof rest))
            continue;
        TD_TRY(tool_run_text(job->run, &row->trigger, error, "%s, target %s", rest,
                             tool_target_text(job->run, &backdoor->target, target)));
        row->asr = rates[i];
        row->origin = backdoor->origin;
        count++;
    }
    if (count == 0)
        return TD_OK;
    qsort(rows, count, sizeof *rows, compare_strengths);
    return add_own(job, model, &kind, rows, count, error);
}
