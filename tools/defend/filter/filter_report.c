/* What was found, as tables. */
#include "defend/filter/filter.h"

#include <string.h>

enum { CLASS, NAME, IMAGES, SUSPECTS, FLAGGED, POISONED, HITS, AUROC, FIGURES };

/* Behind them those of the filter's figures. */
static const tool_column class_columns[FIGURES + FILTER_FIGURES + 1] = {
    [CLASS] = {"class", "class", TOOL_COUNT},
    [NAME] = {"name", "name", TOOL_TEXT},
    [IMAGES] = {"images", "images", TOOL_COUNT},
    [SUSPECTS] = {"suspects", "suspects", TOOL_COUNT},
    [FLAGGED] = {"flagged", "", TOOL_FLAG, .flag = "FLAGGED"},
    [POISONED] = {"poisoned", "poisoned", TOOL_COUNT},
    [HITS] = {"poisoned_suspects", "found", TOOL_COUNT},
    [AUROC] = {"auroc", "AUROC", TOOL_ESTIMATE},
};

static const tool_chart class_charts[] = {
    {"Suspects by class", TOOL_CHART_BARS, "class", {"suspects"}}, {0}};

enum { TRUTH_POISONED, PRECISION, RECALL, FALSE_POSITIVES };

static const tool_column truth_columns[] = {
    [TRUTH_POISONED] = {"poisoned", "poisoned", TOOL_COUNT},
    [PRECISION] = {"precision", "precision", TOOL_RATE},
    [RECALL] = {"recall", "recall", TOOL_RATE},
    [FALSE_POSITIVES] = {"false_positive_rate", "false positives", TOOL_RATE},
    {0},
};

static const tool_table_kind truth_table = {
    .name = "truth", .title = "Against the manifest", .columns = truth_columns, .single = true};

static td_status open_classes(filter_job *job, tool_table **table, td_error *error) {
    td_arena *arena = &job->run->arena;
    tool_table_kind *kind;
    tool_column *columns;
    TD_TRY(TD_ARENA_NEW(arena, 1, &kind, "a table", error));
    TD_TRY(TD_ARENA_NEW(arena, FIGURES + FILTER_FIGURES + 1, &columns, "a table", error));
    memcpy(columns, class_columns, sizeof class_columns);
    memcpy(columns + FIGURES, job->filter->figures, sizeof job->filter->figures);
    *kind = (tool_table_kind){
        .name = "classes", .title = "Classes", .columns = columns, .charts = class_charts};
    return tool_run_table(job->run, kind, table, error);
}

static td_status add_classes(filter_job *job, td_error *error) {
    tool_table *table;
    tool_cell *row;
    TD_TRY(open_classes(job, &table, error));
    for (size_t c = 0; c < job->data.images.classes; c++) {
        const filter_class *of = &job->classes[c];
        TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_count(&row[CLASS], c);
        if (job->data.class_names)
            TD_TRY(tool_run_cell(job->run, &row[NAME], job->data.class_names[c], error));
        tool_cell_count(&row[IMAGES], of->count);
        tool_cell_count(&row[SUSPECTS], of->suspects);
        if (!job->filter->ranks)
            tool_cell_flag(&row[FLAGGED], of->flagged);
        for (size_t i = 0; i < FILTER_FIGURES && job->filter->figures[i].name && of->count; i++)
            tool_cell_real(&row[FIGURES + i], of->figures[i]);
        if (!job->poisoned)
            continue;
        tool_cell_count(&row[POISONED], of->poisoned);
        tool_cell_count(&row[HITS], of->hits);
        if (of->has_auroc)
            tool_cell_estimate(&row[AUROC], of->auroc.value, of->auroc.interval);
    }
    return TD_OK;
}

static td_status add_truth(filter_job *job, td_error *error) {
    size_t poisoned = 0, hits = 0;
    tool_table *table;
    tool_cell *row;
    for (size_t c = 0; c < job->data.images.classes; c++) {
        poisoned += job->classes[c].poisoned;
        hits += job->classes[c].hits;
    }
    TD_TRY(tool_run_table(job->run, &truth_table, &table, error));
    TD_TRY(tool_run_row(job->run, table, &row, error));
    tool_cell_count(&row[TRUTH_POISONED], poisoned);
    tool_cell_rate(&row[PRECISION], td_rate_of(hits, job->suspects));
    tool_cell_rate(&row[RECALL], td_rate_of(hits, poisoned));
    tool_cell_rate(&row[FALSE_POSITIVES],
                   td_rate_of(job->suspects - hits, job->data.images.count - poisoned));
    return TD_OK;
}

/* Lists of numbers: the classes that are flagged, and the suspects within the whole split. */
static td_status add_lists(filter_job *job, td_error *error) {
    json_t *flagged = json_array(), *suspects = json_array();
    for (size_t c = 0; c < job->data.images.classes; c++)
        if (job->classes[c].flagged)
            json_array_append_new(flagged, json_integer((json_int_t)c));
    for (size_t i = 0; i < job->data.images.count; i++)
        if (job->suspect[i])
            json_array_append_new(suspects, json_integer((json_int_t)(job->data.first + i)));
    td_status status = tool_run_set(job->run, "suspects", suspects, error);
    if (job->filter->ranks)
        json_decref(flagged);
    else if (status == TD_OK)
        status = tool_run_set(job->run, "flagged", flagged, error);
    return status;
}

td_status filter_report(filter_job *job, td_error *error) {
    const size_t images = job->data.images.count;
    json_t *fields = json_pack("{so so ss sI sI sI}", "data", tool_json_text(job->data.name),
                               "layer", tool_json_text(job->layer), "reduction", "pca", "features",
                               (json_int_t)job->features, "images", (json_int_t)images,
                               "suspect_count", (json_int_t)job->suspects);
    if (!fields || json_object_update_new(job->run->record.root, fields) != 0)
        return td_fail_memory(error, "the record");
    TD_TRY(add_lists(job, error));
    TD_TRY(add_classes(job, error));
    if (job->poisoned)
        TD_TRY(add_truth(job, error));
    return tool_run_summary(job->run, error,
                            "%s: %zu of %zu images of %s are suspects, by %zu values at %s",
                            job->settings->model.path, job->suspects, images, job->data.name,
                            job->features, job->layer);
}
