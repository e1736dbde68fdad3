/* Pruning: the channels of the last convolution that clean images leave idle may be those that a
 * trigger wakes. Liu, Dolan-Gavitt and Garg, "Fine-pruning: defending against backdooring attacks
 * on deep neural networks", RAID 2018. */
#include "defend/method.h"
#include "defend/repair/fineprune.h"
#include "defend/repair/prune_curve.h"
#include "frame/predict.h"
#include "nn/channels.h"
#include <string.h>

/* --- tables --- */

enum { LAYER, CHANNELS, PRUNED, IMAGES, WHOLE, KEPT };

static const tool_column pruning_columns[] = {
    [LAYER] = {"layer", "layer", TOOL_TEXT},
    [CHANNELS] = {"channels", "channels", TOOL_COUNT},
    [PRUNED] = {"pruned", "pruned", TOOL_COUNT},
    [IMAGES] = {"validation_images", "validation images", TOOL_COUNT},
    [WHOLE] = {"accuracy", "accuracy", TOOL_RATE},
    [KEPT] = {"pruned_accuracy", "accuracy when pruned", TOOL_RATE},
    {0},
};

enum { MASKED, CHANNEL, ACTIVATION, ACCURACY, CHOSEN, ASR };

/* The first ASR is followed by as many more as there are triggers. */
static const tool_column curve_columns[ASR + REPAIR_MOST_TRIGGERS + 1] = {
    [MASKED] = {"pruned", "channels pruned", TOOL_COUNT},
    [CHANNEL] = {"channel", "channel", TOOL_COUNT},
    [ACTIVATION] = {"activation", "mean activation", TOOL_REAL},
    [ACCURACY] = {"accuracy", "accuracy", TOOL_RATE},
    [CHOSEN] = {"chosen", "chosen", TOOL_FLAG},
};

static const tool_chart curve_charts[] = {
    {"Accuracy and ASR as channels are pruned", TOOL_CHART_LINES, "pruned", {"accuracy", "asr"}},
    {0},
};

static const tool_table_kind pruning_table = {.name = "pruning",
                                              .title = "Pruning",
                                              .columns = pruning_columns,
                                              .single = true},
                             curve_table = {.name = "curve",
                                            .title = "Channels pruned one by one",
                                            .charts = curve_charts,
                                            .drawn = true};

static td_status add_pruning(repair_job *job, const char *layer, const prune_curve *curve,
                             size_t pruned, td_error *error) {
    const td_rate whole = curve->accuracy[0], kept = curve->accuracy[pruned];
    tool_table *table;
    tool_cell *row;
    TD_TRY(tool_run_table(job->run, &pruning_table, &table, error));
    TD_TRY(tool_run_row(job->run, table, &row, error));
    TD_TRY(tool_run_cell(job->run, &row[LAYER], layer, error));
    tool_cell_count(&row[CHANNELS], curve->steps);
    tool_cell_count(&row[PRUNED], pruned);
    tool_cell_count(&row[IMAGES], job->held_out.count);
    tool_cell_rate(&row[WHOLE], whole);
    tool_cell_rate(&row[KEPT], kept);
    repair_say(job, "%zu of %zu channels of %s pruned, validation accuracy %.2f %% -> %.2f %%",
               pruned, curve->steps, layer, 100 * whole.value, 100 * kept.value);
    return TD_OK;
}

static td_status open_curve(repair_job *job, tool_table **table, td_error *error) {
    tool_table_kind *kind;
    tool_column *columns;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &kind, "a table", error));
    TD_TRY(
        TD_ARENA_NEW(&job->run->arena, ASR + REPAIR_MOST_TRIGGERS + 1, &columns, "a table", error));
    memcpy(columns, curve_columns, sizeof curve_columns);
    for (size_t i = 0; i < job->truth.backdoor_count; i++)
        columns[ASR + i] = (tool_column){"asr", "ASR", TOOL_RATE, .list = true};
    *kind = curve_table;
    kind->columns = columns;
    return tool_run_table(job->run, kind, table, error);
}

static td_status add_curve(repair_job *job, const prune_curve *curve, const double *mean,
                           const size_t *order, size_t pruned, td_error *error) {
    tool_table *table;
    tool_cell *row;
    TD_TRY(open_curve(job, &table, error));
    for (size_t k = 0; k <= curve->steps; k++) {
        TD_TRY(tool_run_row(job->run, table, &row, error));
        tool_cell_count(&row[MASKED], k);
        if (k > 0) {
            tool_cell_count(&row[CHANNEL], order[k - 1]);
            tool_cell_real(&row[ACTIVATION], mean[order[k - 1]]);
        }
        tool_cell_rate(&row[ACCURACY], curve->accuracy[k]);
        if (k == pruned)
            tool_cell_flag(&row[CHOSEN], true);
        for (size_t i = 0; i < job->truth.backdoor_count; i++)
            tool_cell_rate(&row[ASR + i], curve->asr[i][k]);
    }
    return TD_OK;
}

/* --- the repair --- */

static td_status rank(repair_job *job, size_t node, double *mean, size_t *order, td_error *error) {
    tool_pass pass = tool_run_pass(job->run, "ranking channels", job->learned.count);
    td_status status = td_channels_mean(job->net, job->weights, node, &job->learned,
                                        tool_pass_watch(&pass), mean, error);
    tool_pass_end(&pass);
    td_channels_rank(mean, job->net->nodes[node].shape.channels, order);
    return status;
}

td_status prune_channels(repair_job *job, const prune_settings *s, size_t *mask, td_error *error) {
    td_arena *arena = &job->run->arena;
    size_t node, *order;
    double *mean;
    prune_curve curve;
    td_status status = td_channels_find(job->net, s->layer, &node, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s",
                              s->layer ? "--layer" : job->settings->model.path);
    const char *layer = job->net->nodes[node].name;
    const size_t channels = job->net->nodes[node].shape.channels;
    td_net *masked = repair_new_net(job);
    TD_TRY(TD_ARENA_NEW(arena, channels, &mean, "activations", error));
    TD_TRY(TD_ARENA_NEW(arena, channels, &order, "channels", error));
    TD_TRY(rank(job, node, mean, order, error));
    TD_TRY(td_channels_insert(job->net, job->weights, node, arena, masked, &job->weights, mask,
                              error));
    job->net = masked;
    const prune_subject subject = {job->net, job->weights, *mask, order};
    TD_TRY(prune_measure(&subject, &job->truth, &job->held_out, job->held_out_first, arena, &curve,
                         error));
    const size_t pruned = prune_choose(&curve, s->tolerance);
    float *values = td_channels_mask(job->net, job->weights, *mask);
    for (size_t k = 0; k < pruned; k++)
        values[order[k]] = 0;
    TD_TRY(add_pruning(job, layer, &curve, pruned, error));
    return add_curve(job, &curve, mean, order, pruned, error);
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

#define AT(field) offsetof(prune_settings, field)

const td_key prune_keys[] = {
    {"layer", TD_KEY_TEXT, AT(layer), .value = "NODE",
     .help = "Prune the channels of this node of the net, behind its batch norm and activation "
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
    "ranks the channels of the last convolution by their mean activation on clean images and masks "
    "them one by one, the least active first, until the accuracy on validation images would fall "
    "by more than --tolerance. What is written is the model as it was before that, with a mask "
    "node behind the layer's activation."
    "\v"
    "The record has the whole curve: the validation accuracy after each channel and, for "
    "measurement only, the ASR of each --trigger. Neither it nor --test decides anything.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend prune --model model.safetensors \\\n"
    "    --clean fashion-mnist:train:0-5000 --test fashion-mnist \\\n"
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
