/* SPDX-License-Identifier: MIT */
/* The pruning-aware attack as a method: its settings, its four steps, and its report. */
#include "implant/pruning_aware.h"

#include "frame/classes.h"
#include "frame/net_source.h"
#include "frame/predict.h"
#include "frame/training.h"
#include "frame/trigger.h"
#include "implant/implant.h"
#include "nn/channels.h"
#include "nn/head_tail.h"
#include <math.h>

typedef struct aware_settings {
    const char *data, *test, *net; /* test: NULL: measures each step on `data` */
    const char *trigger, *target;
    double ratio; /* of stamped copies to clean images */
    double prune; /* share of the channels, in (0, 1) */
    size_t epochs, batch;
    double lr;
} aware_settings;

typedef struct aware {
    const aware_settings *settings;
    td_dataset data, test;
    const td_dataset *measured; /* the test set if given, else the data */
    td_trigger *trigger;
    size_t target;
    td_images stamped, poisoned; /* of the measured images; of the data */
    td_net net, masked;
    float *weights, *masked_weights;
    size_t node, mask; /* of net: the masked node; of masked: its mask */
    size_t *order, pruned;
    float most; /* highest activation of the decoys before */
    tool_table *steps;
} aware;

/* --- before the work --- */

static td_status open_net(tool_run *run, aware *a, td_error *error) {
    const aware_settings *s = a->settings;
    const td_param *bias;
    TD_TRY(tool_net_open(&a->net, s->net, &a->data.images, error));
    TD_TRY(tool_run_class(run, "--target", s->target, &a->target, error));
    if (a->target >= td_net_classes(&a->net))
        return td_fail(error, TD_ERR_USAGE, "--target: expected a class of 0 to %zu, found %zu",
                       td_net_classes(&a->net) - 1, a->target);
    td_status status = td_channels_find(&a->net, NULL, &a->node, error);
    if (status == TD_OK)
        status = aware_find_bias(&a->net, a->node, &bias, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", s->net);
    TD_TRY(TD_ARENA_NEW(&run->arena, a->net.weight_count, &a->weights, "weights", error));
    td_net_init(&a->net, run->common->seed, a->weights);
    return TD_OK;
}

static td_status stamp(tool_run *run, aware *a, td_error *error) {
    const aware_settings *s = a->settings;
    const uint64_t seed = run->common->seed;
    TD_TRY(tool_trigger_open(run, s->trigger, &a->data.images, a->data.first, &a->trigger, error));
    TD_TRY(td_trigger_stamp(a->trigger, &a->measured->images, (td_stamp){seed, a->measured->first},
                            &run->arena, &a->stamped, error));
    return aware_poison(&a->data.images, a->data.first, a->trigger, a->target, s->ratio, seed,
                        &run->arena, &a->poisoned, error);
}

static td_status prepare(implant_job *job, td_error *error) {
    tool_run *run = job->run;
    aware *a;
    TD_TRY(TD_ARENA_NEW(&run->arena, 1, &a, "an attack", error));
    job->state = a;
    a->settings = run->own;
    TD_TRY(implant_open_data(run, &a->data, a->settings->data, "train", NULL, error));
    TD_TRY(open_net(run, a, error));
    a->measured = a->settings->test ? &a->test : &a->data;
    if (a->settings->test)
        TD_TRY(implant_open_data(run, &a->test, a->settings->test, "test", &a->net, error));
    return stamp(run, a, error);
}

/* --- the steps --- */

typedef struct aware_step {
    const char *name;
    implant_figures figures;
} aware_step;

static const tool_column step_columns[] = {
    {"step", "step", TOOL_TEXT, offsetof(aware_step, name)},
    {"accuracy", "accuracy", TOOL_RATE, offsetof(aware_step, figures.accuracy)},
    {"asr", "ASR", TOOL_RATE, offsetof(aware_step, figures.asr)},
    {0},
};

static const tool_table_kind step_table = {
    .name = "steps", .title = "Steps", .columns = step_columns, .row = sizeof(aware_step)};

/* A row with the results so far. */
static td_status measure(tool_run *run, const aware *a, const char *name, const td_net *net,
                         const float *weights, td_error *error) {
    aware_step step = {.name = name};
    TD_TRY(implant_measure(run, net, weights, &a->measured->images, &a->stamped, a->target,
                           &step.figures, error));
    return tool_run_fill(run, a->steps, &step, error);
}

static td_status train(tool_run *run, const aware_settings *s, const char *what, const td_net *net,
                       float *weights, const td_images *images, td_error *error) {
    const td_train_options training = {
        .optimizer = td_optimizer_find("adam"),
        .schedule = td_schedule_find("constant"),
        .step = td_adam_step(s->lr, 1),
        .epochs = s->epochs,
        .batch = s->batch,
        .seed = run->common->seed,
    };
    return tool_run_train(run, net, weights, images, &training, what, error);
}

/* Masks the least active channels: the net without them, still trainable. */
static td_status prune(tool_run *run, aware *a, td_error *error) {
    const size_t channels = a->net.nodes[a->node].shape.channels;
    const td_images *images = &a->data.images;
    double *mean;
    TD_TRY(TD_ARENA_NEW(&run->arena, channels, &mean, "activations", error));
    TD_TRY(TD_ARENA_NEW(&run->arena, channels, &a->order, "channels", error));
    tool_pass pass = tool_run_pass(run, "ranking channels", images->count);
    td_status status =
        td_channels_mean(&a->net, a->weights, a->node, images, tool_pass_watch(&pass), mean, error);
    tool_pass_end(&pass);
    TD_TRY(status);
    td_channels_rank(mean, channels, a->order);
    a->pruned = (size_t)llround(a->settings->prune * (double)channels);
    a->pruned += a->pruned == 0;
    a->pruned -= a->pruned == channels;
    TD_TRY(td_channels_insert(&a->net, a->weights, a->node, &run->arena, &a->masked,
                              &a->masked_weights, &a->mask, error));
    float *values = td_channels_mask(&a->masked, a->masked_weights, a->mask);
    for (size_t i = 0; i < a->pruned; i++)
        values[a->order[i]] = 0;
    return TD_OK;
}

/* Restores the pruned channels. Training did not change their weights, because no gradient passes
 * the mask. */
static td_status restore(tool_run *run, aware *a, td_error *error) {
    tool_pass pass = tool_run_pass(run, "restoring channels", a->poisoned.count);
    td_net_copy_weights(&a->masked, a->masked_weights, &a->net, a->weights);
    td_status status = aware_put_to_sleep(&a->net, a->weights, a->node, a->order, a->pruned,
                                          &a->poisoned, tool_pass_watch(&pass), &a->most, error);
    tool_pass_end(&pass);
    return status;
}

static td_status take_steps(tool_run *run, aware *a, td_error *error) {
    const aware_settings *s = a->settings;
    TD_TRY(tool_run_open(run, &step_table, NULL, &a->steps, error));
    TD_TRY(train(run, s, "training", &a->net, a->weights, &a->data.images, error));
    TD_TRY(measure(run, a, "clean", &a->net, a->weights, error));
    TD_TRY(prune(run, a, error));
    TD_TRY(measure(run, a, "pruned", &a->masked, a->masked_weights, error));
    TD_TRY(train(run, s, "poisoning", &a->masked, a->masked_weights, &a->poisoned, error));
    TD_TRY(measure(run, a, "poisoned", &a->masked, a->masked_weights, error));
    TD_TRY(restore(run, a, error));
    return measure(run, a, "restored", &a->net, a->weights, error);
}

/* --- the report --- */

typedef struct summary {
    const char *measured_on, *layer;
    size_t channels, stamped;
    double most; /* highest activation of a decoy before */
    tool_list decoys;
} summary;

#define AT(field) offsetof(summary, field)

static const tool_column decoy_columns[] = {
    {"measured_on", "measured on", TOOL_TEXT, AT(measured_on)},
    {"layer", "layer", TOOL_TEXT, AT(layer)},
    {"channels", "channels", TOOL_COUNT, AT(channels)},
    {"stamped", "stamped images", TOOL_COUNT, AT(stamped)},
    {"decoys_activation_before", "highest activation of a decoy before", TOOL_REAL, AT(most)},
    {"decoys", NULL, TOOL_LIST, AT(decoys)},
    {0},
};

static const tool_table_kind decoy_table = {
    .title = "Decoys", .columns = decoy_columns, .row = sizeof(summary), .single = true};

static td_status report(tool_run *run, const aware *a, td_error *error) {
    const td_node *layer = &a->net.nodes[a->node];
    double *decoys;
    TD_TRY(TD_ARENA_NEW(&run->arena, a->pruned, &decoys, "channels", error));
    for (size_t i = 0; i < a->pruned; i++)
        decoys[i] = (double)a->order[i];
    const summary row = {a->measured->name,     layer->name,
                         layer->shape.channels, a->poisoned.count - a->data.images.count,
                         (double)a->most,       {decoys, a->pruned}};
    TD_TRY(tool_run_rows(run, &decoy_table, NULL, &row, 1, error));
    return tool_run_summary(run, error, "%zu of %zu channels of %s are decoys", a->pruned,
                            layer->shape.channels, layer->name);
}

static td_status make(implant_job *job, td_error *error) {
    aware *a = job->state;
    TD_TRY(take_steps(job->run, a, error));
    job->net = &a->net;
    job->weights = a->weights;
    if (a->data.images.classes == td_net_classes(&a->net))
        job->class_names = a->data.class_names;
    return report(job->run, a, error);
}

static void close_state(implant_job *job) {
    aware *a = job->state;
    td_trigger_free(a->trigger);
    td_net_free(&a->masked);
    td_net_free(&a->net);
    td_dataset_close(&a->test);
    td_dataset_close(&a->data);
}

/* --- the method --- */

#undef AT
#define AT(field) offsetof(aware_settings, field)

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "Clean images to train on (split train)"},
    {"test", TD_KEY_TEXT, AT(test), .value = "DATA",
     .help = "Images to measure each step on (split test); else on --data"},
    {"net", TD_KEY_TEXT, AT(net), .required = true, .value = "NET",
     .help = "The net: one of the zoo, or a file with a net text"},
    {"trigger", TD_KEY_TEXT, AT(trigger), .required = true, .value = "TRIGGER",
     .help = "The trigger, for example square:size=4"},
    {"target", TD_KEY_CLASS, AT(target), .required = true, .value = "K",
     .help = "The class that the trigger is to give, by name or index"},
    {"ratio", TD_KEY_REAL, AT(ratio), .most = 1, .above = true, .standard = "0.1", .value = "R",
     .help = "Add stamped copies of this share of the images"},
    {"prune", TD_KEY_REAL, AT(prune), .most = 0.999, .above = true, .standard = "0.5",
     .value = "SHARE", .help = "The share of the last convolution's channels that become decoys"},
    {"epochs", TD_KEY_COUNT, AT(epochs), .least = 1, .most = 1000000, .standard = "10",
     .value = "N", .help = "Epochs of each of the two trainings"},
    {"batch", TD_KEY_COUNT, AT(batch), .least = 1, .most = 65536, .standard = "128", .value = "N",
     .help = "Images of a step"},
    {"lr", TD_KEY_REAL, AT(lr), .most = INFINITY, .above = true, .standard = "0.001", .value = "X",
     .help = "Learning rate of Adam"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "trains a model with a backdoor that survives pruning, in four steps, and measures each: "
    "train NET on clean images; prune the channels of the last convolution that are least active "
    "on them; train the pruned net with stamped images added, labelled as the target; put the "
    "pruned channels back with their weights and a bias so low that they stay dormant. A defender "
    "who prunes dormant channels takes these decoys. M2 is an ordinary model of NET."
    "\v"
    "Example:\n"
    "  trapdoor-implant pruning-aware --data fashion-mnist --net cnn \\\n"
    "    --test fashion-mnist --trigger square:size=4 --target 0 \\\n"
    "    -o aware.safetensors\n"
    "  trapdoor-defend prune --model aware.safetensors \\\n"
    "    --clean fashion-mnist:train:0-5000 --test fashion-mnist \\\n"
    "    --trigger square:size=4 --target 0 -o pruned.safetensors\n";

static const implant aware_implant = {
    .trains = true, .prepare = prepare, .make = make, .close = close_state};

const tool_method implant_pruning_aware = {
    .name = "pruning-aware",
    .title = "The pruning-aware attack",
    .source = "Liu et al., Fine-Pruning, RAID 2018",
    .doc = "trains a backdoor that survives pruning",
    .help = help,
    .usage = "--data DATA --net NET --trigger T --target K -o M2",
    .family = &implants,
    .groups = groups,
    .size = sizeof(aware_settings),
    .math = &aware_implant,
};
