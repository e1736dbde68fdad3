/* SPDX-License-Identifier: MIT */
/* NPD: inserts a linear layer in the middle of the frozen model and trains it to remove a trigger's
 * effect from the features, with adversarial images in place of triggered ones. Zhu et al., NeurIPS
 * 2023. */
#include "defend/repair/npd.h"

#include "base/parallel.h"
#include "defend/method.h"
#include "defend/repair/shares.h"
#include "defend/repair/tuning.h"
#include "nn/feed.h"
#include <math.h>
#include <string.h>

typedef struct npd_settings {
    shares_settings shares;
    tool_training training; /* after the warm-up */
    const char *layer;
    size_t warm_epochs, steps;
    double warm_lr, radius, step, enough;
    npd_weights weights;
} npd_settings;

enum { PAPER_SIZE = 3072 }; /* values of the paper's images, 32 x 32 x 3 */

typedef struct npd_state {
    const npd_settings *settings;
    td_exec *exec; /* for TD_BACKWARD_INPUT, not training */
    size_t size, classes;
    double radius;
    float *images, *moved; /* [batch, size] */
    float *gradient;       /* [weights]: of the perturbed images */
    int32_t *own, *target; /* [batch] */
    double *loss;          /* [batch] */
    const td_train_batch *batch;
    const float *logits, *by_image;
    float *by_logits;
} npd_state;

/* --- the search --- */

static const float *forward(npd_state *s, const float *images) {
    memcpy(td_exec_input(s->exec), images, s->batch->count * s->size * sizeof *images);
    return s->logits = td_exec_forward(s->exec, s->batch->count);
}

static void choose_targets(npd_state *s) {
    forward(s, s->images);
    for (size_t i = 0; i < s->batch->count; i++) {
        const float *row = s->logits + i * s->classes;
        s->own[i] = td_argmax(row, s->classes);
        s->target[i] = npd_rival(row, s->batch->labels[i], s->classes);
    }
}

/* A step towards the target, projected onto the ball and the pixels' range. */
static void move_image(void *context, size_t i) {
    const npd_state *s = context;
    const float *image = s->images + i * s->size, *by = s->by_image + i * s->size;
    const float step = (float)(255 * s->settings->step);
    float *moved = s->moved + i * s->size;
    double squares = 0;
    for (size_t k = 0; k < s->size; k++) {
        moved[k] -= step * (float)((by[k] > 0) - (by[k] < 0));
        squares += (double)(moved[k] - image[k]) * (double)(moved[k] - image[k]);
    }
    const double most = 255 * s->radius, norm = sqrt(squares);
    const float by_norm = norm > most ? (float)(most / norm) : 1;
    for (size_t k = 0; k < s->size; k++)
        moved[k] = fminf(fmaxf(image[k] + by_norm * (moved[k] - image[k]), 0), 255);
}

static void search(npd_state *s) {
    const size_t count = s->batch->count;
    memcpy(s->moved, s->images, count * s->size * sizeof *s->moved);
    for (size_t step = 0; step < s->settings->steps; step++) {
        const td_loss loss = td_cross_entropy(forward(s, s->moved), s->target, count, s->classes,
                                              td_exec_logits_gradient(s->exec));
        if ((double)loss.correct > s->settings->enough * (double)count)
            return;
        s->by_image = td_exec_backward(s->exec, NULL);
        td_parallel_each(count, move_image, s);
    }
}

/* --- a step --- */

static void judge_image(void *context, size_t i) {
    const npd_state *s = context;
    s->loss[i] = npd_loss(&s->settings->weights, s->logits + i * s->classes, s->batch->labels[i],
                          s->own[i], s->target[i], s->classes, 1 / (double)s->batch->count,
                          s->by_logits + i * s->classes);
}

static void learn_perturbed(npd_state *s, td_train_batch *batch, td_loss *loss) {
    td_exec_weights(s->exec, batch->weights);
    memcpy(s->images, td_exec_input(batch->exec), batch->count * s->size * sizeof *s->images);
    choose_targets(s);
    search(s);
    forward(s, s->moved);
    s->by_logits = td_exec_logits_gradient(s->exec);
    td_parallel_each(batch->count, judge_image, s);
    td_exec_backward(s->exec, s->gradient);
    *loss = td_train_pass(batch, batch->gradient, NULL);
    for (size_t i = 0; i < batch->count; i++)
        loss->sum += s->loss[i];
    for (size_t i = 0; i < batch->net->weight_count; i++)
        batch->gradient[i] += s->gradient[i];
}

static td_status learn(void *context, td_train_batch *batch, td_loss *loss, td_error *error) {
    npd_state *s = context;
    (void)error;
    s->batch = batch;
    td_train_feed(batch);
    if (batch->epoch > s->settings->warm_epochs) {
        learn_perturbed(s, batch, loss);
        return TD_OK;
    }
    batch->lr = s->settings->warm_lr;
    *loss = td_train_pass(batch, batch->gradient, NULL);
    return TD_OK;
}

/* --- the repair --- */

static td_status open(repair_job *job, npd_state *s, td_error *error) {
    const size_t batch = td_size_min(s->settings->training.options.batch, job->learned.count) + 1;
    td_arena *arena = &job->run->arena;
    size_t floats;
    s->size = td_shape_size(td_net_input(job->net));
    s->classes = td_net_classes(job->net);
    if (!td_size_mul(batch, s->size, &floats))
        return td_fail_memory(error, "images");
    TD_TRY(TD_ARENA_NEW(arena, floats, &s->images, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, floats, &s->moved, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, job->net->weight_count, &s->gradient, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, batch, &s->own, "labels", error));
    TD_TRY(TD_ARENA_NEW(arena, batch, &s->target, "labels", error));
    TD_TRY(TD_ARENA_NEW(arena, batch, &s->loss, "losses", error));
    return td_exec_new(&s->exec, job->net, batch, TD_BACKWARD_INPUT, error);
}

/* A change of the paper's norm, in an image of fewer values, would be a larger one of each: the
 * default is the paper's for each value. */
static double radius_for(const repair_job *job, const npd_state *s) {
    const double radius = s->settings->radius;
    return tool_settings_given(job->run->settings, "radius")
               ? radius
               : radius * sqrt((double)s->size / PAPER_SIZE);
}

/* Puts the plug-in into the net; *layer: before this node. */
static td_status plug(repair_job *job, const char *name, const char **layer, td_error *error) {
    td_net *with = repair_new_net(job);
    size_t node;
    td_status status = npd_find(job->net, name, &node, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "%s", name ? "--layer" : job->settings->model.path);
    *layer = job->net->nodes[node].name;
    TD_TRY(npd_insert(job->net, job->weights, node, &job->learned, &job->run->arena, with,
                      &job->weights, error));
    job->net = with;
    return TD_OK;
}

static td_status polarize(repair_job *job, npd_state *s, td_error *error) {
    const repair_tuning how = {
        .table = "epochs", .title = "Training of the plug-in", .doing = "training the plug-in"};
    td_train_options options = s->settings->training.options;
    const char *layer = NULL;
    float *before;
    if (td_net_classes(job->net) < 2)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net of at least 2 classes, one of which is a target, "
                       "found %zu",
                       job->settings->model.path, td_net_classes(job->net));
    TD_TRY(repair_warn_missing(job, error));
    TD_TRY(plug(job, s->settings->layer, &layer, error));
    TD_TRY(open(job, s, error));
    TD_TRY(shares_before(job, &before, error));
    s->radius = radius_for(job, s);
    tool_run_set(job->run, "plugged_before", "s", layer);
    tool_run_set(job->run, "tuning", "{sf}", "radius", s->radius);
    options.learn = learn;
    options.learn_context = s;
    options.epochs += s->settings->warm_epochs;
    options.frozen_statistics = true;
    TD_TRY(repair_tune(job, &how, &options, NULL, error));
    repair_say(job, "a plug-in before %s trained for %zu epochs on %zu images", layer,
               options.epochs, job->learned.count);
    return shares_take(job, before, s->settings->shares.tolerance, error);
}

static td_status run(repair_job *job, td_error *error) {
    npd_state s = {.settings = job->run->own};
    td_status status = polarize(job, &s, error);
    td_exec_free(s.exec);
    return status;
}

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    npd_settings *s = own;
    return tool_training_complete(&s->training, settings->common.seed, error);
}

static const repair npd = {.selects = true, .run = run};

#define AT(field) offsetof(npd_settings, field)

static const td_key keys[] = {
    {"layer", TD_KEY_TEXT, AT(layer), .value = "NODE",
     .help = "Put the plug-in before this convolution (the last but one; of two the last)"},
    {"warm-epochs", TD_KEY_COUNT, AT(warm_epochs), .most = 1000000, .standard = "5", .value = "N",
     .help = "Epochs before --epochs by cross-entropy alone"},
    {"warm-lr", TD_KEY_REAL, AT(warm_lr), .above = true, .most = INFINITY, .standard = "0.0001",
     .value = "X", .help = "Their learning rate"},
    {"radius", TD_KEY_REAL, AT(radius), .above = true, .most = INFINITY, .standard = "3",
     .value = "E",
     .help = "Largest L2 norm of a change, pixels 0 to 1; by the root of the values, here 3072"},
    {"step", TD_KEY_REAL, AT(step), .above = true, .most = 1, .standard = "0.1", .value = "X",
     .help = "Change of a pixel in a step of the search"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 1000, .standard = "2", .value = "N",
     .help = "Steps of the search"},
    {"enough", TD_KEY_REAL, AT(enough), .most = 1, .standard = "0.6", .value = "SHARE",
     .help = "Share of a batch at its targets above which the search ends"},
    {"keep", TD_KEY_REAL, AT(weights.keep), .most = INFINITY, .standard = "0.4", .value = "X",
     .help = "Weight of the model's own answer there"},
    {"others", TD_KEY_REAL, AT(weights.others), .most = INFINITY, .standard = "0.4", .value = "X",
     .help = "Weight against the strongest wrong class"},
    {"target-weight", TD_KEY_REAL, AT(weights.target), .most = INFINITY, .standard = "0.4",
     .value = "X", .help = "Weight against the class perturbed to"},
    TUNING_EPOCHS(AT(training), "50"),
    TUNING_LR(AT(training), "0.01"),
    TUNING_BATCH(AT(training), "256"),
    TUNING_MOMENTUM(AT(training), "0.9"),
    TUNING_DECAY(AT(training), "0.0005"),
    TUNING_AUGMENT(AT(training)),
    {0},
};

static const tool_keys groups[] = {{.keys = shares_keys}, {.keys = keys}, {0}};

static const char help[] =
    "Puts a 1x1 convolution and a batch norm before a late convolution of the model and trains "
    "only them, by SGD, on the --clean images and on copies perturbed towards their second class, "
    "which replace triggered ones. The repaired model has two more nodes."
    "\v"
    "It needs clean images with labels (the paper has 5 % of the training set) and a net with two "
    "convolutions. The plug-in begins as the identity: its norm has the statistics of the clean "
    "images, fixed, and its scale and shift undo them; the published one warms up. All else "
    "stays." SHARES_HELP "\n"
    "Example:\n"
    "  trapdoor-defend npd --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-3000 --test fashion-mnist:test:3000-10000 \\\n"
    "    --trigger square:size=4 --target 0 -o repaired.safetensors\n";

const tool_method defend_npd = {
    .name = "npd",
    .title = "NPD",
    .source = "Zhu et al., NeurIPS 2023",
    .doc = "trains a layer that cleans features",
    .help = help,
    .family = &repairs,
    .groups = groups,
    .size = sizeof(npd_settings),
    .check = check,
    .math = &npd,
};
