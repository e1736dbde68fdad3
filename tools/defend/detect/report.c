/* What the scores say, as tables. */
#include "defend/detect/detect.h"

enum { KIND, DATA, TRIGGER, IMAGES, FLAGGED, ABOVE, MEAN };

static const tool_column set_columns[] = {
    [KIND] = {"kind", "set", TOOL_TEXT},
    [DATA] = {"data", "data", TOOL_TEXT},
    [TRIGGER] = {"trigger", "trigger", TOOL_TEXT},
    [IMAGES] = {"count", "images", TOOL_COUNT},
    [FLAGGED] = {"flagged", "flagged", TOOL_RATE},
    [ABOVE] = {"above_expected", "", TOOL_FLAG, .flag = "ABOVE EXPECTED"},
    [MEAN] = {"mean_score", "mean score", TOOL_REAL},
    {0},
};

enum { EXPECTED, THRESHOLD, FRR, FAR };

static const tool_column rate_columns[] = {
    [EXPECTED] = {"expected", "expected", TOOL_REAL},
    [THRESHOLD] = {"threshold", "threshold", TOOL_REAL},
    [FRR] = {"frr", "benign flagged", TOOL_RATE},
    [FAR] = {"far", "suspects passed", TOOL_RATE},
    {0},
};

enum { FROM, TO, BARS };

static const tool_column bar_columns[] = {
    [FROM] = {"from", "from", TOOL_REAL},
    [TO] = {"to", "to", TOOL_REAL},
    [BARS] = {"calibration", "calibration", TOOL_COUNT},
    {"benign", "benign", TOOL_COUNT},
    {"suspect", "suspect", TOOL_COUNT},
    {0},
};

static const tool_chart histogram_chart[] = {
    {"Scores", TOOL_CHART_HISTOGRAM, "from", {"benign", "suspect", "calibration"}}, {0}};

enum { FINAL_THRESHOLD, AUROC };

static const tool_column final_columns[] = {
    [FINAL_THRESHOLD] = {"threshold", "threshold", TOOL_REAL},
    [AUROC] = {"auroc", "AUROC", TOOL_ESTIMATE},
    {0},
};

static const tool_table_kind final_table = {.title = "", .columns = final_columns, .single = true},
                             set_table = {.name = "files",
                                          .title = "Sets judged",
                                          .columns = set_columns},
                             rate_table = {.name = "rates",
                                           .title = "Errors by the expected rate",
                                           .columns = rate_columns},
                             bar_table = {.name = "histogram",
                                          .title = "Scores",
                                          .drawn = true,
                                          .columns = bar_columns,
                                          .charts = histogram_chart};

/* Where a verdict's tables go: the record, or an entry of its "detectors". */
typedef struct place {
    json_t *into;
    bool shown;
} place;

static td_status add_table(detect_job *job, const tool_table_kind *kind, const place *at,
                           tool_table **out, td_error *error) {
    tool_table_kind *hidden;
    if (!at->shown) {
        TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &hidden, "a table", error));
        *hidden = *kind;
        hidden->title = NULL;
        kind = hidden;
    }
    TD_TRY(tool_run_table(job->run, kind, out, error));
    (*out)->into = at->into;
    return TD_OK;
}

/* The mean of what is reported of a set. */
static double mean_score(const detect_job *job, const detect_verdict *v, size_t number) {
    const detect_set *set = &job->sets[number];
    const size_t count = set->data->images.count;
    const double *scores = set->scores + (size_t)(v->column - job->columns) * count;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += scores[i];
    return job->detector->sign * sum / (double)count;
}

static td_status add_sets(detect_job *job, const detect_verdict *v, const place *at,
                          td_error *error) {
    tool_table *table;
    tool_cell *row;
    TD_TRY(add_table(job, &set_table, at, &table, error));
    for (size_t i = 0; i < job->set_count; i++) {
        const detect_set *set = &job->sets[i];
        TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_word(&row[KIND], set->suspect ? "suspect" : "benign");
        TD_TRY(tool_run_cell(job->run, &row[DATA], set->data->name, error));
        if (set->trigger)
            TD_TRY(tool_run_cell(job->run, &row[TRIGGER], td_trigger_text(set->trigger), error));
        tool_cell_count(&row[IMAGES], set->data->images.count);
        tool_cell_rate(&row[FLAGGED], v->flagged[i]);
        if (set->suspect)
            tool_cell_flag(&row[ABOVE], v->above[i]);
        tool_cell_real(&row[MEAN], mean_score(job, v, i));
    }
    return TD_OK;
}

static td_status add_rates(detect_job *job, const detect_verdict *v, const place *at,
                           td_error *error) {
    tool_table *table;
    tool_cell *row;
    TD_TRY(add_table(job, &rate_table, at, &table, error));
    for (size_t i = 0; i < DETECT_RATES; i++) {
        TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_real(&row[EXPECTED], job->detector->rates[i]);
        tool_cell_real(&row[THRESHOLD], v->at[i].threshold);
        if (v->benign.count > 0)
            tool_cell_rate(&row[FRR], v->errors[i].frr);
        if (v->suspects.count > 0)
            tool_cell_rate(&row[FAR], v->errors[i].far);
    }
    return TD_OK;
}

static td_status add_bars(detect_job *job, const detect_verdict *v, const place *at,
                          td_error *error) {
    const double step = (v->high - v->low) / DETECT_BARS;
    tool_table_kind *kind;
    tool_axes *axes;
    tool_table *table;
    tool_cell *row;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &kind, "a table", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &axes, "a chart", error));
    *axes = (tool_axes){.x_title = job->detector->score_name,
                        .y_title = "share of the images (%)",
                        .x_mark = "/threshold",
                        .mark = "threshold"};
    *kind = bar_table;
    kind->axes = axes;
    TD_TRY(add_table(job, kind, at, &table, error));
    for (size_t i = 0; i < DETECT_BARS; i++) {
        TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_real(&row[FROM], v->low + (double)i * step);
        tool_cell_real(&row[TO], v->low + (double)(i + 1) * step);
        for (size_t k = 0; k < 3; k++)
            tool_cell_count(&row[BARS + k], v->bars[k][i]);
    }
    return TD_OK;
}

static td_status add_verdict(detect_job *job, const detect_verdict *v, const place *at,
                             td_error *error) {
    tool_table *table;
    tool_cell *row;
    TD_TRY(add_table(job, &final_table, at, &table, error));
    TD_TRY(tool_run_row(job->run, table, &row, error));
    tool_cell_real(&row[FINAL_THRESHOLD], v->column->threshold);
    if (v->has_auroc)
        tool_cell_estimate(&row[AUROC], v->auroc.value, v->auroc.interval);
    TD_TRY(add_sets(job, v, at, error));
    TD_TRY(add_rates(job, v, at, error));
    return add_bars(job, v, at, error);
}

/* What each score says by itself, where there are several: `detectors` in the record. */
static td_status add_singles(detect_job *job, td_error *error) {
    json_t *list = json_array();
    TD_TRY(tool_run_set(job->run, "detectors", list, error));
    for (size_t i = 0; i + 1 < job->column_count; i++) {
        const place at = {json_pack("{ss}", "name", job->columns[i].name), false};
        td_arena arena = {0};
        detect_verdict verdict;
        if (json_array_append_new(list, at.into) != 0)
            return td_fail_memory(error, "the record");
        td_status status = detect_judge(job, i, &arena, &verdict, error);
        if (status == TD_OK)
            status = add_verdict(job, &verdict, &at, error);
        td_arena_free(&arena);
        TD_TRY(status);
    }
    return TD_OK;
}

static td_status add_calibration(detect_job *job, td_error *error) {
    json_t *calibration =
        json_pack("{so sI sI}", "data", tool_json_text(job->clean.name), "images",
                  (json_int_t)job->calibration_count, "left_out", (json_int_t)job->left_out);
    TD_TRY(tool_run_set(job->run, "calibration", calibration, error));
    return job->detector->describe ? job->detector->describe(job, calibration, error) : TD_OK;
}

td_status detect_report(detect_job *job, detect_verdict *v, td_error *error) {
    tool_run *run = job->run;
    const place at = {NULL, true};
    TD_TRY(tool_run_set(run, "score", json_string(job->detector->score_name), error));
    TD_TRY(tool_run_set(run, "expected_rate", json_real(job->fpr), error));
    if (job->column_count > 1)
        TD_TRY(add_singles(job, error));
    TD_TRY(detect_judge(job, job->column_count - 1, &run->arena, v, error));
    TD_TRY(add_calibration(job, error));
    for (size_t i = 0; i < job->set_count; i++)
        run->flagged |= v->above[i];
    TD_TRY(tool_run_set(run, "suspects_flagged", json_boolean(run->flagged), error));
    TD_TRY(tool_run_summary(run, error,
                            "%s: %s: threshold %.5g, %s, from %zu clean images, of which %g %% "
                            "are expected to be flagged",
                            job->settings->model.path, v->column->name, v->column->threshold,
                            job->detector->score_name, job->calibration_count, 100 * job->fpr));
    return add_verdict(job, v, &at, error);
}
