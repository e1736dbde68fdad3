/* What was measured, as tables. */
#include "eval/eval.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- a row for each model and trigger --- */

enum { FILE_NAME, ACCURACY, TARGET, ASR, NON_TARGETED, ROBUST, CONFIDENCE, BEST, TRIGGER, RESULTS };

static const tool_column result_columns[] = {
    [FILE_NAME] = {"file", "model", TOOL_TEXT},
    [ACCURACY] = {"accuracy", "accuracy", TOOL_RATE},
    [TARGET] = {"target", "target", TOOL_COUNT},
    [ASR] = {"asr", "ASR", TOOL_RATE},
    [NON_TARGETED] = {"non_targeted", "non-targeted", TOOL_RATE},
    [ROBUST] = {"robust_accuracy", "robust accuracy", TOOL_RATE},
    [CONFIDENCE] = {"confidence", "confidence", TOOL_ESTIMATE},
    [BEST] = {"asr_of_best", "mean ASR of the best", TOOL_REAL, .unit = "share", .digits = 4},
    [TRIGGER] = {"trigger", "trigger", TOOL_TEXT},
    {0},
};

static const tool_column model_columns[] = {
    [FILE_NAME] = {"file", "model", TOOL_TEXT},
    [ACCURACY] = {"accuracy", "accuracy", TOOL_RATE},
    {0},
};

/* The same values in models[], for scripts, stand in tables without a title. */
static const tool_table_kind result_table = {.name = "results",
                                             .title = "Results",
                                             .columns = result_columns},
                             model_fields = {.columns = model_columns, .single = true},
                             trigger_fields = {.columns = result_columns + TARGET, .single = true};

td_status eval_report_open(eval_job *job, td_error *error) {
    return tool_run_table(job->run, &result_table, &job->results, error);
}

static td_status add_fields(eval_job *job, const eval_place *place, const tool_table_kind *kind,
                            tool_cell **cells, td_error *error) {
    tool_table *table;
    TD_TRY(tool_run_table(job->run, kind, &table, error));
    table->into = place->entry;
    return tool_run_row(job->run, table, cells, error);
}

static td_status fill_trigger(eval_job *job, tool_cell *row, const eval_backdoor *backdoor,
                              const eval_result *result, td_error *error) {
    const td_attack *attack = &result->attack;
    double sum = 0;
    tool_cell_count(&row[TARGET], backdoor->target);
    tool_cell_rate(&row[ASR], attack->asr);
    tool_cell_rate(&row[NON_TARGETED], attack->non_targeted);
    tool_cell_rate(&row[ROBUST], attack->robust_accuracy);
    tool_cell_estimate(&row[CONFIDENCE], attack->confidence, attack->confidence_interval);
    for (size_t i = 0; i < result->best_count; i++)
        sum += result->by_class[result->best[i]].value;
    if (result->best)
        tool_cell_real(&row[BEST], result->best_count ? sum / (double)result->best_count : 0);
    return tool_run_cell(job->run, &row[TRIGGER], td_trigger_text(backdoor->trigger), error);
}

td_status eval_report_row(eval_job *job, const eval_place *model, td_rate accuracy,
                          const eval_place *trigger, const eval_backdoor *backdoor,
                          const eval_result *result, td_error *error) {
    tool_cell *row, *fields;
    TD_TRY(tool_run_row(job->run, job->results, &row, error));
    TD_TRY(tool_run_cell(job->run, &row[FILE_NAME], model->title, error));
    tool_cell_rate(&row[ACCURACY], accuracy);
    if (!result)
        return TD_OK;
    TD_TRY(fill_trigger(job, row, backdoor, result, error));
    TD_TRY(add_fields(job, trigger, &trigger_fields, &fields, error));
    for (size_t i = TARGET; i < RESULTS; i++)
        fields[i - TARGET] = row[i];
    eval_summary *summary = &job->summary;
    if (!summary->title || result->attack.asr.value > summary->asr.value) {
        summary->asr = result->attack.asr;
        summary->title = trigger->title;
    }
    return TD_OK;
}

/* --- one model, one trigger --- */

enum { PLACE, VALUE };

static const tool_column logit_columns[] = {
    [PLACE] = {"class", "class", TOOL_TEXT},
    [VALUE] = {"logit", "logit", TOOL_REAL, .digits = 4},
    {0},
};

static const tool_column reached_columns[] = {
    [PLACE] = {"targets", "targets reached", TOOL_COUNT},
    [VALUE] = {"images", "images", TOOL_COUNT},
    {0},
};

static const tool_chart reached_chart[] = {
    {"Images by the number of targets they reach", TOOL_CHART_BARS, "targets", {"images"}}, {0}};

/* What a model or a trigger has of its own, with its name in the title. */
static td_status add_own(eval_job *job, const eval_place *place, const tool_table_kind *kind,
                         tool_table **out, td_error *error) {
    tool_table_kind *own;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &own, "a table", error));
    *own = *kind;
    TD_TRY(tool_run_text(job->run, &own->title, error, "%s: %s", kind->title, place->title));
    TD_TRY(tool_run_table(job->run, own, out, error));
    (*out)->into = place->entry;
    (*out)->path = place->path;
    return TD_OK;
}

/* Takes `value`. */
static td_status set(const eval_place *place, const char *name, json_t *value, td_error *error) {
    return json_object_set_new(place->entry, name, value) == 0
               ? TD_OK
               : td_fail_memory(error, "the record");
}

static td_status add_logits(eval_job *job, const eval_place *place, const float *logits,
                            size_t classes, td_error *error) {
    static const tool_table_kind kind = {
        .name = "logits", .title = "Logits of the image", .columns = logit_columns};
    const bool named = job->data.class_names && job->data.images.classes == classes;
    json_t *scores = json_array();
    tool_table *table;
    tool_cell *row;
    char number[32];
    TD_TRY(set(place, "scores", scores, error));
    TD_TRY(add_own(job, place, &kind, &table, error));
    for (size_t c = 0; c < classes; c++) {
        snprintf(number, sizeof number, "%zu", c);
        TD_TRY(tool_run_row(job->run, table, &row, error));
        TD_TRY(
            tool_run_cell(job->run, &row[PLACE], named ? job->data.class_names[c] : number, error));
        tool_cell_real(&row[VALUE], (double)logits[c]);
        json_array_append_new(scores, json_real((double)logits[c]));
    }
    return TD_OK;
}

static json_t *numbers_json(const size_t *numbers, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer((json_int_t)numbers[i]));
    return list;
}

/* A row a true class. */
static json_t *matrix_json(const size_t *counts, size_t classes) {
    json_t *matrix = json_array();
    for (size_t row = 0; row < classes; row++)
        json_array_append_new(matrix, numbers_json(counts + row * classes, classes));
    return matrix;
}

/* The ASR of each true class; null for the target, which has none. */
static json_t *classes_json(const td_rate *rates, size_t classes) {
    json_t *values = json_array();
    for (size_t c = 0; c < classes; c++)
        json_array_append_new(values,
                              rates[c].trials > 0 ? json_real(rates[c].value) : json_null());
    return values;
}

td_status eval_report_clean(eval_job *job, const eval_place *model, td_rate accuracy,
                            const size_t *counts, const float *logits, size_t classes,
                            td_error *error) {
    eval_summary *summary = &job->summary;
    tool_cell *fields;
    summary->least = fmin(summary->least, accuracy.value);
    summary->most = fmax(summary->most, accuracy.value);
    TD_TRY(add_fields(job, model, &model_fields, &fields, error));
    TD_TRY(tool_run_cell(job->run, &fields[FILE_NAME], model->title, error));
    tool_cell_rate(&fields[ACCURACY], accuracy);
    TD_TRY(set(model, "confusion", matrix_json(counts, classes), error));
    return logits ? add_logits(job, model, logits, classes, error) : TD_OK;
}

td_status eval_report_attack(eval_job *job, const eval_place *trigger, const eval_result *result,
                             const size_t *counts, size_t classes, td_error *error) {
    TD_TRY(set(trigger, "asr_by_class", classes_json(result->by_class, job->data.images.classes),
               error));
    if (result->best)
        TD_TRY(set(trigger, "best_classes", numbers_json(result->best, result->best_count), error));
    TD_TRY(set(trigger, "pairs", matrix_json(counts, classes), error));
    return result->logits ? add_logits(job, trigger, result->logits, classes, error) : TD_OK;
}

td_status eval_report_targets(eval_job *job, const eval_place *model, const size_t *counts,
                              size_t targets, td_error *error) {
    static const tool_table_kind kind = {.name = "reached",
                                         .title = "Images by the number of targets they reach",
                                         .columns = reached_columns,
                                         .charts = reached_chart};
    tool_table *table;
    tool_cell *row;
    TD_TRY(set(model, "target_classes", numbers_json(counts, targets + 1), error));
    TD_TRY(add_own(job, model, &kind, &table, error));
    for (size_t i = 0; i <= targets; i++) {
        TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_count(&row[PLACE], i);
        tool_cell_count(&row[VALUE], counts[i]);
    }
    return TD_OK;
}

/* --- ASR by strength --- */

enum { MOST_CURVES = TOOL_CHART_SERIES, REST_SIZE = 256 };

/* A backdoor's place in the curves. */
typedef struct point {
    double strength;
    size_t backdoor, curve;
} point;

static int compare_points(const void *a, const void *b) {
    const point *left = a, *right = b;
    return (left->strength > right->strength) - (left->strength < right->strength);
}

/* The backdoors that were measured and have a strength, by strength; those of one trigger are a
 * curve, whose origin is in curves[]. */
static size_t list_points(const eval_job *job, const td_rate *rates, point *points,
                          size_t curves[MOST_CURVES], size_t *curve_count) {
    char rest[REST_SIZE];
    size_t count = 0;
    *curve_count = 0;
    for (size_t i = 0; i < job->backdoor_count; i++) {
        const eval_backdoor *backdoor = &job->backdoors[i];
        size_t curve = 0;
        if (rates[i].trials == 0 ||
            !td_trigger_strength(backdoor->trigger, &points[count].strength, rest, sizeof rest))
            continue;
        while (curve < *curve_count && curves[curve] != backdoor->origin)
            curve++;
        if (curve == MOST_CURVES)
            continue;
        if (curve == *curve_count)
            curves[(*curve_count)++] = backdoor->origin;
        points[count].backdoor = i;
        points[count++].curve = curve;
    }
    qsort(points, count, sizeof *points, compare_points);
    return count;
}

/* The strength, and a column for each curve. */
static td_status make_curves(eval_job *job, const eval_place *model, const size_t *curves,
                             size_t count, tool_table **out, td_error *error) {
    tool_column *columns;
    tool_chart *chart;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count + 2, &columns, "a table", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 2, &chart, "a table", error));
    *chart = (tool_chart){"ASR by the trigger's strength", TOOL_CHART_LINES, "strength", {0}};
    columns[0] = (tool_column){.name = "strength", .title = "strength", .kind = TOOL_REAL};
    for (size_t i = 0; i < count; i++) {
        const eval_backdoor *origin = &job->backdoors[curves[i]];
        tool_column *column = &columns[1 + i];
        char rest[REST_SIZE];
        double strength;
        column->kind = TOOL_RATE;
        (void)td_trigger_strength(origin->trigger, &strength, rest, sizeof rest);
        TD_TRY(
            tool_run_text(job->run, &column->title, error, "%s, target %zu", rest, origin->target));
        TD_TRY(tool_run_text(job->run, &column->name, error, "asr_%zu", i));
        chart->y[i] = column->name;
    }
    const tool_table_kind kind = {.name = "strengths",
                                  .title = "ASR by strength",
                                  .columns = columns,
                                  .charts = chart,
                                  .drawn = true};
    return add_own(job, model, &kind, out, error);
}

td_status eval_report_strengths(eval_job *job, const eval_place *model, const td_rate *rates,
                                td_error *error) {
    point *points;
    size_t curves[MOST_CURVES], curve_count;
    tool_table *table;
    tool_cell *row = NULL;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->backdoor_count + 1, &points, "strengths", error));
    const size_t count = list_points(job, rates, points, curves, &curve_count);
    if (count == 0)
        return TD_OK;
    TD_TRY(make_curves(job, model, curves, curve_count, &table, error));
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || points[i].strength != points[i - 1].strength)
            TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_real(row, points[i].strength);
        tool_cell_rate(&row[1 + points[i].curve], rates[points[i].backdoor]);
    }
    return TD_OK;
}
