/* SPDX-License-Identifier: MIT */
#include "defend/repair/sweep.h"

#include "base/size.h"
#include "frame/predict.h"
#include <math.h>
#include <string.h>

enum { SLICE = 1024 }; /* images stamped at once; whole batches, so that bits do not change */

const char *const sweep_zero_words[] = {"weight", "both", NULL};
const char *const sweep_presets[] = {"paper", "backdoorbench", NULL};

td_status repair_norms_of(repair_job *job, repair_norms *norms, double **scores, td_error *error) {
    td_status status = norms_find(job->net, &job->run->arena, norms, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", job->settings->model.path);
    return TD_ARENA_NEW(&job->run->arena, norms->channels, scores, "scores", error);
}

/* --- thresholds --- */

static bool prunes(const sweep *s, double score, double threshold) {
    return s->masks ? score <= threshold : score > threshold;
}

static size_t count_pruned(const sweep *s, double threshold) {
    size_t count = 0;
    for (size_t c = 0; c < s->norms->channels; c++)
        count += prunes(s, s->scores[c], threshold);
    return count;
}

void sweep_prune(const sweep *s, double threshold, int zero, float *weights) {
    for (size_t i = 0; i < s->norms->count; i++) {
        const repair_norm *norm = &s->norms->list[i];
        for (size_t c = 0; c < norm->channels; c++)
            if (prunes(s, s->scores[norm->first + c], threshold)) {
                weights[norm->weight + c] = 0;
                if (zero == SWEEP_BOTH)
                    weights[norm->bias + c] = 0;
            }
    }
}

static void add_point(const sweep *s, double threshold, sweep_point *points, size_t *count) {
    points[(*count)++] =
        (sweep_point){.threshold = threshold, .pruned = count_pruned(s, threshold), .chosen = -1};
}

size_t sweep_points(const sweep *s, double own, sweep_point points[SWEEP_MOST_POINTS]) {
    const double near = 1e-9; /* equals a threshold of the sweep up to rounding */
    size_t count = 0;
    bool done = false;
    add_point(s, NAN, points, &count);
    for (size_t i = 0; i < s->count; i++) {
        const double next = s->first + s->step * (double)i;
        const double ahead = s->step > 0 ? next - own : own - next;
        if (!done && ahead > near)
            add_point(s, own, points, &count);
        add_point(s, fabs(ahead) <= near ? own : next, points, &count);
        done |= ahead > -near;
    }
    if (!done)
        add_point(s, own, points, &count);
    return count;
}

size_t sweep_choose(const sweep_point *points, size_t count, double own, double tolerance) {
    /* A fall of exactly the tolerance is allowed, despite rounding. */
    const double rounding = 1e-9, least = points[0].accuracy.value - tolerance - rounding;
    size_t last = 0, chosen = 0;
    for (size_t i = 1; i < count; i++)
        if (points[i].threshold == own)
            last = i;
    if (points[0].accuracy.trials == 0)
        return last;
    while (chosen < last && points[chosen + 1].accuracy.value >= least)
        chosen++;
    return chosen;
}

/* --- measurement --- */

typedef struct measurement {
    repair_job *job;
    const sweep *sweep;
    int zero;
    const td_images *images;
    size_t first; /* number of the first of them, for triggers' draws */
    sweep_point *points;
    size_t count;
    float *weights; /* pruned by successive points */
    tool_pass pass;
} measurement;

/* Whether the point prunes the same channels as the previous one. */
static bool repeats(const sweep_point *points, size_t i) {
    return i > 0 && points[i].pruned == points[i - 1].pruned;
}

static td_rate *rate_of(sweep_point *point, size_t backdoor) {
    return backdoor == REPAIR_MOST_TRIGGERS ? &point->accuracy : &point->asr[backdoor];
}

/* Counts at one point, for a backdoor or, REPAIR_MOST_TRIGGERS, the accuracy. */
static td_status count_at(measurement *m, const td_images *images, sweep_point *point,
                          size_t backdoor, int32_t *predicted, td_error *error) {
    const td_net *net = m->job->net;
    memcpy(m->weights, m->job->weights, net->weight_count * sizeof *m->weights);
    sweep_prune(m->sweep, point->threshold, m->zero, m->weights);
    TD_TRY(tool_predict_classes(net, m->weights, images, &m->pass, predicted, error));
    const td_rate seen = backdoor == REPAIR_MOST_TRIGGERS
                             ? td_accuracy(predicted, images->labels, images->count)
                             : td_asr(predicted, images->labels, images->count,
                                      m->job->truth.backdoors[backdoor].target.of);
    td_rate *rate = rate_of(point, backdoor);
    rate->hits += seen.hits;
    rate->trials += seen.trials;
    return TD_OK;
}

/* A slice of the images, stamped for a backdoor, at all points. */
static td_status count_slice(measurement *m, size_t first, size_t backdoor, td_arena *arena,
                             td_error *error) {
    td_images images =
        td_images_slice(m->images, first, td_size_min(first + SLICE, m->images->count));
    const td_stamp stamp = {m->job->run->common->seed, m->first + first};
    int32_t *predicted;
    TD_TRY(TD_ARENA_NEW(arena, images.count, &predicted, "predictions", error));
    if (backdoor < REPAIR_MOST_TRIGGERS)
        TD_TRY(td_trigger_stamp(m->job->truth.backdoors[backdoor].trigger, &images, stamp, arena,
                                &images, error));
    for (size_t i = 0; i < m->count; i++)
        if (!repeats(m->points, i))
            TD_TRY(count_at(m, &images, &m->points[i], backdoor, predicted, error));
    return TD_OK;
}

static td_status count_all(measurement *m, size_t backdoor, td_error *error) {
    td_status status = TD_OK;
    for (size_t first = 0; status == TD_OK && first < m->images->count; first += SLICE) {
        td_arena arena = {0};
        status = count_slice(m, first, backdoor, &arena, error);
        td_arena_free(&arena);
    }
    for (size_t i = 0; i < m->count; i++) {
        const td_rate *counts = rate_of(&m->points[i - repeats(m->points, i)], backdoor);
        *rate_of(&m->points[i], backdoor) = td_rate_of(counts->hits, counts->trials);
    }
    return status;
}

static td_status measure(measurement *m, td_error *error) {
    const size_t backdoors = m->job->truth.backdoor_count;
    size_t points = 0;
    if (m->images->count == 0)
        return TD_OK;
    for (size_t i = 0; i < m->count; i++)
        points += !repeats(m->points, i);
    TD_TRY(TD_ARENA_NEW(&m->job->run->arena, m->job->net->weight_count, &m->weights, "weights",
                        error));
    m->pass = tool_run_pass(m->job->run, "pruning", points * (backdoors + 1) * m->images->count);
    td_status status = count_all(m, REPAIR_MOST_TRIGGERS, error);
    for (size_t k = 0; status == TD_OK && k < backdoors; k++)
        status = count_all(m, k, error);
    tool_pass_end(&m->pass);
    return status;
}

/* --- tables --- */

#define AT(field) offsetof(summary, field)

typedef struct summary {
    double threshold; /* NaN: nothing is pruned */
    size_t channels, pruned, images;
    td_rate whole, kept; /* accuracy */
} summary;

static const tool_column summary_columns[] = {
    {"threshold", "threshold", TOOL_REAL, AT(threshold)},
    {"channels", "channels", TOOL_COUNT, AT(channels)},
    {"pruned", "pruned", TOOL_COUNT, AT(pruned)},
    {"validation_images", "validation images", TOOL_COUNT, AT(images)},
    {"accuracy", "accuracy", TOOL_RATE, AT(whole)},
    {"pruned_accuracy", "accuracy when pruned", TOOL_RATE, AT(kept)},
    {0},
};

static const tool_table_kind summary_table = {.name = "pruning",
                                              .title = "Pruning",
                                              .columns = summary_columns,
                                              .row = sizeof(summary),
                                              .single = true};

#undef AT
#define AT(field) offsetof(sweep_point, field)

/* Followed by a column for the ASR of each trigger. */
static const tool_column point_columns[] = {
    {"threshold", "threshold", TOOL_REAL, AT(threshold)},
    {"pruned", "channels pruned", TOOL_COUNT, AT(pruned)},
    {"accuracy", "accuracy", TOOL_RATE, AT(accuracy)},
    {"chosen", "", TOOL_FLAG, AT(chosen), .flag = "CHOSEN"},
};

enum { POINT_COLUMNS = sizeof point_columns / sizeof *point_columns };

static const tool_chart point_charts[] = {
    {"Accuracy and ASR as channels are pruned", TOOL_CHART_LINES, "pruned", {"accuracy", "asr"}},
    {0},
};

static const tool_axes point_axes = {.x_mark = "/pruning/pruned", .mark = "chosen"};

static td_status add_points(repair_job *job, const sweep_point *points, size_t count,
                            td_error *error) {
    td_arena *arena = &job->run->arena;
    tool_table_kind *kind;
    tool_column *columns;
    TD_TRY(TD_ARENA_NEW(arena, 1, &kind, "a table", error));
    TD_TRY(
        TD_ARENA_NEW(arena, POINT_COLUMNS + REPAIR_MOST_TRIGGERS + 1, &columns, "a table", error));
    memcpy(columns, point_columns, sizeof point_columns);
    for (size_t i = 0; i < job->truth.backdoor_count; i++)
        columns[POINT_COLUMNS + i] =
            (tool_column){"asr", "ASR", TOOL_RATE, AT(asr) + i * sizeof(td_rate), .list = true};
    *kind = (tool_table_kind){.name = "sweep",
                              .title = "The sweep of thresholds",
                              .columns = columns,
                              .row = sizeof *points,
                              .charts = point_charts,
                              .axes = &point_axes};
    return tool_run_rows(job->run, kind, NULL, points, count, error);
}

typedef struct layer_row {
    const char *layer;
    size_t channels, pruned;
} layer_row;

static const tool_column layer_columns[] = {
    {"layer", "batch norm", TOOL_TEXT, offsetof(layer_row, layer)},
    {"channels", "channels", TOOL_COUNT, offsetof(layer_row, channels)},
    {"pruned", "pruned", TOOL_COUNT, offsetof(layer_row, pruned)},
    {0},
};

static const tool_table_kind layer_table = {.name = "norms",
                                            .title = "Channels pruned by batch norm",
                                            .columns = layer_columns,
                                            .row = sizeof(layer_row)};

static td_status add_layers(repair_job *job, const sweep *s, double threshold, td_error *error) {
    tool_table *table;
    TD_TRY(tool_run_open(job->run, &layer_table, NULL, &table, error));
    for (size_t i = 0; i < s->norms->count; i++) {
        const repair_norm *norm = &s->norms->list[i];
        layer_row row = {job->net->nodes[norm->node].name, norm->channels, 0};
        for (size_t c = 0; c < norm->channels; c++)
            row.pruned += prunes(s, s->scores[norm->first + c], threshold);
        TD_TRY(tool_run_fill(job->run, table, &row, error));
    }
    return TD_OK;
}

static void say(repair_job *job, const summary *of, double own) {
    const char *less = "";
    if (!(of->threshold == own))
        less = ", weaker than asked for, by --tolerance";
    if (isnan(of->threshold))
        repair_say(job, "no channel pruned: the first threshold takes more than --tolerance");
    else
        repair_say(job, "%zu of %zu channels pruned at threshold %g%s", of->pruned, of->channels,
                   of->threshold, less);
    if (of->images > 0)
        repair_say(job, "validation accuracy %.2f %% -> %.2f %%", 100 * of->whole.value,
                   100 * of->kept.value);
    else
        repair_say(job, "no accuracy was watched");
}

/* --- the run --- */

td_status sweep_run(repair_job *job, const sweep *s, const sweep_settings *settings,
                    td_error *error) {
    const bool watched = job->held_out.count > 0;
    sweep_point points[SWEEP_MOST_POINTS];
    measurement m = {.job = job,
                     .sweep = s,
                     .zero = settings->zero,
                     .images = watched ? &job->held_out : &job->truth.test.images,
                     .first = watched ? job->held_out_first : job->truth.test.first,
                     .points = points,
                     .count = sweep_points(s, settings->threshold, points)};
    TD_TRY(measure(&m, error));
    const size_t chosen = sweep_choose(points, m.count, settings->threshold,
                                       watched ? settings->tolerance : INFINITY);
    sweep_point *taken = &points[chosen];
    const summary row = {.threshold = taken->threshold,
                         .channels = s->norms->channels,
                         .pruned = taken->pruned,
                         .images = job->held_out.count,
                         .whole = watched ? points[0].accuracy : (td_rate){0},
                         .kept = watched ? taken->accuracy : (td_rate){0}};
    taken->chosen = 1;
    sweep_prune(s, taken->threshold, settings->zero, job->weights);
    say(job, &row, settings->threshold);
    TD_TRY(tool_run_rows(job->run, &summary_table, NULL, &row, 1, error));
    TD_TRY(add_points(job, points, m.count, error));
    return add_layers(job, s, taken->threshold, error);
}

td_status sweep_deviations(repair_job *job, const repair_norms *norms, double *values,
                           const sweep_settings *settings, td_error *error) {
    const sweep s = {.norms = norms, .scores = values, .first = 10, .step = -0.5, .count = 21};
    td_status status = norms_check_deviations(norms, values, settings->threshold, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s: --threshold", job->settings->model.path);
    norms_standardise(norms, values);
    return sweep_run(job, &s, settings, error);
}

td_status sweep_masks(repair_job *job, const repair_norms *norms, const float *masks,
                      const sweep_settings *settings, td_error *error) {
    double *scores;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, norms->channels, &scores, "scores", error));
    for (size_t c = 0; c < norms->channels; c++)
        scores[c] = (double)masks[c];
    const sweep s = {.norms = norms, .scores = scores, .masks = true, .step = 0.05, .count = 20};
    return sweep_run(job, &s, settings, error);
}
