/* What came of an attack: rates, and the distances of the successes. */
#include "evade/evade.h"
#include "measure/rates.h"
#include "measure/similarity.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

/* In the order in which report and fill_distances fill them. */
static const tool_column columns[] = {
    {"images", "images", .kind = TOOL_COUNT},
    {"classified_rightly", "classified rightly", .kind = TOOL_COUNT},
    {"attacked", "attacked", .kind = TOOL_COUNT},
    {"success", "success", .kind = TOOL_RATE},
    {"robust_accuracy", "robust accuracy", .kind = TOOL_RATE},
    {"gradients", "gradients", .kind = TOOL_COUNT},
    {"queries", "other queries", .kind = TOOL_COUNT},
    {"confidence", "confidence of the successes", .kind = TOOL_ESTIMATE, .null = true},
    {"l0", "L0", .kind = TOOL_REAL, .unit = "pixels", .digits = 2, .null = true},
    {"l0_share", "L0, share of the pixels", .kind = TOOL_REAL, .digits = 4, .null = true},
    {"l2", "L2", .kind = TOOL_REAL, .digits = 4, .null = true},
    {"linf", "Linf", .kind = TOOL_REAL, .digits = 4, .null = true},
    {0},
};

static const tool_column target_columns[] = {
    {"classes", "other classes reached", .kind = TOOL_COUNT},
    {"images", "images", .kind = TOOL_COUNT},
    {0},
};

static const tool_chart target_chart[] = {
    {"Images by the other classes that they reach", TOOL_CHART_BARS, "classes", {"images"}}, {0}};

static const tool_table_kind result_table = {.title = "Success, and distances of the successes",
                                             .columns = columns,
                                             .single = true},
                             target_table = {.name = "target_classes",
                                             .title = "Images by the other classes that they reach",
                                             .columns = target_columns,
                                             .charts = target_chart};

/* Sums over the successes. */
typedef struct sums {
    double l0, l2, linf, confidence;
    size_t successes;
} sums;

static size_t changed_pixels(const uint8_t *a, const uint8_t *b, size_t size, size_t channels) {
    size_t changed = 0;
    for (size_t i = 0; i < size; i += channels)
        changed += memcmp(a + i, b + i, channels) != 0;
    return changed;
}

static double euclidean(const uint8_t *a, const uint8_t *b, size_t size) {
    double squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sqrt(squares) / (double)EVADE_RANGE;
}

static bool is_reached(const evade_task *task, int32_t label, int32_t predicted) {
    if (!task->attacked)
        return false;
    return task->target == EVADE_NO_TARGET ? predicted != label : predicted == task->target;
}

static void add_success(const evade_result *r, size_t number, double confidence, sums *s) {
    const td_images *images = &r->data->images;
    const size_t size = td_image_size(images);
    const uint8_t *clean = td_image(images, r->plan->tasks[number].image),
                  *found = r->pixels + number * size;
    s->successes++;
    s->l0 += (double)changed_pixels(clean, found, size, images->channels);
    s->l2 += euclidean(clean, found, size);
    s->linf += td_linf(clean, found, size) / (double)EVADE_RANGE;
    s->confidence += confidence;
}

/* Counts of original and predicted class, of what was attacked. */
static td_status add_pairs(tool_run *run, const evade_result *r, size_t classes, td_error *error) {
    size_t *counts;
    TD_TRY(td_arena_alloc(&run->arena, classes, classes * sizeof *counts, (void **)&counts,
                          "counts", error));
    for (size_t i = 0; i < r->plan->count; i++)
        if (r->plan->tasks[i].attacked)
            counts[(size_t)r->labels[i] * classes + (size_t)r->predicted[i]]++;
    json_t *pairs = json_array();
    for (size_t row = 0; row < classes; row++) {
        json_t *line = json_array();
        for (size_t column = 0; column < classes; column++)
            json_array_append_new(line, json_integer((json_int_t)counts[row * classes + column]));
        json_array_append_new(pairs, line);
    }
    return tool_run_set(run, "pairs", pairs, error);
}

/* How many of the attacked images reach 0, 1, ... of the other classes. */
static td_status add_target_classes(tool_run *run, const evade_result *r, td_error *error) {
    const size_t others = r->data->images.classes - 1;
    size_t *counts;
    tool_table *table;
    tool_cell *row;
    TD_TRY(TD_ARENA_NEW(&run->arena, others + 1, &counts, "counts", error));
    for (size_t i = 0; i < r->plan->count; i += others) {
        size_t reached = 0;
        for (size_t turn = 0; turn < others; turn++)
            reached += r->reached[i + turn];
        if (r->plan->tasks[i].attacked)
            counts[reached]++;
    }
    TD_TRY(tool_run_table(run, &target_table, &table, error));
    for (size_t i = 0; i <= others; i++) {
        TD_TRY(tool_run_row(run, table, &row, error));
        tool_cell_count(&row[0], i);
        tool_cell_count(&row[1], counts[i]);
    }
    return TD_OK;
}

static void fill_distances(const td_images *images, const sums *s, tool_cell *cell) {
    const double n = (double)s->successes, confidence = s->confidence / n;
    tool_cell_estimate(cell++, confidence, td_wilson(confidence, s->successes));
    tool_cell_real(cell++, s->l0 / n);
    tool_cell_real(cell++, s->l0 / (double)(images->height * images->width) / n);
    tool_cell_real(cell++, s->l2 / n);
    tool_cell_real(cell, s->linf / n);
}

static td_status report(tool_run *run, const evade_result *r, const sums *s, td_error *error) {
    const td_images *images = &r->data->images;
    const evade_own *own = run->own;
    tool_table *table;
    tool_cell *cell;
    TD_TRY(tool_run_table(run, &result_table, &table, error));
    TD_TRY(tool_run_row(run, table, &cell, error));
    tool_cell_count(cell++, images->count);
    tool_cell_count(cell++, r->plan->right);
    tool_cell_count(cell++, r->plan->attacked);
    tool_cell_rate(cell++, td_rate_of(s->successes, r->plan->attacked));
    tool_cell_rate(cell++, td_accuracy(r->predicted, r->labels, r->plan->count));
    tool_cell_count(cell++, r->gradients);
    tool_cell_count(cell++, r->queries);
    if (s->successes > 0)
        fill_distances(images, s, cell);
    return tool_run_summary(
        run, error,
        "%s: %s, target %s: %zu of %zu attacks succeed; %zu of %zu images are classified rightly",
        ((const evade_settings *)run->family)->model, run->method->title,
        own->target ? own->target : "none", s->successes, r->plan->attacked, r->plan->right,
        images->count);
}

td_status evade_measure(tool_run *run, size_t classes, float *logits, evade_result *r,
                        td_error *error) {
    const size_t count = r->plan->count;
    sums s = {0};
    TD_TRY(TD_ARENA_NEW(&run->arena, count, &r->predicted, "predictions", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, count, &r->reached, "predictions", error));
    for (size_t i = 0; i < count; i++) {
        r->predicted[i] = td_argmax(logits + i * classes, classes);
        r->reached[i] = is_reached(&r->plan->tasks[i], r->labels[i], r->predicted[i]);
    }
    td_softmax(logits, count, classes, logits);
    for (size_t i = 0; i < count; i++)
        if (r->reached[i])
            add_success(r, i, (double)logits[i * classes + (size_t)r->predicted[i]], &s);
    TD_TRY(report(run, r, &s, error));
    TD_TRY(add_pairs(run, r, classes, error));
    return ((const evade_settings *)run->family)->aim == EVADE_TO_ALL
               ? add_target_classes(run, r, error)
               : TD_OK;
}
