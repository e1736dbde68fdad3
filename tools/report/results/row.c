#include "report/results/row.h"

#include "frame/record.h"
#include "report/results/expect.h"
#include "report/results/find.h"
#include "report/results/verdict.h"
#include <math.h>
#include <string.h>

int results_keep(json_t *to, const json_t *from, const char *const *keys) {
    int failed = 0;
    for (; *keys; keys++)
        if (json_object_get(from, *keys))
            failed |= json_object_set(to, *keys, json_object_get(from, *keys));
    return failed;
}

static double number_of(const json_t *table, const json_t *row, const char *key, double other) {
    const json_t *value = expect_field(table, row, key);
    return value ? json_number_value(value) : other;
}

static verdict_sense sense_of(const char *better) {
    return strcmp(better, "larger") == 0    ? SENSE_LARGER
           : strcmp(better, "smaller") == 0 ? SENSE_SMALLER
                                            : SENSE_NEAR;
}

/* One row's question. */
typedef struct question {
    const char *records, *value, *over, *unit;
    take how;
    double within;
} question;

static question question_of(const json_t *table, const json_t *row) {
    question q = {.records = expect_text(table, row, "records", ""),
                  .value = expect_text(table, row, "value", ""),
                  .over = expect_text(table, row, "over", NULL),
                  .unit = expect_text(table, row, "unit", "")};
    if (take_parse(&q.how, expect_text(table, row, "take", "only"), NULL) != TD_OK)
        q.how = (take){0};
    q.within = number_of(table, row, "within", strcmp(q.unit, "%") == 0 ? 1 : 0);
    return q;
}

static td_status find_number(const json_t *root, const char *path, const take *how, double *number,
                             td_error *error) {
    json_t *values;
    TD_TRY(find_values(root, path, &values, error));
    td_status status = take_number(how, values, number, error);
    if (status != TD_OK)
        td_fail_within(error, status, "%s", path);
    json_decref(values);
    return status;
}

static td_status read_value(const question *q, const json_t *root, double *value, td_error *error) {
    static const take only = {TAKE_ONLY, 0};
    double divisor = 1;
    TD_TRY(find_number(root, q->value, &q->how, value, error));
    if (q->over)
        TD_TRY(find_number(root, q->over, &only, &divisor, error));
    *value *= (strcmp(q->unit, "%") == 0 ? 100 : 1) / divisor;
    return isfinite(*value) ? TD_OK
                            : td_fail(error, TD_ERR_FORMAT, "%s: expected a finite number",
                                      q->over ? q->over : q->value);
}

/* Fills row["values"] and row["problems"]; the numbers, at most as many as there are matches. */
static td_status ask(gatherer *g, const question *q, json_t *row, double *numbers, size_t *count,
                     td_error *error) {
    json_t *values = json_array(), *problems = json_array();
    *count = 0;
    int failed =
        json_object_set_new(row, "values", values) | json_object_set_new(row, "problems", problems);
    for (size_t i = 0; i < g->match_count && !failed; i++) {
        const gathered *match = &g->matches[i];
        td_error trouble;
        json_t *root = NULL;
        td_status status = gather_open(g, match, &root, &trouble);
        if (status == TD_OK)
            status = read_value(q, root, &numbers[*count], &trouble);
        json_decref(root);
        if (status == TD_ERR_MEMORY)
            return td_fail(error, status, "%s", trouble.message);
        if (status != TD_OK) {
            if (status != TD_ERR_NUMERIC)
                report_trouble_add(g->r, match->file->name, trouble.message);
            failed = json_array_append_new(
                problems, json_pack("{so ss sb}", "record", tool_json_text(match->file->name),
                                    "reason", trouble.message, "none", status == TD_ERR_NUMERIC));
            continue;
        }
        failed = json_array_append_new(
            values, json_pack("{so so sf}", "seed", tool_json_text(match->seed), "record",
                              tool_json_text(match->file->name), "value", numbers[*count]));
        (*count)++;
    }
    return failed ? td_fail_memory(error, "results") : TD_OK;
}

/* Mean, difference and verdict. */
static int judge(json_t *row, const question *q, const char *printed, const char *better,
                 const double *numbers, size_t count, bool any) {
    verdict_figure figure;
    verdict v = any ? VERDICT_NO_VALUE : VERDICT_NOT_RUN;
    double mean, deviation;
    bool has_figure = printed && verdict_figure_parse(&figure, printed);
    int failed = 0;
    if (has_figure)
        failed |= json_object_set_new(row, "paper_value", json_real(figure.value));
    if (count > 0) {
        verdict_mean(numbers, count, &mean, &deviation);
        failed |= json_object_set_new(row, "mean", json_real(mean));
        failed |=
            json_object_set_new(row, "deviation", count > 1 ? json_real(deviation) : json_null());
        v = VERDICT_NO_FIGURE;
    }
    if (count > 0 && has_figure) {
        failed |= json_object_set_new(row, "difference", json_real(mean - figure.value));
        v = verdict_of(&figure, sense_of(better), q->within, mean);
    }
    return failed | json_object_set_new(row, "verdict", json_string(verdict_name(v)));
}

td_status results_row(gatherer *g, const json_t *table, const json_t *asked, json_t *row,
                      td_error *error) {
    static const char *const kept[] = {"name", "column", "paper", "series", "x", NULL};
    const question q = question_of(table, asked);
    const char *better = expect_text(table, asked, "better", "near");
    double *numbers;
    size_t count;
    TD_TRY(gather_matches(g, q.records, error));
    TD_TRY(TD_ARENA_NEW(&g->arena, g->match_count, &numbers, "values", error));
    int failed = results_keep(row, asked, kept);
    failed |= json_object_set_new(row, "unit", json_string(q.unit));
    if (json_is_string(json_object_get(asked, "paper")))
        failed |= json_object_set_new(row, "better", json_string(better));
    failed |= json_object_set_new(row, "within", json_real(q.within));
    failed |= json_object_set_new(row, "records", json_string(q.records));
    failed |= json_object_set_new(row, "value", json_string(q.value));
    if (failed)
        return td_fail_memory(error, "results");
    TD_TRY(ask(g, &q, row, numbers, &count, error));
    failed = judge(row, &q, json_string_value(json_object_get(asked, "paper")), better, numbers,
                   count, g->match_count > 0);
    return failed ? td_fail_memory(error, "results") : TD_OK;
}
