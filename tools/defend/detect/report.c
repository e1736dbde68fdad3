/* SPDX-License-Identifier: MIT */
/* The evaluation of the scores as tables. */
#include "defend/detect/detect.h"
#include <math.h>

#define OF(type, field) offsetof(type, field)

static const tool_column verdict_columns[] = {
    {"threshold", "threshold", TOOL_REAL, OF(detect_verdict, threshold)},
    {"auroc", "AUROC", TOOL_ESTIMATE, OF(detect_verdict, auroc)},
    {0},
};

static const tool_column set_columns[] = {
    {"kind", "set", TOOL_TEXT, OF(detect_row, kind)},
    {"data", "data", TOOL_TEXT, OF(detect_row, data)},
    {"trigger", "trigger", TOOL_TEXT, OF(detect_row, trigger)},
    {"count", "images", TOOL_COUNT, OF(detect_row, images)},
    {"flagged", "flagged", TOOL_RATE, OF(detect_row, flagged)},
    {"above_expected", "", TOOL_FLAG, OF(detect_row, above), .flag = "ABOVE EXPECTED"},
    {"mean_score", "mean score", TOOL_REAL, OF(detect_row, mean)},
    {"prior", "suspect share", TOOL_REAL, OF(detect_row, f1.prior), .digits = 4},
    {"f1", "F1", TOOL_REAL, OF(detect_row, f1.f1), .digits = 4},
    {"weighted_f1", "F1, misses ×9", TOOL_REAL, OF(detect_row, f1.weighted), .digits = 4},
    {0},
};

static const tool_column error_columns[] = {
    {"expected", "expected", TOOL_REAL, OF(detect_error_row, expected)},
    {"threshold", "threshold", TOOL_REAL, OF(detect_error_row, threshold)},
    {"frr", "benign flagged", TOOL_RATE, OF(detect_error_row, seen.frr)},
    {"far", "suspects passed", TOOL_RATE, OF(detect_error_row, seen.far)},
    {0},
};

static const tool_column bar_columns[] = {
    {"from", "from", TOOL_REAL, OF(detect_bar, from)},
    {"to", "to", TOOL_REAL, OF(detect_bar, to)},
    {"calibration", "calibration", TOOL_COUNT, OF(detect_bar, counts[DETECT_CALIBRATION])},
    {"benign", "benign", TOOL_COUNT, OF(detect_bar, counts[DETECT_BENIGN])},
    {"suspect", "suspect", TOOL_COUNT, OF(detect_bar, counts[DETECT_SUSPECT])},
    {0},
};

static const tool_chart histogram_chart[] = {
    {"Scores", TOOL_CHART_HISTOGRAM, "from", {"benign", "suspect", "calibration"}}, {0}};

static const tool_column name_columns[] = {
    {"name", NULL, TOOL_TEXT, OF(detect_column, name)},
    {0},
};

/* A table at a path (see tool_run_rows) is only in the record. */
static td_status add_table(detect_job *job, tool_table_kind kind, const char *path,
                           const void *rows, size_t count, td_error *error) {
    tool_table_kind *own;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &own, "a table", error));
    *own = kind;
    if (path)
        own->title = NULL;
    return tool_run_rows(job->run, own, path, rows, count, error);
}

static td_status add_bars(detect_job *job, const detect_verdict *v, const char *path,
                          td_error *error) {
    tool_axes *axes;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &axes, "a chart", error));
    *axes = (tool_axes){.x_title = job->detector->score_name,
                        .y_title = "share of the images (%)",
                        .x_mark = "/threshold",
                        .mark = "threshold"};
    const tool_table_kind kind = {.name = "histogram",
                                  .title = "Scores",
                                  .drawn = true,
                                  .columns = bar_columns,
                                  .row = sizeof *v->bars,
                                  .charts = histogram_chart,
                                  .axes = axes};
    return add_table(job, kind, path, v->bars, DETECT_BARS, error);
}

static td_status add_verdict(detect_job *job, const detect_verdict *v, const char *path,
                             td_error *error) {
    const tool_table_kind verdict = {.title = "",
                                     .columns = verdict_columns,
                                     .row = sizeof *v,
                                     .single = true},
                          sets = {.name = "files",
                                  .title = "Sets judged",
                                  .columns = set_columns,
                                  .row = sizeof *v->rows},
                          errors = {.name = "rates",
                                    .title = "Errors by the expected rate",
                                    .columns = error_columns,
                                    .row = sizeof *v->errors};
    TD_TRY(add_table(job, verdict, path, v, 1, error));
    TD_TRY(add_table(job, sets, path, v->rows, job->set_count - 1, error));
    TD_TRY(add_table(job, errors, path, v->errors, DETECT_RATES, error));
    return add_bars(job, v, path, error);
}

static td_status add_single(detect_job *job, size_t column, td_error *error) {
    td_arena arena = {0};
    detect_verdict verdict;
    char path[32];
    snprintf(path, sizeof path, "/detectors/%zu", column);
    td_status status = detect_judge(job, column, &arena, &verdict, error);
    if (status == TD_OK)
        status = add_verdict(job, &verdict, path, error);
    td_arena_free(&arena);
    return status;
}

/* The evaluation of each score alone, if there are several. */
static td_status add_singles(detect_job *job, td_error *error) {
    static const tool_table_kind kind = {
        .name = "detectors", .columns = name_columns, .row = sizeof(detect_column)};
    const size_t count = job->column_count - 1;
    if (count == 0)
        return TD_OK;
    TD_TRY(tool_run_rows(job->run, &kind, NULL, job->columns, count, error));
    for (size_t i = 0; i < count; i++)
        TD_TRY(add_single(job, i, error));
    return TD_OK;
}

static void add_calibration(detect_job *job) {
    json_t *calibration =
        tool_run_set(job->run, "calibration", "{ss sz sz}", "data", job->clean.name, "images",
                     job->sets[0].count, "left_out", job->left_out);
    if (job->detector->describe)
        job->detector->describe(job, calibration);
}

/* If many clean images share the highest score, a threshold that few of them may exceed flags
 * little or nothing. */
static void warn_of_ties(const detect_job *job) {
    const detect_set *own = &job->sets[0];
    const double *scores = own->scores + (job->column_count - 1) * own->count;
    double most = -INFINITY;
    size_t ties = 0;
    for (size_t i = 0; i < own->count; i++)
        most = fmax(most, scores[i]);
    for (size_t i = 0; i < own->count; i++)
        ties += scores[i] == most;
    if (ties > 1 && (double)ties > job->fpr * (double)own->count + 1e-9)
        tool_run_note(job->run,
                      "warning: %zu of the %zu clean images that calibrate have the same most "
                      "suspicious score, %g, so that only what is above it is flagged; the AUROC "
                      "does not depend on the threshold",
                      ties, own->count, job->detector->sign * most);
}

td_status detect_report(detect_job *job, detect_verdict *v, td_error *error) {
    tool_run *run = job->run;
    tool_run_set(run, "score", "s", job->detector->score_name);
    tool_run_set(run, "expected_rate", "f", job->fpr);
    TD_TRY(add_singles(job, error));
    TD_TRY(detect_judge(job, job->column_count - 1, &run->arena, v, error));
    add_calibration(job);
    warn_of_ties(job);
    for (size_t i = 1; i < job->set_count; i++)
        run->flagged |= v->rows[i - 1].above > 0;
    tool_run_set(run, "suspects_flagged", "b", run->flagged);
    TD_TRY(tool_run_summary(run, error,
                            "%s: %s: threshold %.5g, %s, from %zu clean images, of which %g %% "
                            "are expected to be flagged",
                            detect_subject(job), v->name, v->threshold, job->detector->score_name,
                            job->sets[0].count, 100 * job->fpr));
    return add_verdict(job, v, NULL, error);
}
