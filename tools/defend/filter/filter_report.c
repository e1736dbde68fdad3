/* SPDX-License-Identifier: MIT */
/* The findings as tables. */
#include "defend/filter/filter.h"

#include "frame/truth.h"
#include <string.h>

#define AT(field) offsetof(filter_class, field)

/* Followed by columns for the filter's figures. */
static const tool_column class_columns[] = {
    {"class", "class", TOOL_COUNT, AT(number)},
    {"name", "name", TOOL_TEXT, AT(name)},
    {"images", "images", TOOL_COUNT, AT(count)},
    {"suspects", "suspects", TOOL_COUNT, AT(suspects)},
    {"flagged", "", TOOL_FLAG, AT(flagged), .flag = "FLAGGED"},
    {"poisoned", "poisoned", TOOL_COUNT, AT(poisoned)},
    {"poisoned_suspects", "found", TOOL_COUNT, AT(hits)},
    {"auroc", "AUROC", TOOL_ESTIMATE, AT(auroc)},
};

enum { CLASS_COLUMNS = sizeof class_columns / sizeof *class_columns };

static const tool_chart class_charts[] = {
    {"Suspects by class", TOOL_CHART_BARS, "class", {"suspects"}}, {0}};

static td_status add_classes(const filter_job *job, td_error *error) {
    td_arena *arena = &job->run->arena;
    tool_table_kind *kind;
    tool_column *columns;
    TD_TRY(TD_ARENA_NEW(arena, 1, &kind, "a table", error));
    TD_TRY(TD_ARENA_NEW(arena, CLASS_COLUMNS + FILTER_FIGURES + 1, &columns, "a table", error));
    memcpy(columns, class_columns, sizeof class_columns);
    memcpy(columns + CLASS_COLUMNS, job->filter->figures, sizeof job->filter->figures);
    for (size_t i = 0; i < FILTER_FIGURES; i++)
        columns[CLASS_COLUMNS + i].offset = AT(figures) + i * sizeof(double);
    *kind = (tool_table_kind){.name = "classes",
                              .title = "Classes",
                              .columns = columns,
                              .row = sizeof(filter_class),
                              .charts = class_charts};
    return tool_run_rows(job->run, kind, NULL, job->classes, job->data.images.classes, error);
}

#undef AT
#define AT(field) offsetof(fields, field)

typedef struct fields {
    const char *data, *layer, *reduction;
    size_t features, images, suspect_count;
    tool_list suspects; /* numbers within the whole split */
    tool_list flagged;  /* classes */
    tool_list left_out; /* classes */
} fields;

static const tool_column field_columns[] = {
    {"data", NULL, TOOL_TEXT, AT(data)},
    {"layer", NULL, TOOL_TEXT, AT(layer)},
    {"reduction", NULL, TOOL_TEXT, AT(reduction)},
    {"features", NULL, TOOL_COUNT, AT(features)},
    {"images", NULL, TOOL_COUNT, AT(images)},
    {"suspect_count", NULL, TOOL_COUNT, AT(suspect_count)},
    {"suspects", NULL, TOOL_LIST, AT(suspects)},
    {"flagged", NULL, TOOL_LIST, AT(flagged)},
    {"left_out", NULL, TOOL_LIST, AT(left_out)},
    {0},
};

static const tool_table_kind field_kind = {
    .columns = field_columns, .row = sizeof(fields), .single = true};

td_status filter_report(const filter_job *job, td_error *error) {
    const size_t images = job->data.images.count, classes = job->data.images.classes;
    td_arena *arena = &job->run->arena;
    double *suspects, *flagged, *left_out;
    size_t suspect_count = 0, flagged_count = 0, left_out_count = 0;
    TD_TRY(TD_ARENA_NEW(arena, images, &suspects, "suspects", error));
    TD_TRY(TD_ARENA_NEW(arena, classes, &flagged, "classes", error));
    TD_TRY(TD_ARENA_NEW(arena, classes, &left_out, "classes", error));
    for (size_t i = 0; i < images; i++)
        if (job->suspect[i])
            suspects[suspect_count++] = (double)(job->data.first + i);
    for (size_t c = 0; c < classes; c++) {
        if (job->classes[c].flagged > 0)
            flagged[flagged_count++] = (double)c;
        if (job->classes[c].left_out)
            left_out[left_out_count++] = (double)c;
    }
    const fields row = {job->data.name,
                        job->layer,
                        job->filter->reduction ? job->filter->reduction : "pca",
                        job->features,
                        images,
                        suspect_count,
                        {suspects, suspect_count},
                        {job->filter->ranks ? NULL : flagged, flagged_count},
                        {left_out, left_out_count}};
    TD_TRY(tool_run_rows(job->run, &field_kind, NULL, &row, 1, error));
    TD_TRY(add_classes(job, error));
    if (job->poisoned)
        TD_TRY(tool_add_truth(job->run, job->suspect, job->poisoned, images, error));
    return tool_run_summary(job->run, error,
                            "%s: %zu of %zu images of %s are suspects, by %zu values at %s",
                            job->settings->model.path, suspect_count, images, job->data.name,
                            job->features, job->layer);
}
