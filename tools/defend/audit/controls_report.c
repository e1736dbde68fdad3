/* What controls give: the error rates, a row a model, and how the index is spread. */
#include "defend/audit/controls.h"
#include "defend/audit/distribution.h"
#include "measure/mad.h"
#include <math.h>

/* --- what a model gives --- */

/* The finding on an infected class of the largest index; NULL if it is unknown or was not
 * searched. */
static const finding *infected_finding(const control *model) {
    const finding *best = NULL;
    for (size_t i = 0; i < model->infected_count; i++) {
        const finding *one = findings_find(control_found(model), model->infected[i]);
        if (one && !isnan(one->index) && (!best || one->index > best->index))
            best = one;
    }
    return best;
}

/* How many findings are flagged, on infected labels or on others. */
static size_t count_flagged(const control *model, bool infected) {
    const findings *found = control_found(model);
    size_t count = 0;
    for (size_t i = 0; i < found->count; i++)
        count +=
            found->list[i].flagged && control_is_infected(model, found->list[i].class) == infected;
    return count;
}

static bool infected_is_first(const control *model) {
    const finding *first = findings_first(control_found(model));
    return first && control_is_infected(model, first->class);
}

static const char *outcome_of(const control *model) {
    const findings *found = control_found(model);
    if (!found->judged)
        return "no verdict";
    if (!model->backdoored)
        return found->flagged > 0 ? "FALSE POSITIVE" : NULL;
    if (found->flagged == 0)
        return "MISSED";
    return model->infected_count > 0 && count_flagged(model, true) == 0 ? "ANOTHER CLASS" : "found";
}

/* --- the rates --- */

enum { DETECTED, FALSE_POSITIVES, INFECTED_FLAGGED, INFECTED_FIRST, WRONG_FLAGGED, RATES };
enum { FAILED_COUNT = RATES, WITHOUT_VERDICT };

static const tool_column rate_columns[] = {
    [DETECTED] = {"detected", "backdoored models that are flagged", TOOL_RATE},
    [FALSE_POSITIVES] = {"false_positives", "clean models that are flagged", TOOL_RATE},
    [INFECTED_FLAGGED] = {"infected_flagged", "... whose infected class is flagged", TOOL_RATE},
    [INFECTED_FIRST] = {"infected_first", "... whose infected class is the most suspicious",
                        TOOL_RATE},
    [WRONG_FLAGGED] = {"wrong_flagged", "... that have a wrong class flagged besides", TOOL_RATE},
    [FAILED_COUNT] = {"failed", "models that failed, and are not counted", TOOL_COUNT},
    [WITHOUT_VERDICT] = {"without_verdict",
                         "models with too few values for a verdict, counted as not flagged",
                         TOOL_COUNT},
    {0},
};

static bool is_trial(const control *model, size_t rate) {
    return rate == DETECTED          ? model->backdoored
           : rate == FALSE_POSITIVES ? !model->backdoored
                                     : model->infected_count > 0;
}

static bool is_hit(const control *model, size_t rate) {
    switch (rate) {
    case INFECTED_FLAGGED:
        return count_flagged(model, true) > 0;
    case INFECTED_FIRST:
        return infected_is_first(model);
    case WRONG_FLAGGED:
        return count_flagged(model, false) > 0;
    default:
        return control_found(model)->flagged > 0;
    }
}

static td_rate measure(const controls_job *job, size_t rate) {
    size_t hits = 0, trials = 0;
    for (size_t i = 0; i < job->count; i++) {
        const control *model = &job->models[i];
        if (!control_found(model) || !is_trial(model, rate))
            continue;
        trials++;
        hits += is_hit(model, rate);
    }
    return td_rate_of(hits, trials);
}

static td_status add_rates(controls_job *job, td_error *error) {
    static const tool_table_kind kind = {
        .title = "Error rates", .columns = rate_columns, .single = true};
    size_t failed = 0, unjudged = 0;
    tool_table *table;
    tool_cell *row;
    for (size_t i = 0; i < job->count; i++) {
        const findings *found = control_found(&job->models[i]);
        failed += !found;
        unjudged += found && !found->judged;
    }
    TD_TRY(tool_run_table(job->run, &kind, &table, error));
    TD_TRY(tool_run_row(job->run, table, &row, error));
    for (size_t i = 0; i < RATES; i++) {
        const td_rate rate = measure(job, i);
        if (rate.trials > 0)
            tool_cell_rate(&row[i], rate);
    }
    tool_cell_count(&row[FAILED_COUNT], failed);
    tool_cell_count(&row[WITHOUT_VERDICT], unjudged);
    return TD_OK;
}

/* --- the models --- */

enum {
    NAME,
    TRUTH,
    INFECTED,
    FLAGGED,
    LARGEST_INDEX,
    LARGEST_CLASS,
    FIRST_VALUE,
    FIRST_CLASS,
    OWN_INDEX,
    OUTCOME,
    FAILED,
    GIVEN,
    OWN_FLAGGED,
    OWN_FIRST,
    WRONG,
    RECORD,
    COLUMNS
};

static const tool_column model_columns[COLUMNS] = {
    [NAME] = {"name", "model", TOOL_TEXT},
    [TRUTH] = {"truth", "truth", TOOL_TEXT},
    [INFECTED] = {"infected", "infected", TOOL_LIST},
    [FLAGGED] = {"flagged", "flagged", TOOL_LIST},
    [LARGEST_INDEX] = {"largest_index", "largest index", TOOL_REAL, .digits = 2},
    [LARGEST_CLASS] = {"largest_class", "of class", TOOL_COUNT},
    [FIRST_VALUE] = {"first_value", NULL, TOOL_REAL},
    [FIRST_CLASS] = {"first_class", "of class", TOOL_COUNT},
    [OWN_INDEX] = {"infected_index", "index of infected", TOOL_REAL, .digits = 2},
    [OUTCOME] = {"outcome", "outcome", TOOL_TEXT},
    [FAILED] = {"failed", "failed", TOOL_TEXT},
    [GIVEN] = {"verdict_given", NULL, TOOL_FLAG},
    [OWN_FLAGGED] = {"infected_flagged", NULL, TOOL_FLAG},
    [OWN_FIRST] = {"infected_first", NULL, TOOL_FLAG},
    [WRONG] = {"wrong_flagged", NULL, TOOL_COUNT},
    [RECORD] = {"record", NULL, TOOL_TEXT},
};

/* With the name and unit of the inspector's statistic. */
static td_status make_kind(controls_job *job, const tool_table_kind **out, td_error *error) {
    const finding_statistic *statistic = NULL;
    tool_table_kind *kind;
    tool_column *columns;
    for (size_t i = 0; i < job->count && !statistic; i++)
        if (control_found(&job->models[i]))
            statistic = &control_found(&job->models[i])->statistic;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &kind, "a table", error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, COLUMNS + 1, &columns, "a table", error));
    for (size_t i = 0; i < COLUMNS; i++)
        columns[i] = model_columns[i];
    columns[FIRST_VALUE].unit = statistic->unit;
    *kind = (tool_table_kind){.name = "control_models", .title = "Models", .columns = columns};
    *out = kind;
    return tool_run_text(job->run, &columns[FIRST_VALUE].title, error, "%s %s",
                         statistic->large ? "largest" : "smallest", statistic->name);
}

static td_status fill_list(controls_job *job, const size_t *labels, size_t count, tool_cell *cell,
                           td_error *error) {
    double *values;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, count, &values, "labels", error));
    for (size_t i = 0; i < count; i++)
        values[i] = (double)labels[i];
    tool_cell_list(cell, values, count);
    return TD_OK;
}

static td_status fill_flagged(controls_job *job, const findings *found, tool_cell *cell,
                              td_error *error) {
    size_t *labels, count = 0;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, found->count, &labels, "labels", error));
    for (size_t i = 0; i < found->count; i++)
        if (found->list[i].flagged)
            labels[count++] = found->list[i].class;
    return fill_list(job, labels, count, cell, error);
}

static void fill_truth(const control *model, tool_cell *row) {
    const finding *own = infected_finding(model);
    if (own)
        tool_cell_real(&row[OWN_INDEX], own->index);
    tool_cell_flag(&row[OWN_FLAGGED], count_flagged(model, true) > 0);
    tool_cell_flag(&row[OWN_FIRST], infected_is_first(model));
    tool_cell_count(&row[WRONG], count_flagged(model, false));
}

static td_status fill_found(controls_job *job, const control *model, tool_cell *row,
                            td_error *error) {
    const findings *found = control_found(model);
    const finding *most = findings_largest_index(found), *first = findings_first(found);
    const char *record;
    TD_TRY(tool_run_text(job->run, &record, error, "%s/record.json", model->name));
    TD_TRY(fill_flagged(job, found, &row[FLAGGED], error));
    tool_cell_word(&row[RECORD], record);
    tool_cell_word(&row[OUTCOME], outcome_of(model));
    tool_cell_flag(&row[GIVEN], found->judged);
    if (most) {
        tool_cell_real(&row[LARGEST_INDEX], most->index);
        tool_cell_count(&row[LARGEST_CLASS], most->class);
    }
    if (first) {
        tool_cell_real(&row[FIRST_VALUE], first->value);
        tool_cell_count(&row[FIRST_CLASS], first->class);
    }
    if (model->infected_count > 0)
        fill_truth(model, row);
    return TD_OK;
}

static td_status add_models(controls_job *job, td_error *error) {
    const tool_table_kind *kind;
    tool_table *table;
    tool_cell *row;
    TD_TRY(make_kind(job, &kind, error));
    TD_TRY(tool_run_table(job->run, kind, &table, error));
    for (size_t i = 0; i < job->count; i++) {
        const control *model = &job->models[i];
        TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_word(&row[NAME], model->name);
        tool_cell_word(&row[TRUTH], model->backdoored ? "backdoored" : "clean");
        if (model->backdoored)
            TD_TRY(fill_list(job, model->infected, model->infected_count, &row[INFECTED], error));
        tool_cell_word(&row[FAILED], model->step.failed);
        if (control_found(model))
            TD_TRY(fill_found(job, model, row, error));
    }
    return TD_OK;
}

/* --- how the index is spread --- */

enum { COUNT, MIN, LOWER, MEDIAN, UPPER, MAX, VALUES };

static const tool_column spread_columns[] = {
    [COUNT] = {"count", "values", TOOL_COUNT},
    [MIN] = {"min", "min", TOOL_REAL, .digits = 2},
    [LOWER] = {"lower_quartile", "lower quartile", TOOL_REAL, .digits = 2},
    [MEDIAN] = {"median", "median", TOOL_REAL, .digits = 2},
    [UPPER] = {"upper_quartile", "upper quartile", TOOL_REAL, .digits = 2},
    [MAX] = {"max", "max", TOOL_REAL, .digits = 2},
    [VALUES] = {"values", NULL, TOOL_LIST, .digits = 2},
    {0},
};

/* The largest index of each clean model, or the index of each infected class. */
static size_t gather(const controls_job *job, bool backdoored, double *values) {
    size_t count = 0;
    for (size_t i = 0; i < job->count; i++) {
        const control *model = &job->models[i];
        const findings *found = control_found(model);
        if (!found || model->backdoored != backdoored)
            continue;
        const finding *most = findings_largest_index(found);
        if (!backdoored && most)
            values[count++] = most->index;
        for (size_t k = 0; k < model->infected_count; k++) {
            const finding *own = findings_find(found, model->infected[k]);
            if (own && !isnan(own->index))
                values[count++] = own->index;
        }
    }
    return count;
}

typedef struct indices {
    double *values; /* sorted */
    size_t count;
    distribution spread;
} indices;

static td_status list_indices(controls_job *job, bool backdoored, indices *out, td_error *error) {
    size_t most = job->count;
    for (size_t i = 0; i < job->count; i++)
        most += job->models[i].infected_count;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, most, &out->values, "indices", error));
    out->count = gather(job, backdoored, out->values);
    out->spread = distribution_of(out->values, out->count);
    return TD_OK;
}

static td_status add_spread(controls_job *job, const tool_table_kind *kind, json_t *into,
                            const indices *list, td_error *error) {
    const distribution *spread = &list->spread;
    const double numbers[] = {spread->least, spread->lower, spread->median, spread->upper,
                              spread->most};
    tool_table *table;
    tool_cell *row;
    TD_TRY(tool_run_table(job->run, kind, &table, error));
    table->into = into;
    table->path = "/index";
    TD_TRY(tool_run_row(job->run, table, &row, error));
    tool_cell_count(&row[COUNT], list->count);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && list->count > 0; i++)
        tool_cell_real(&row[MIN + i], numbers[i]);
    tool_cell_list(&row[VALUES], list->values, list->count);
    return TD_OK;
}

enum { FROM, TO, CLEAN, BACKDOORED };
enum { FEW_BARS = 24 };

static const tool_column bar_columns[] = {
    [FROM] = {"from", "from", TOOL_REAL},
    [TO] = {"to", "to", TOOL_REAL},
    [CLEAN] = {"clean", "clean models, the largest", TOOL_COUNT},
    [BACKDOORED] = {"infected", "infected classes", TOOL_COUNT},
    {0},
};

static size_t count_between(const indices *list, double low, double high) {
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += list->values[i] >= low && list->values[i] < high;
    return count;
}

static void widen(const indices *list, double *low, double *high) {
    for (size_t i = 0; i < list->count; i++)
        if (isfinite(list->values[i])) {
            *low = fmin(*low, list->values[i]);
            *high = fmax(*high, list->values[i]);
        }
}

/* Of finite indices; the cutoff stands between two bars. */
static td_status add_bars(controls_job *job, const indices lists[2], td_error *error) {
    static const tool_chart charts[] = {
        {"Anomaly index over the models", TOOL_CHART_HISTOGRAM, "from", {"clean", "infected"}},
        {0}};
    static const tool_table_kind kind = {.name = "index_histogram",
                                         .title = "Anomaly index over the models",
                                         .columns = bar_columns,
                                         .charts = charts,
                                         .drawn = true};
    double low = TD_ANOMALY_CUTOFF, high = TD_ANOMALY_CUTOFF, bar = 0.125;
    tool_table *table;
    tool_cell *row;
    widen(&lists[0], &low, &high);
    widen(&lists[1], &low, &high);
    while (bar * FEW_BARS < high - low)
        bar *= 2;
    low = TD_ANOMALY_CUTOFF - bar * ceil((TD_ANOMALY_CUTOFF - low) / bar);
    TD_TRY(tool_run_table(job->run, &kind, &table, error));
    for (size_t i = 0; low + bar * (double)i <= high; i++) {
        const double from = low + bar * (double)i, to = low + bar * (double)(i + 1);
        TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_real(&row[FROM], from);
        tool_cell_real(&row[TO], to);
        for (size_t k = 0; k < 2; k++)
            tool_cell_count(&row[CLEAN + k], count_between(&lists[k], from, to));
    }
    return TD_OK;
}

static td_status add_index(controls_job *job, td_error *error) {
    static const tool_table_kind clean = {.name = "clean",
                                          .title = "Largest index of each clean model",
                                          .columns = spread_columns,
                                          .single = true},
                                 infected = {.name = "infected",
                                             .title = "Index of the infected classes",
                                             .columns = spread_columns,
                                             .single = true};
    json_t *into = json_object();
    indices lists[2];
    TD_TRY(tool_run_set(job->run, "index", into, error));
    TD_TRY(list_indices(job, false, &lists[0], error));
    TD_TRY(list_indices(job, true, &lists[1], error));
    TD_TRY(add_spread(job, &clean, into, &lists[0], error));
    TD_TRY(add_spread(job, &infected, into, &lists[1], error));
    return add_bars(job, lists, error);
}

/* --- all --- */

/* The inspector's options, but for the model: audit compares its own with them. */
static json_t *options_json(const control *model) {
    json_t *options = json_deep_copy(json_object_get(model->step.identity, "options"));
    json_object_del(options, "model");
    return options;
}

td_status controls_report(controls_job *job, td_error *error) {
    const char *inspector = job->inspector->method->name;
    size_t backdoored = 0;
    for (size_t i = 0; i < job->count; i++)
        backdoored += job->models[i].backdoored;
    TD_TRY(tool_run_set(job->run, "inspector", json_string(inspector), error));
    TD_TRY(tool_run_set(job->run, "inspector_options", options_json(&job->models[0]), error));
    TD_TRY(tool_run_summary(job->run, error, "%s: %s on %zu clean and %zu backdoored models",
                            job->settings->models, inspector, job->count - backdoored, backdoored));
    TD_TRY(add_rates(job, error));
    TD_TRY(add_models(job, error));
    return add_index(job, error);
}
