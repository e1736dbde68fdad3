/* SPDX-License-Identifier: MIT */
/* Pruning: the channels of the last convolution that stay idle on clean images may be those that a
 * trigger activates. Liu, Dolan-Gavitt and Garg, "Fine-pruning: defending against backdooring
 * attacks on deep neural networks", RAID 2018. */
#include "defend/method.h"
#include "defend/repair/fineprune.h"
#include "frame/predict.h"
#include "nn/channels.h"
#include <math.h>
#include <string.h>

/* --- tables --- */

#define AT(field) offsetof(pruning, field)

typedef struct pruning {
    const char *layer;
    size_t channels, pruned, images;
    td_rate whole, kept; /* accuracy */
} pruning;

static const tool_column pruning_columns[] = {
    {"layer", "layer", TOOL_TEXT, AT(layer)},
    {"channels", "channels", TOOL_COUNT, AT(channels)},
    {"pruned", "pruned", TOOL_COUNT, AT(pruned)},
    {"validation_images", "validation images", TOOL_COUNT, AT(images)},
    {"accuracy", "accuracy", TOOL_RATE, AT(whole)},
    {"pruned_accuracy", "accuracy when pruned", TOOL_RATE, AT(kept)},
    {0},
};

static const tool_table_kind pruning_table = {.name = "pruning",
                                              .title = "Pruning",
                                              .columns = pruning_columns,
                                              .row = sizeof(pruning),
                                              .single = true};

#undef AT
#define AT(field) offsetof(prune_point, field)

/* Followed by a column for the ASR of each trigger. */
static const tool_column curve_columns[] = {
    {"pruned", "channels pruned", TOOL_COUNT, AT(pruned)},
    {"channel", "channel", TOOL_COUNT, AT(channel)},
    {"activation", "mean activation", TOOL_REAL, AT(activation)},
    {"accuracy", "accuracy", TOOL_RATE, AT(accuracy)},
    {"chosen", "chosen", TOOL_FLAG, AT(chosen)},
};

enum { CURVE_COLUMNS = sizeof curve_columns / sizeof *curve_columns };

static const tool_chart curve_charts[] = {
    {"Accuracy and ASR as channels are pruned", TOOL_CHART_LINES, "pruned", {"accuracy", "asr"}},
    {0},
};

static const tool_axes curve_axes = {.x_mark = "/pruning/pruned", .mark = "chosen"};

static td_status add_curve(repair_job *job, const prune_point *points, size_t count,
                           td_error *error) {
    td_arena *arena = &job->run->arena;
    tool_table_kind *kind;
    tool_column *columns;
    TD_TRY(TD_ARENA_NEW(arena, 1, &kind, "a table", error));
    TD_TRY(
        TD_ARENA_NEW(arena, CURVE_COLUMNS + REPAIR_MOST_TRIGGERS + 1, &columns, "a table", error));
    memcpy(columns, curve_columns, sizeof curve_columns);
    for (size_t i = 0; i < job->truth.backdoor_count; i++)
        columns[CURVE_COLUMNS + i] =
            (tool_column){"asr", "ASR", TOOL_RATE, AT(asr) + i * sizeof(td_rate), .list = true};
    *kind = (tool_table_kind){.name = "curve",
                              .title = "Channels pruned one by one",
                              .columns = columns,
                              .row = sizeof *points,
                              .charts = curve_charts,
                              .axes = &curve_axes,
                              .drawn = true};
    return tool_run_rows(job->run, kind, NULL, points, count, error);
}

/* --- the repair --- */

/* Ranks the channels into order[channels], least active first; fills points[1 ... channels]. */
static td_status rank(repair_job *job, size_t node, size_t *order, prune_point *points,
                      td_error *error) {
    const size_t channels = job->net->nodes[node].shape.channels;
    double *mean;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, channels, &mean, "activations", error));
    tool_pass pass = tool_run_pass(job->run, "ranking channels", job->learned.count);
    td_status status = td_channels_mean(job->net, job->weights, node, &job->learned,
                                        tool_pass_watch(&pass), mean, error);
    tool_pass_end(&pass);
    td_channels_rank(mean, channels, order);
    points[0] = (prune_point){0, TOOL_NO_COUNT, NAN, .chosen = -1};
    for (size_t k = 1; k <= channels; k++)
        points[k] = (prune_point){k, order[k - 1], mean[order[k - 1]], .chosen = -1};
    return status;
}

/* Masks the first channels of the order, as many as the tolerance allows; returns their number. */
static size_t mask_channels(const prune_subject *subject, float *weights, prune_point *points,
                            double tolerance) {
    const size_t channels = subject->net->nodes[subject->mask].shape.channels;
    const size_t pruned = prune_choose(points, channels, tolerance);
    float *values = td_channels_mask(subject->net, weights, subject->mask);
    for (size_t k = 0; k < pruned; k++)
        values[subject->order[k]] = 0;
    points[pruned].chosen = 1;
    return pruned;
}

td_status prune_channels(repair_job *job, const prune_settings *s, size_t *mask, td_error *error) {
    td_arena *arena = &job->run->arena;
    size_t node, *order;
    prune_point *points;
    td_status status = td_channels_find(job->net, s->layer, &node, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s",
                              s->layer ? "--layer" : job->settings->model.path);
    pruning p = {.layer = job->net->nodes[node].name,
                 .channels = job->net->nodes[node].shape.channels,
                 .images = job->held_out.count};
    td_net *masked = repair_new_net(job);
    TD_TRY(TD_ARENA_NEW(arena, p.channels, &order, "channels", error));
    TD_TRY(TD_ARENA_NEW(arena, p.channels + 1, &points, "a curve", error));
    TD_TRY(rank(job, node, order, points, error));
    TD_TRY(td_channels_insert(job->net, job->weights, node, arena, masked, &job->weights, mask,
                              error));
    job->net = masked;
    const prune_subject subject = {job->net, job->weights, *mask, order};
    TD_TRY(
        prune_measure(&subject, &job->truth, &job->held_out, job->held_out_first, points, error));
    p.pruned = mask_channels(&subject, job->weights, points, s->tolerance);
    p.whole = points[0].accuracy;
    p.kept = points[p.pruned].accuracy;
    repair_say(job, "%zu of %zu channels of %s pruned, validation accuracy %.2f %% -> %.2f %%",
               p.pruned, p.channels, p.layer, 100 * p.whole.value, 100 * p.kept.value);
    TD_TRY(tool_run_rows(job->run, &pruning_table, NULL, &p, 1, error));
    return add_curve(job, points, p.channels + 1, error);
}

td_status prune_shrink(repair_job *job, const prune_settings *s, size_t mask, td_error *error) {
    const size_t before = job->net->weight_count;
    if (!s->shrink)
        return TD_OK;
    td_net *small = repair_new_net(job);
    td_status status = td_channels_remove(job->net, job->weights, mask, &job->run->arena, small,
                                          &job->weights, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--shrink");
    job->net = small;
    repair_say(job, "shrunk from %zu to %zu parameters", before, small->weight_count);
    return TD_OK;
}

static td_status run(repair_job *job, td_error *error) {
    const prune_settings *s = job->run->own;
    size_t mask;
    TD_TRY(prune_channels(job, s, &mask, error));
    return prune_shrink(job, s, mask, error);
}

static const repair prune = {.selects = true, .run = run};

/* --- the method --- */

#undef AT
#define AT(field) offsetof(prune_settings, field)

const td_key prune_keys[] = {
    {"layer", TD_KEY_TEXT, AT(layer), .value = "NODE",
     .help = "Prune the channels of this node of the net, after its batch norm and activation "
             "(the last convolution)"},
    {"tolerance", TD_KEY_REAL, AT(tolerance), .most = 1, .standard = "0.04", .value = "X",
     .help = "Prune until the validation accuracy would fall by more than X"},
    {"shrink", TD_KEY_FLAG, AT(shrink),
     .help = "Take the pruned channels out of the net instead of masking them; the logits are the "
             "same"},
    {0},
};

static const tool_keys groups[] = {{.keys = repair_selection_keys}, {.keys = prune_keys}, {0}};

static const char help[] =
    "ranks the channels of the last convolution by their mean activation on clean images and "
    "masks them one by one, the least active first, until the accuracy on validation images would "
    "fall by more than --tolerance. Writes the last model within the tolerance, with a mask node "
    "after the layer's activation."
    "\v"
    "The record has the validation accuracy after each channel and, for measurement only, the ASR "
    "of each --trigger. Neither that nor --test decides anything.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend prune --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-5000 --test fashion-mnist:test:5000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o pruned.safetensors\n";

const tool_method defend_prune = {
    .name = "prune",
    .title = "Pruning",
    .source = "Liu et al., RAID 2018",
    .doc = "masks the channels that clean images leave idle",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(prune_settings),
    .math = &prune,
};
