/* What was found, as tables, and what makes the verdict weak. */
#include "defend/inspect/inspect.h"
#include "measure/mad.h"

enum { CLASS, SOURCE, MAP, FOUND, ASR, VALUE, INDEX, P, FLAGGED, EXTRA };

/* The statistic's name and unit, and the inspector's own columns, are filled in. */
static const tool_column columns[EXTRA] = {
    [CLASS] = {"class", "class", TOOL_COUNT},
    [SOURCE] = {"source", "from class", TOOL_COUNT},
    [MAP] = {"map", "classes become", TOOL_TEXT},
    [FOUND] = {"found", NULL, TOOL_FLAG},
    [ASR] = {"asr", "ASR", TOOL_RATE},
    [VALUE] = {.kind = TOOL_REAL, .digits = 2, .null = true},
    [INDEX] = {"index", "index", TOOL_REAL, .digits = 2, .null = true},
    [P] = {"p", "p", TOOL_REAL},
    [FLAGGED] = {"flagged", "", TOOL_FLAG, .flag = "FLAGGED"},
};

static const tool_chart index_chart[] = {
    {"Anomaly index of each class", TOOL_CHART_BARS, "class", {"index"}}, {0}};

static size_t count_extra(const inspector *of) {
    size_t count = 0;
    while (of->extra && of->extra[count].name)
        count++;
    return count;
}

/* --- the table --- */

static td_status make_kind(inspection *in, const tool_table_kind **out, td_error *error) {
    const finding_statistic *statistic = &in->found.statistic;
    const size_t extra = count_extra(in->inspector);
    td_arena *arena = &in->run->arena;
    tool_column *own;
    tool_table_kind *kind;
    TD_TRY(TD_ARENA_NEW(arena, EXTRA + extra + 1, &own, "a table", error));
    TD_TRY(TD_ARENA_NEW(arena, 1, &kind, "a table", error));
    for (size_t i = 0; i < EXTRA + extra; i++)
        own[i] = i < EXTRA ? columns[i] : in->inspector->extra[i - EXTRA];
    own[VALUE].name = own[VALUE].title = statistic->name;
    own[VALUE].unit = statistic->unit;
    *kind = (tool_table_kind){
        .name = findings_field(in->found.about),
        .title = in->found.about == FINDING_CLASS ? "Classes" : "Findings",
        .columns = own,
        .charts = in->found.about == FINDING_CLASS && in->inspector->spread != FINDINGS_OWN
                      ? index_chart
                      : NULL,
    };
    *out = kind;
    return TD_OK;
}

static td_status fill_row(inspection *in, const finding *one, tool_cell *row, td_error *error) {
    const finding_about about = in->found.about;
    if (about == FINDING_CLASS || about == FINDING_PAIR)
        tool_cell_count(&row[CLASS], one->class);
    if (about == FINDING_PAIR)
        tool_cell_count(&row[SOURCE], one->source);
    if (about == FINDING_MAP)
        TD_TRY(tool_run_cell(in->run, &row[MAP], one->map, error));
    tool_cell_flag(&row[FOUND], one->found);
    if (in->found.rated)
        tool_cell_rate(&row[ASR], one->asr);
    if (one->found)
        tool_cell_real(&row[VALUE], one->value);
    if (!isnan(one->index)) /* whose side the value says */
        tool_cell_real(&row[INDEX], isnan(in->found.median) ? one->index : fabs(one->index));
    if (!isnan(one->p))
        tool_cell_real(&row[P], one->p);
    tool_cell_flag(&row[FLAGGED], one->flagged);
    for (size_t i = count_extra(in->inspector); one->extra && i-- > 0;)
        row[EXTRA + i] = one->extra[i];
    return TD_OK;
}

static td_status add_findings(inspection *in, td_error *error) {
    const tool_table_kind *kind;
    tool_table *table;
    tool_cell *row;
    TD_TRY(make_kind(in, &kind, error));
    TD_TRY(tool_run_table(in->run, kind, &table, error));
    for (size_t i = 0; i < in->found.count; i++) {
        TD_TRY(tool_run_row(in->run, table, &row, error));
        TD_TRY(fill_row(in, &in->found.list[i], row, error));
    }
    return TD_OK;
}

/* Of values that are judged by them. */
static td_status add_spread(inspection *in, td_error *error) {
    static const tool_column spread[] = {
        {"median", "median", TOOL_REAL, .digits = 2, .null = true},
        {"mad", "MAD", TOOL_REAL, .digits = 2, .null = true},
        {0},
    };
    static const tool_table_kind kind = {.title = "", .columns = spread, .single = true};
    tool_table *table;
    tool_cell *row;
    if (in->inspector->spread == FINDINGS_OWN)
        return TD_OK;
    TD_TRY(tool_run_table(in->run, &kind, &table, error));
    TD_TRY(tool_run_row(in->run, table, &row, error));
    if (in->found.valued > 0) {
        tool_cell_real(&row[0], in->found.median);
        tool_cell_real(&row[1], in->found.mad);
    }
    return TD_OK;
}

/* --- beside it --- */

static td_status add_fields(inspection *in, td_error *error) {
    json_t *flagged = json_array();
    for (size_t i = 0; i < in->found.count; i++)
        if (in->found.list[i].flagged)
            json_array_append_new(flagged, json_integer((json_int_t)in->found.list[i].class));
    if (in->found.about == FINDING_CLASS || in->found.about == FINDING_PAIR)
        TD_TRY(tool_run_set(in->run, "flagged", json_incref(flagged), error));
    json_decref(flagged);
    return tool_run_set(in->run, "statistic", findings_statistic_json(&in->found), error);
}

static td_status summarize(inspection *in, td_error *error) {
    static const char *const words[] = {[FINDING_CLASS] = "classes",
                                        [FINDING_PAIR] = "pairs of classes",
                                        [FINDING_MAP] = "maps of classes",
                                        [FINDING_MODEL] = "findings"};
    const findings *f = &in->found;
    const char *rule = "";
    if (in->inspector->spread != FINDINGS_OWN)
        TD_TRY(tool_run_text(in->run, &rule, error, ": index above %g, on the %s side",
                             TD_ANOMALY_CUTOFF, f->statistic.large ? "large" : "small"));
    return tool_run_summary(in->run, error, "%s: %s%s%zu of %zu %s flagged%s",
                            in->settings->model.path, in->said ? in->said : "",
                            in->said ? "; " : "", f->flagged, f->count, words[f->about], rule);
}

/* Findings without a value, too few values, a MAD of 0. */
static void note(const inspection *in) {
    const findings *f = &in->found;
    const bool triggers = f->rated;
    size_t first = 0;
    while (first < f->count && f->list[first].found)
        first++;
    if (first < f->count)
        tool_run_note(
            in->run,
            "note: %zu of %zu classes, the first of them %zu, have no %s and take no part "
            "in the verdict",
            f->count - f->valued, f->count, f->list[first].class,
            triggers ? "trigger of the asked ASR" : f->statistic.name);
    if (in->inspector->spread == FINDINGS_OWN)
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
    TD_TRY(add_spread(in, error));
    TD_TRY(add_fields(in, error));
    TD_TRY(summarize(in, error));
    note(in);
    return TD_OK;
}
