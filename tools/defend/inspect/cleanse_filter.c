/* Filtering inputs by a recovered trigger (Wang et al. 2019, section VI-A): an input is scored by
 * the mean value of the 1 % of the neurons before the last dense layer that the trigger raises
 * most, and rejected above a threshold that clean images set. Several triggers reject side by side,
 * each with its part of --fpr. */
#include "base/size.h"
#include "defend/inspect/cleanse.h"
#include "measure/roc.h"

enum { PER_CENT = 100 };

typedef struct filter {
    inspection *in;
    const cleanse *cleanse;
    size_t node, neurons, top; /* top: neurons that score */
    size_t **orders;           /* [patched_count]: the first `top` score */
    double *thresholds;        /* [patched_count] */
    td_arena arena;
} filter;

/* Copies of all images but those of its target with a --trigger, in `arena`. */
static td_status stamp_trigger(const inspection *in, const repair_backdoor *backdoor,
                               const td_dataset *test, td_arena *arena, td_images *out,
                               td_error *error) {
    const td_stamp stamp = {in->run->common->seed, test->first};
    td_images stamped;
    uint32_t *numbers;
    size_t count;
    TD_TRY(td_trigger_stamp(backdoor->trigger, &test->images, stamp, arena, &stamped, error));
    TD_TRY(cleanse_others(&stamped, backdoor->target, arena, &numbers, &count, error));
    return defend_gather(&stamped, numbers, count, arena, out, error);
}

static double score(const filter *f, size_t which, const float *values) {
    double sum = 0;
    for (size_t k = 0; k < f->top; k++)
        sum += (double)values[f->orders[which][k]];
    return sum / (double)f->top;
}

/* How many images any trigger's threshold rejects. */
static td_status reject(filter *f, const td_images *images, td_rate *out, td_error *error) {
    td_arena arena = {0};
    float *values;
    size_t hits = 0;
    td_status status = cleanse_neurons(f->in, f->node, images, &arena, &values, error);
    for (size_t i = 0; status == TD_OK && i < images->count; i++) {
        bool rejected = false;
        for (size_t k = 0; k < f->cleanse->patched_count; k++)
            rejected |= score(f, k, values + i * f->neurons) > f->thresholds[k];
        hits += rejected;
    }
    *out = td_rate_of(hits, images->count);
    td_arena_free(&arena);
    return status;
}

static td_status calibrate(filter *f, td_error *error) {
    const inspection *in = f->in;
    const cleanse *c = f->cleanse;
    const size_t count = in->images.count;
    float *clean, *triggered;
    double *scores, *rise;
    TD_TRY(cleanse_neurons(in, f->node, &in->images, &f->arena, &clean, error));
    TD_TRY(TD_ARENA_NEW(&f->arena, count, &scores, "scores", error));
    for (size_t k = 0; k < c->patched_count; k++) {
        td_images stamped;
        TD_TRY(cleanse_stamp_others(in, &in->images, c->patched[k], &f->arena, &stamped, error));
        TD_TRY(cleanse_neurons(in, f->node, &stamped, &f->arena, &triggered, error));
        TD_TRY(cleanse_rank(clean, count, triggered, stamped.count, f->neurons, &f->arena,
                            &f->orders[k], &rise, error));
        for (size_t i = 0; i < count; i++)
            scores[i] = score(f, k, clean + i * f->neurons);
        f->thresholds[k] =
            td_threshold_above(scores, count, c->options->fpr / (double)c->patched_count);
    }
    return TD_OK;
}

/* --- what it rejects --- */

enum { LAYER, NEURONS, TOP };

static const tool_column filter_columns[] = {
    [LAYER] = {"layer", "layer", TOOL_TEXT},
    [NEURONS] = {"neurons", "neurons", TOOL_COUNT},
    [TOP] = {"top", "of them score", TOOL_COUNT},
    {0},
};

enum { KIND, TRIGGER, TARGET, REJECTED };

static const tool_column set_columns[] = {
    [KIND] = {"kind", "images", TOOL_TEXT},
    [TRIGGER] = {"trigger", "trigger", TOOL_TEXT},
    [TARGET] = {"target", "class", TOOL_COUNT},
    [REJECTED] = {"rejected", "rejected", TOOL_RATE},
    {0},
};

static const tool_table_kind filter_table = {.title = "Filter",
                                             .columns = filter_columns,
                                             .single = true},
                             set_table = {.name = "sets",
                                          .title = "Images rejected",
                                          .columns = set_columns};

/* A set is --test as it is, with the recovered trigger of a class, or with a --trigger. Images of a
 * trigger's class do not count: nothing is gained by them. */
static td_status add_set(filter *f, tool_table *table, const size_t *class,
                         const repair_backdoor *backdoor, td_error *error) {
    const td_dataset *test = &f->in->truth.test;
    td_images images = test->images;
    td_arena arena = {0};
    td_rate rate;
    tool_cell *row;
    td_status status = TD_OK;
    if (backdoor)
        status = stamp_trigger(f->in, backdoor, test, &arena, &images, error);
    else if (class)
        status = cleanse_stamp_others(f->in, &test->images, *class, &arena, &images, error);
    if (status == TD_OK)
        status = reject(f, &images, &rate, error);
    td_arena_free(&arena);
    TD_TRY(status);
    TD_TRY(tool_run_row(f->in->run, table, &row, error));
    tool_cell_word(&row[KIND], backdoor ? "trigger" : class ? "recovered" : "clean");
    if (backdoor)
        TD_TRY(tool_run_cell(f->in->run, &row[TRIGGER], td_trigger_text(backdoor->trigger), error));
    if (class)
        tool_cell_count(&row[TARGET], *class);
    tool_cell_rate(&row[REJECTED], rate);
    return TD_OK;
}

static td_status add_sets(filter *f, td_error *error) {
    const repair_evaluator *truth = &f->in->truth;
    tool_table *table;
    TD_TRY(inspect_patch_table(f->in, &set_table, &table, error));
    TD_TRY(add_set(f, table, NULL, NULL, error));
    for (size_t k = 0; k < f->cleanse->patched_count; k++)
        TD_TRY(add_set(f, table, &f->cleanse->patched[k], NULL, error));
    for (size_t k = 0; k < truth->backdoor_count; k++)
        TD_TRY(add_set(f, table, &truth->backdoors[k].target, &truth->backdoors[k], error));
    return TD_OK;
}

static td_status add_filter(filter *f, td_error *error) {
    json_t *thresholds = json_array();
    tool_table *table;
    tool_cell *row;
    for (size_t k = 0; k < f->cleanse->patched_count; k++)
        json_array_append_new(thresholds, json_real(f->thresholds[k]));
    TD_TRY(tool_run_set(f->in->run, "patch",
                        json_pack("{ss so so}", "how", "filter", "classes",
                                  cleanse_patched_json(f->in), "thresholds", thresholds),
                        error));
    TD_TRY(inspect_patch_table(f->in, &filter_table, &table, error));
    TD_TRY(tool_run_row(f->in->run, table, &row, error));
    TD_TRY(tool_run_cell(f->in->run, &row[LAYER], f->in->model.net.nodes[f->node].name, error));
    tool_cell_count(&row[NEURONS], f->neurons);
    tool_cell_count(&row[TOP], f->top);
    return TD_OK;
}

static td_status run(filter *f, td_error *error) {
    TD_TRY(cleanse_penultimate(f->in, &f->node, error));
    f->neurons = f->in->model.net.nodes[f->node].shape.channels;
    f->top = (f->neurons + PER_CENT - 1) / PER_CENT;
    TD_TRY(TD_ARENA_NEW(&f->arena, f->cleanse->patched_count, &f->orders, "neurons", error));
    TD_TRY(TD_ARENA_NEW(&f->arena, f->cleanse->patched_count, &f->thresholds, "neurons", error));
    TD_TRY(calibrate(f, error));
    TD_TRY(add_filter(f, error));
    return add_sets(f, error);
}

td_status cleanse_filter(inspection *in, td_error *error) {
    filter f = {.in = in, .cleanse = in->state};
    td_status status = run(&f, error);
    td_arena_free(&f.arena);
    return status;
}
