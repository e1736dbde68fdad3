/* SPDX-License-Identifier: MIT */
/* The findings as tables, and the weaknesses of the verdict. */
#include "defend/inspect/inspect.h"
#include <string.h>

/* --- the tables --- */

#define AT(field) offsetof(finding, field)

enum { VALUE = 5, EXTRA = 9 };

/* The statistic's name and unit, and the inspector's own columns, are filled in later. */
static const tool_column columns[EXTRA] = {
    {"class", "class", TOOL_CLASS, AT(class)},
    {"source", "from class", TOOL_CLASS, AT(source)},
    {"map", "classes become", TOOL_TEXT, AT(map)},
    {"found", NULL, TOOL_FLAG, AT(found)},
    {"asr", "ASR", TOOL_RATE, AT(asr)},
    [VALUE] = {NULL, NULL, TOOL_REAL, AT(value), .digits = 2, .null = true},
    {"index", "index", TOOL_REAL, AT(index), .digits = 2, .null = true},
    {"p", "p", TOOL_REAL, AT(p)},
    {"flagged", "", TOOL_FLAG, AT(flagged), .flag = "FLAGGED"},
};

static const tool_chart index_chart[] = {
    {"Anomaly index of each class", TOOL_CHART_BARS, "class", {"index"}}, {0}};
static const tool_axes index_axes = {.y_mark = "/cutoff", .mark = "flagged above"};

static const tool_column spread_columns[] = {
    {"median", "median", TOOL_REAL, offsetof(findings, median), .digits = 2, .null = true},
    {"mad", "MAD", TOOL_REAL, offsetof(findings, mad), .digits = 2, .null = true},
    {"cutoff", NULL, TOOL_REAL, offsetof(findings, cutoff)},
    {0},
};

static const tool_table_kind spread_table = {
    .title = "", .columns = spread_columns, .row = sizeof(findings), .single = true};

typedef struct class_lists {
    tool_list flagged, unsearched;
} class_lists;

static const tool_column list_columns[] = {
    {"flagged", NULL, TOOL_LIST, offsetof(class_lists, flagged)},
    {"unsearched", NULL, TOOL_LIST, offsetof(class_lists, unsearched)},
    {0},
};

static const tool_table_kind list_table = {
    .columns = list_columns, .row = sizeof(class_lists), .single = true};

static td_status make_kind(inspection *in, tool_table_kind *kind, td_error *error) {
    const finding_statistic *statistic = &in->found.statistic;
    const bool of_classes = in->found.about == FINDING_CLASS;
    const tool_column *extra = in->inspector->extra;
    tool_column *own;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, EXTRA + FINDING_OWN + 1, &own, "a table", error));
    memcpy(own, columns, sizeof columns);
    own[VALUE].name = own[VALUE].title = statistic->name;
    own[VALUE].unit = statistic->unit;
    for (size_t i = 0; extra && i < FINDING_OWN && extra[i].name; i++)
        own[EXTRA + i] = extra[i];
    *kind = (tool_table_kind){.name = findings_field(in->found.about),
                              .title = of_classes ? "Classes" : "Findings",
                              .columns = own,
                              .row = sizeof(finding)};
    if (of_classes && in->inspector->spread != FINDINGS_OWN) {
        kind->charts = index_chart;
        kind->axes = &index_axes;
    }
    return TD_OK;
}

/* A finding as a table row. */
static finding row_of(const inspection *in, const finding *one) {
    finding row = *one;
    if (!inspect_is_by_class(in))
        row.class = TOOL_NO_COUNT;
    if (!row.found)
        row.value = NAN;
    if (!isnan(in->found.median)) /* on the side given by the value */
        row.index = fabs(row.index);
    return row;
}

static td_status add_findings(inspection *in, td_error *error) {
    tool_table_kind *kind;
    tool_table *table;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, 1, &kind, "a table", error));
    TD_TRY(make_kind(in, kind, error));
    TD_TRY(tool_run_open(in->run, kind, NULL, &table, error));
    for (size_t i = 0; i < in->found.count; i++) {
        const finding row = row_of(in, &in->found.list[i]);
        TD_TRY(tool_run_fill(in->run, table, &row, error));
    }
    return in->inspector->spread == FINDINGS_OWN
               ? TD_OK
               : tool_run_rows(in->run, &spread_table, NULL, &in->found, 1, error);
}

/* --- notes --- */

static td_status add_fields(inspection *in, td_error *error) {
    class_lists lists = {0};
    size_t count = 0;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, in->found.flagged, &in->flagged, "classes", error));
    for (size_t i = 0; i < in->found.count; i++)
        if (in->found.list[i].flagged)
            in->flagged[count++] = in->found.list[i].class;
    if (inspect_is_by_class(in))
        TD_TRY(inspect_numbers(in, in->flagged, count, &lists.flagged, error));
    if (in->unsearched)
        TD_TRY(inspect_numbers(in, in->unsearched, in->found.unsearched, &lists.unsearched, error));
    TD_TRY(tool_run_rows(in->run, &list_table, NULL, &lists, 1, error));
    tool_run_set(in->run, "statistic", "o",
                 findings_statistic_json(&in->run->record.json, &in->found));
    return TD_OK;
}

/* If nothing is flagged: the most suspicious finding. */
static td_status summarize_rank(inspection *in, td_error *error) {
    const findings *f = &in->found;
    const finding *first = findings_first(f);
    const char *subject, *index = "";
    if (!first)
        return tool_run_summary(in->run, error, "%s: nothing was searched",
                                in->settings->model.path);
    TD_TRY(findings_subject(f, first, &in->run->arena, &subject, error));
    if (!isnan(first->index))
        TD_TRY(tool_run_text(in->run, &index, error, ", index %.2f", first->index));
    return tool_run_summary(in->run, error,
                            "%s: %s: the %s is that of %s, %s %.3g%s (how usual that is, "
                            "trapdoor-defend screen --controls shows)",
                            in->settings->model.path, in->said,
                            f->statistic.large ? "largest" : "smallest", subject, f->statistic.name,
                            first->value, index);
}

static td_status summarize(inspection *in, td_error *error) {
    static const char *const words[] = {[FINDING_CLASS] = "classes",
                                        [FINDING_PAIR] = "pairs of classes",
                                        [FINDING_MAP] = "maps of classes",
                                        [FINDING_MODEL] = "findings"};
    const findings *f = &in->found;
    const char *rule = "";
    if (in->inspector->spread == FINDINGS_RANKED)
        return summarize_rank(in, error);
    if (in->inspector->spread != FINDINGS_OWN)
        TD_TRY(tool_run_text(in->run, &rule, error, ": index above %g, on the %s side", f->cutoff,
                             f->statistic.large ? "large" : "small"));
    return tool_run_summary(in->run, error, "%s: %s%s%zu of %zu %s flagged%s",
                            in->settings->model.path, in->said ? in->said : "",
                            in->said ? "; " : "", f->flagged, f->count, words[f->about], rule);
}

/* Findings without a value, too few values, a MAD of 0. */
static void note(const inspection *in) {
    const findings *f = &in->found;
    const bool triggers = f->rated;
    const char *what = triggers ? "trigger that reaches the ASR" : f->statistic.name;
    const size_t lacking = f->count - f->valued;
    size_t first = 0;
    while (first < f->count && f->list[first].found)
        first++;
    if (lacking == 1)
        tool_run_note(in->run, "note: class %zu has no %s and takes no part in the verdict",
                      f->list[first].class, what);
    if (lacking > 1)
        tool_run_note(
            in->run,
            "note: %zu of %zu classes, the first of them %zu, have no %s and take no part "
            "in the verdict",
            lacking, f->count, f->list[first].class, what);
    if (in->inspector->spread == FINDINGS_OWN || in->inspector->spread == FINDINGS_RANKED)
        return;
    if (!f->judged)
        tool_run_note(in->run,
                      "warning: expected %s of at least %d classes for a verdict, found %zu: "
                      "nothing is flagged",
                      triggers ? "triggers" : "values", (int)FINDINGS_LEAST, f->valued);
    else if (!(f->mad > 0))
        tool_run_note(in->run,
                      "warning: the MAD is 0, since at least half of the values are equal: "
                      "whatever is %s has an infinite index",
                      f->statistic.large ? "larger" : "smaller");
}

td_status inspect_report(inspection *in, td_error *error) {
    TD_TRY(findings_judge(&in->found, in->inspector->spread, error));
    in->run->flagged = in->found.flagged > 0;
    TD_TRY(add_findings(in, error));
    TD_TRY(add_fields(in, error));
    TD_TRY(summarize(in, error));
    note(in);
    return TD_OK;
}
