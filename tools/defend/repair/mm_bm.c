/* SPDX-License-Identifier: MIT */
/* MM-BM: bounds activations as tightly as clean images allow, so that the large activations of a
 * trigger are cut off. The weights do not change. Wang et al., IEEE S&P 2024. */
#include "defend/repair/mm_bm.h"

#include "base/size.h"
#include "defend/method.h"
#include "defend/repair/strengths.h"
#include "defend/repair/tuning.h"
#include "frame/predict.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct mmbm_settings {
    shares_settings shares;
    tool_training training;
    td_many layers;
    size_t per_class;
    double bound, cost, accuracy;
} mmbm_settings;

/* Beyond all activations: the accuracy to compare with is the original's, not that of the first
 * bounds. */
static const double NO_BOUND = 1e30;

typedef struct mmbm_state {
    const mmbm_settings *settings;
    const td_net *net; /* the original, and its weights */
    const float *weights;
    td_exec *original;
    double cost;
    size_t images; /* of the last training */
} mmbm_state;

/* MSE(f_z, f) + c · Σ ‖z_l‖₂. */
static td_status learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    mmbm_state *s = context;
    const size_t classes = td_net_classes(batch->net), count = batch->count;
    const size_t floats = count * td_shape_size(td_net_input(batch->net));
    (void)error;
    td_train_feed(batch);
    memcpy(td_exec_input(s->original), td_exec_input(batch->exec), floats * sizeof(float));
    const float *wanted = td_exec_forward(s->original, count);
    const float *found = td_exec_forward(batch->exec, count);
    float *gradient = td_exec_logits_gradient(batch->exec);
    const double share = 1 / (double)(count * classes);
    *loss = (td_loss){0};
    for (size_t i = 0; i < count; i++)
        loss->correct += td_argmax(found + i * classes, classes) == batch->labels[i];
    for (size_t i = 0; i < count * classes; i++) {
        const double by = (double)found[i] - (double)wanted[i];
        loss->sum += by * by / (double)classes;
        gradient[i] = (float)(2 * by * share);
    }
    td_exec_backward(batch->exec, batch->gradient);
    loss->sum += (double)count * mmbm_penalty(batch->net, batch->weights, s->cost, batch->gradient);
    return TD_OK;
}

/* After 2, 3 and 4 fifths of the epochs the cost adapts to the accuracy; training continues. */
static bool adapt(void *context, const td_train_state *state) {
    mmbm_state *s = context;
    const size_t epochs = s->settings->training.options.epochs;
    for (size_t fifth = 2; fifth <= 4; fifth++)
        if (5 * state->epoch >= fifth * epochs && 5 * (state->epoch - 1) < fifth * epochs)
            s->cost *= state->accuracy >= s->settings->accuracy ? 1.2 : 1 / 1.2;
    return false;
}

/* --- before the work --- */

/* The first images of each class that the original classifies correctly. */
static td_status choose_images(repair_job *job, const mmbm_state *s, td_images *out,
                               td_error *error) {
    const td_images *all = &job->learned;
    const size_t classes = td_net_classes(s->net);
    td_arena *arena = &job->run->arena;
    int32_t *predicted;
    uint32_t *numbers;
    size_t *counts, count = 0;
    TD_TRY(TD_ARENA_NEW(arena, all->count, &predicted, "predictions", error));
    TD_TRY(TD_ARENA_NEW(arena, all->count, &numbers, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, classes, &counts, "classes", error));
    TD_TRY(tool_predict_classes(s->net, s->weights, all, NULL, predicted, error));
    for (size_t i = 0; i < all->count; i++)
        if (predicted[i] == all->labels[i] && counts[predicted[i]]++ < s->settings->per_class)
            numbers[count++] = (uint32_t)i;
    if (count == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected images that the model is right about, found none",
                       job->settings->clean);
    return defend_gather(all, numbers, count, arena, out, error);
}

static int by_number(const void *a, const void *b) {
    const size_t one = *(const size_t *)a, other = *(const size_t *)b;
    return (one > other) - (one < other);
}

static td_status choose_nodes(const repair_job *job, const td_many *names, size_t **nodes,
                              size_t *count, td_error *error) {
    TD_TRY(TD_ARENA_NEW(&job->run->arena, names->count + MMBM_LAYERS, nodes, "nodes", error));
    if (names->count == 0) {
        td_status status = mmbm_find(job->net, *nodes, count, error);
        return status == TD_OK ? TD_OK
                               : td_fail_within(error, status, "%s", job->settings->model.path);
    }
    for (*count = 0; *count < names->count; ++*count) {
        size_t at = 1;
        while (at + 1 < job->net->node_count &&
               strcmp(job->net->nodes[at].name, names->texts[*count]) != 0)
            at++;
        for (size_t i = 0; i < *count; i++)
            if ((*nodes)[i] == at)
                return td_fail(error, TD_ERR_USAGE, "--layer: expected \"%s\" once",
                               names->texts[*count]);
        if (at + 1 == job->net->node_count)
            return td_fail(error, TD_ERR_USAGE,
                           "--layer: expected a node within the net, found \"%s\"",
                           names->texts[*count]);
        (*nodes)[*count] = at;
    }
    qsort(*nodes, *count, sizeof **nodes, by_number);
    return TD_OK;
}

/* --- the repair --- */

static td_status cap(repair_job *job, const mmbm_settings *s, td_error *error) {
    td_net *with = repair_new_net(job);
    const char *names = "";
    size_t *nodes, count;
    TD_TRY(choose_nodes(job, &s->layers, &nodes, &count, error));
    for (size_t i = 0; i < count; i++)
        TD_TRY(td_arena_print(&job->run->arena, &names, error, "%s%s%s", names, i ? ", " : "",
                              job->net->nodes[nodes[i]].name));
    TD_TRY(mmbm_insert(job->net, job->weights, nodes, count, NO_BOUND, &job->run->arena, with,
                       &job->weights, error));
    job->net = with;
    tool_run_set(job->run, "capped", "s", names);
    repair_say(job, "%s bounded", names);
    return TD_OK;
}

/* A strength is a factor of the cost. */
static td_status tighten(void *context, repair_job *job, double strength, const char *table,
                         td_error *error) {
    mmbm_state *s = context;
    td_images images;
    const repair_tuning how = {
        .table = table, .title = "Bounding", .doing = "bounding", .images = &images};
    td_train_options options = s->settings->training.options;
    TD_TRY(choose_images(job, s, &images, error));
    mmbm_bound(job->net, job->weights, s->settings->bound);
    s->cost = strength * s->settings->cost;
    s->images = images.count;
    options.frozen_statistics = true;
    options.learn = learn;
    options.enough = adapt;
    options.learn_context = s;
    return repair_tune(job, &how, &options, NULL, error);
}

static td_status bound(repair_job *job, mmbm_state *s, td_error *error) {
    static const double factors[] = {1, 0.3, 0.1, 0.03, 0.01};
    const strengths all = {.values = factors,
                           .count = sizeof factors / sizeof *factors,
                           .tolerance = s->settings->shares.tolerance,
                           .or_nothing = true,
                           .repair = tighten,
                           .context = s};
    const size_t batch = td_size_min(s->settings->training.options.batch, job->all.count) + 1;
    TD_TRY(repair_warn_missing(job, error));
    TD_TRY(td_exec_new(&s->original, s->net, batch, TD_FORWARD, error));
    td_exec_weights(s->original, s->weights);
    TD_TRY(cap(job, s->settings, error));
    TD_TRY(strengths_take(job, &all, error));
    repair_say(job,
               "tightened for %zu epochs on %zu images that the model was right about, last "
               "cost %.3g",
               s->settings->training.options.epochs, s->images, s->cost);
    return TD_OK;
}

static td_status run(repair_job *job, td_error *error) {
    mmbm_state s = {.settings = job->run->own, .net = job->net, .weights = job->weights};
    td_status status = bound(job, &s, error);
    td_exec_free(s.original);
    return status;
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    mmbm_settings *s = own;
    TD_TRY(tool_training_complete(&s->training, settings->common.seed, error));
    td_train_options *options = &s->training.options;
    options->optimizer = td_optimizer_find("adam");
    options->step = td_adam_step(options->step.lr, 1);
    return TD_OK;
}

static const repair mm_bm = {.selects = true, .run = run};

#define AT(field) offsetof(mmbm_settings, field)

static const td_key keys[] = {
    {"layer", TD_KEY_TEXT, AT(layers), .many = true, .optional = true, .value = "NODE",
     .help = "Bound the values of this node; may be repeated (the first layer and the ends of the "
             "next two stages, by resolution)"},
    {"bound", TD_KEY_REAL, AT(bound), .above = true, .most = INFINITY, .standard = "8",
     .value = "Z", .help = "The bounds at first"},
    {"cost", TD_KEY_REAL, AT(cost), .most = INFINITY, .standard = "0.5", .value = "C",
     .help = "Initial weight of the bounds' norms; times or divided by 1.2 after 2, 3 and 4 "
             "fifths of the epochs"},
    {"accuracy", TD_KEY_REAL, AT(accuracy), .most = 1, .standard = "0.95", .value = "A",
     .help = "Accuracy on the images above which the weight grows"},
    {"per-class", TD_KEY_COUNT, AT(per_class), .least = 1, .most = 1000000, .standard = "50",
     .value = "N", .help = "Most images of a class, of those that the model classifies correctly"},
    TUNING_EPOCHS(AT(training), "50"),
    TUNING_LR(AT(training), "0.1"),
    TUNING_BATCH(AT(training), "200"),
    {0},
};

static const tool_keys groups[] = {{.keys = strengths_keys}, {.keys = keys}, {0}};

static const char help[] =
    "Bound the activations of early layers, channel by channel, as tightly as the model's own "
    "logits on --clean images allow, by Adam. The repaired model has a node of bounds after each "
    "of these layers."
    "\v"
    "It needs clean images with their labels, 50 of each class, and a net with convolutions. All "
    "weights and statistics stay. A strength is a factor of --cost. The authors' code takes the "
    "images from the test set." STRENGTHS_HELP "\n"
    "Example:\n"
    "  trapdoor-defend mm-bm --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-1000 --test fashion-mnist:test:1000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_mm_bm = {
    .name = "mm-bm",
    .title = "MM-BM",
    .source = "Wang et al., IEEE S&P 2024",
    .doc = "bounds activations as tightly as clean images allow",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(mmbm_settings),
    .check = check,
    .math = &mm_bm,
};
