/* SPDX-License-Identifier: MIT */
/* The results of a run of rates: error rates, a row per model, and the distribution of the index.
 */
#include "defend/audit/distribution.h"
#include "defend/audit/rates.h"
#include "measure/mad.h"
#include <math.h>
#include <string.h>

enum { FEW_BARS = 24 };

typedef struct rates {
    td_rate detected, false_positives, infected_flagged, infected_first, wrong_flagged;
    size_t failed, unjudged;
} rates;

static const tool_column rate_columns[] = {
    {"detected", "backdoored models that are flagged", TOOL_RATE, offsetof(rates, detected)},
    {"false_positives", "clean models that are flagged", TOOL_RATE,
     offsetof(rates, false_positives)},
    {"infected_flagged", "... whose infected class is flagged", TOOL_RATE,
     offsetof(rates, infected_flagged)},
    {"infected_first", "... whose infected class is the most suspicious", TOOL_RATE,
     offsetof(rates, infected_first)},
    {"wrong_flagged", "... that have a wrong class flagged besides", TOOL_RATE,
     offsetof(rates, wrong_flagged)},
    {"failed", "models that failed, and are not counted", TOOL_COUNT, offsetof(rates, failed)},
    {"without_verdict", "models with too few values for a verdict, counted as not flagged",
     TOOL_COUNT, offsetof(rates, unjudged)},
    {0},
};

/* The result for a model. */
typedef struct model_row {
    const char *name, *truth, *outcome, *failed, *record;
    tool_list infected, flagged;
    double largest_index, first_value;
    double infected_index; /* the largest of the infected classes */
    size_t largest_class, first_class;
    size_t wrong; /* classes flagged but not infected */
    signed char judged, infected_flagged, infected_first;
} model_row;

enum { FIRST_VALUE = 6 };

static const tool_column model_columns[] = {
    {"name", "model", TOOL_TEXT, offsetof(model_row, name)},
    {"truth", "truth", TOOL_TEXT, offsetof(model_row, truth)},
    {"infected", "infected", TOOL_LIST, offsetof(model_row, infected)},
    {"flagged", "flagged", TOOL_LIST, offsetof(model_row, flagged)},
    {"largest_index", "largest index", TOOL_REAL, offsetof(model_row, largest_index), .digits = 2},
    {"largest_class", "of class", TOOL_COUNT, offsetof(model_row, largest_class)},
    [FIRST_VALUE] = {"first_value", NULL, TOOL_REAL, offsetof(model_row, first_value)},
    {"first_class", "of class", TOOL_COUNT, offsetof(model_row, first_class)},
    {"infected_index", "index of infected", TOOL_REAL, offsetof(model_row, infected_index),
     .digits = 2},
    {"outcome", "outcome", TOOL_TEXT, offsetof(model_row, outcome)},
    {"failed", "failed", TOOL_TEXT, offsetof(model_row, failed)},
    {"verdict_given", NULL, TOOL_FLAG, offsetof(model_row, judged)},
    {"infected_flagged", NULL, TOOL_FLAG, offsetof(model_row, infected_flagged)},
    {"infected_first", NULL, TOOL_FLAG, offsetof(model_row, infected_first)},
    {"wrong_flagged", NULL, TOOL_COUNT, offsetof(model_row, wrong)},
    {"record", NULL, TOOL_TEXT, offsetof(model_row, record)},
    {0},
};

/* A distribution of anomaly indices. */
typedef struct indices {
    double *values; /* of `list`; sorted at the end */
    tool_list list;
    distribution spread;
} indices;

static const tool_column index_columns[] = {
    {"count", "values", TOOL_COUNT, offsetof(indices, list.count)},
    {"min", "min", TOOL_REAL, offsetof(indices, spread.least), .digits = 2},
    {"lower_quartile", "lower quartile", TOOL_REAL, offsetof(indices, spread.lower), .digits = 2},
    {"median", "median", TOOL_REAL, offsetof(indices, spread.median), .digits = 2},
    {"upper_quartile", "upper quartile", TOOL_REAL, offsetof(indices, spread.upper), .digits = 2},
    {"max", "max", TOOL_REAL, offsetof(indices, spread.most), .digits = 2},
    {"values", NULL, TOOL_LIST, offsetof(indices, list), .digits = 2},
    {0},
};

typedef struct bar {
    double from, to;
    size_t clean, infected;
} bar;

static const tool_column bar_columns[] = {
    {"from", "from", TOOL_REAL, offsetof(bar, from)},
    {"to", "to", TOOL_REAL, offsetof(bar, to)},
    {"clean", "clean models, the largest", TOOL_COUNT, offsetof(bar, clean)},
    {"infected", "infected classes", TOOL_COUNT, offsetof(bar, infected)},
    {0},
};

/* The whole report. */
typedef struct report {
    rates rates;
    model_row *rows;         /* [models] */
    indices clean, infected; /* the largest of each clean model; of each infected class */
} report;

/* --- a model --- */

static const char *outcome_of(const rated_model *model, const model_row *row) {
    const findings *found = rated_found(model);
    if (!found->judged)
        return "no verdict";
    if (!model->backdoored)
        return found->flagged > 0 ? "FALSE POSITIVE" : NULL;
    if (found->flagged == 0)
        return "MISSED";
    return row->infected_flagged == 0 ? "ANOTHER CLASS" : "found";
}

static td_status list_flagged(rates_job *job, const rated_model *model, model_row *row,
                              td_error *error) {
    const findings *found = rated_found(model);
    double *labels;
    size_t count = 0, wrong = 0;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, found->count, &labels, "labels", error));
    for (size_t i = 0; i < found->count; i++)
        if (found->list[i].flagged) {
            labels[count++] = (double)found->list[i].class;
            wrong += !rated_is_infected(model, found->list[i].class);
        }
    row->flagged = (tool_list){labels, count};
    if (model->infected_count > 0) {
        row->wrong = wrong;
        row->infected_flagged = count > wrong;
    }
    return TD_OK;
}

/* There is no index if the infected classes are unknown or were not searched. */
static void add_infected(const rated_model *model, model_row *row, indices *all) {
    for (size_t i = 0; i < model->infected_count; i++) {
        const finding *one = findings_find(rated_found(model), (size_t)model->infected[i]);
        if (!one || isnan(one->index))
            continue;
        row->infected_index = fmax(row->infected_index, one->index);
        all->values[all->list.count++] = one->index;
    }
}

static td_status fill_row(rates_job *job, const rated_model *model, model_row *row, report *r,
                          td_error *error) {
    const findings *found = rated_found(model);
    const finding *most = findings_largest_index(found), *first = findings_first(found);
    TD_TRY(list_flagged(job, model, row, error));
    TD_TRY(tool_run_text(job->run, &row->record, error, "%s/record.json", model->name));
    row->outcome = outcome_of(model, row);
    row->judged = found->judged;
    if (first) {
        row->first_value = first->value;
        row->first_class = first->class;
    }
    if (model->infected_count > 0)
        row->infected_first = first && rated_is_infected(model, first->class);
    add_infected(model, row, &r->infected);
    if (!most)
        return TD_OK;
    row->largest_index = most->index;
    row->largest_class = most->class;
    if (!model->backdoored)
        r->clean.values[r->clean.list.count++] = most->index;
    return TD_OK;
}

static void add_trial(td_rate *rate, bool hit) {
    *rate = td_rate_of(rate->hits + hit, rate->trials + 1);
}

static void count_rates(const rated_model *model, const model_row *row, rates *out) {
    const findings *found = rated_found(model);
    out->unjudged += !found->judged;
    add_trial(model->backdoored ? &out->detected : &out->false_positives, found->flagged > 0);
    if (model->infected_count == 0)
        return;
    add_trial(&out->infected_flagged, row->infected_flagged);
    add_trial(&out->infected_first, row->infected_first);
    add_trial(&out->wrong_flagged, row->wrong > 0);
}

static td_status add_model(rates_job *job, const rated_model *model, model_row *row, report *r,
                           td_error *error) {
    *row = (model_row){.name = model->name,
                       .truth = model->backdoored ? "backdoored" : "clean",
                       .failed = model->step.failed,
                       .infected = {model->infected, model->infected_count},
                       .largest_index = NAN,
                       .first_value = NAN,
                       .infected_index = NAN,
                       .largest_class = TOOL_NO_COUNT,
                       .first_class = TOOL_NO_COUNT,
                       .wrong = TOOL_NO_COUNT,
                       .judged = -1,
                       .infected_flagged = -1,
                       .infected_first = -1};
    if (!rated_found(model)) {
        r->rates.failed++;
        return TD_OK;
    }
    TD_TRY(fill_row(job, model, row, r, error));
    count_rates(model, row, &r->rates);
    return TD_OK;
}

static td_status add_models(rates_job *job, report *r, td_error *error) {
    td_arena *arena = &job->run->arena;
    size_t infected = 0;
    for (size_t i = 0; i < job->count; i++)
        infected += job->models[i].infected_count;
    TD_TRY(TD_ARENA_NEW(arena, job->count, &r->rows, "models", error));
    TD_TRY(TD_ARENA_NEW(arena, job->count, &r->clean.values, "indices", error));
    TD_TRY(TD_ARENA_NEW(arena, infected, &r->infected.values, "indices", error));
    for (size_t i = 0; i < job->count; i++)
        TD_TRY(add_model(job, &job->models[i], &r->rows[i], r, error));
    return TD_OK;
}

/* --- the tables --- */

static td_status report_rates(rates_job *job, const rates *all, td_error *error) {
    static const tool_table_kind kind = {
        .title = "Error rates", .columns = rate_columns, .row = sizeof(rates), .single = true};
    return tool_run_rows(job->run, &kind, NULL, all, 1, error);
}

/* Uses the name and unit of the inspector's statistic. */
static td_status report_models(rates_job *job, const model_row *rows, td_error *error) {
    const finding_statistic *statistic = NULL;
    tool_table_kind *kind;
    tool_column *columns;
    for (size_t i = 0; i < job->count && !statistic; i++)
        if (rated_found(&job->models[i]))
            statistic = &rated_found(&job->models[i])->statistic;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &kind, "a table", error));
    TD_TRY(td_arena_alloc(&job->run->arena, 1, sizeof model_columns, (void **)&columns, "a table",
                          error));
    memcpy(columns, model_columns, sizeof model_columns);
    columns[FIRST_VALUE].unit = statistic->unit;
    TD_TRY(tool_run_text(job->run, &columns[FIRST_VALUE].title, error, "%s %s",
                         statistic->large ? "largest" : "smallest", statistic->name));
    *kind = (tool_table_kind){
        .name = "rated_models", .title = "Models", .columns = columns, .row = sizeof *rows};
    return tool_run_rows(job->run, kind, NULL, rows, job->count, error);
}

static td_status report_indices(rates_job *job, const tool_table_kind *kind, indices *all,
                                td_error *error) {
    all->list.values = all->values;
    all->spread = distribution_of(all->values, all->list.count);
    return tool_run_rows(job->run, kind, "/index", all, 1, error);
}

static size_t count_between(const indices *all, double low, double high) {
    size_t count = 0;
    for (size_t i = 0; i < all->list.count; i++)
        count += all->values[i] >= low && all->values[i] < high;
    return count;
}

static void widen(const indices *all, double *low, double *high) {
    for (size_t i = 0; i < all->list.count; i++)
        if (isfinite(all->values[i])) {
            *low = fmin(*low, all->values[i]);
            *high = fmax(*high, all->values[i]);
        }
}

/* Of finite indices; the cutoff is a boundary between two bars. */
static td_status report_bars(rates_job *job, const report *r, td_error *error) {
    static const tool_chart charts[] = {
        {"Anomaly index over the models", TOOL_CHART_HISTOGRAM, "from", {"clean", "infected"}},
        {0}};
    static const tool_axes axes = {
        .x_title = "anomaly index", .x_mark = "/cutoff", .mark = "cutoff"};
    static const tool_table_kind kind = {.name = "index_histogram",
                                         .title = "Anomaly index over the models",
                                         .columns = bar_columns,
                                         .row = sizeof(bar),
                                         .charts = charts,
                                         .axes = &axes,
                                         .drawn = true};
    double low = TD_ANOMALY_CUTOFF, high = TD_ANOMALY_CUTOFF, width = 0.125;
    tool_table *table;
    widen(&r->clean, &low, &high);
    widen(&r->infected, &low, &high);
    while (width * FEW_BARS < high - low)
        width *= 2;
    low = TD_ANOMALY_CUTOFF - width * ceil((TD_ANOMALY_CUTOFF - low) / width);
    TD_TRY(tool_run_open(job->run, &kind, NULL, &table, error));
    for (size_t i = 0; low + width * (double)i <= high; i++) {
        const double from = low + width * (double)i, to = low + width * (double)(i + 1);
        const bar row = {from, to, count_between(&r->clean, from, to),
                         count_between(&r->infected, from, to)};
        TD_TRY(tool_run_fill(job->run, table, &row, error));
    }
    return TD_OK;
}

static td_status report_all(rates_job *job, report *r, td_error *error) {
    static const tool_table_kind clean = {.name = "clean",
                                          .title = "Largest index of each clean model",
                                          .columns = index_columns,
                                          .row = sizeof(indices),
                                          .single = true},
                                 infected = {.name = "infected",
                                             .title = "Index of the infected classes",
                                             .columns = index_columns,
                                             .row = sizeof(indices),
                                             .single = true};
    tool_run_set(job->run, "cutoff", "f", TD_ANOMALY_CUTOFF);
    TD_TRY(add_models(job, r, error));
    TD_TRY(report_rates(job, &r->rates, error));
    TD_TRY(report_models(job, r->rows, error));
    TD_TRY(report_indices(job, &clean, &r->clean, error));
    TD_TRY(report_indices(job, &infected, &r->infected, error));
    return report_bars(job, r, error);
}

/* The inspector's options except the model; audit compares them with its own. */
static void set_options(rates_job *job, const rated_model *model) {
    const json_t *options = json_object_get(model->step.identity, "options");
    json_t *copy = tool_run_set(job->run, "inspector_options", "o",
                                td_json_copy(&job->run->record.json, options));
    json_object_del(copy, "model");
}

td_status rates_report(rates_job *job, td_error *error) {
    const char *inspector = job->inspector->method->name;
    report r = {0};
    size_t backdoored = 0;
    for (size_t i = 0; i < job->count; i++)
        backdoored += job->models[i].backdoored;
    tool_run_set(job->run, "inspector", "s", inspector);
    set_options(job, &job->models[0]);
    TD_TRY(tool_run_summary(job->run, error, "%s: %s on %zu clean and %zu backdoored model%s",
                            job->settings->models, inspector, job->count - backdoored, backdoored,
                            backdoored == 1 ? "" : "s"));
    return report_all(job, &r, error);
}
