/* SPDX-License-Identifier: MIT */
#include "frame/training.h"

#include <math.h>
#include <stdio.h>

#define AT(field) offsetof(tool_training, field)

/* In the order of td_optimizers and td_schedules. */
static const char *const optimizers[] = {"sgd", "adam", NULL};
static const char *const schedules[] = {"constant", "step", "cosine", NULL};

const td_key tool_training_keys[] = {
    {"epochs", TD_KEY_COUNT, AT(options.epochs), .least = 1, .most = 1000000, .standard = "10",
     .value = "N", .help = "Epochs"},
    {"batch", TD_KEY_COUNT, AT(options.batch), .least = 1, .most = 65536, .standard = "128",
     .value = "N", .help = "Images a step"},
    {"optimizer", TD_KEY_WORD, AT(optimizer), .words = optimizers, .standard = "adam",
     .value = "NAME", .help = "sgd or adam"},
    {"lr", TD_KEY_REAL, AT(options.step.lr), .most = INFINITY, .above = true, .value = "X",
     .help = "Learning rate (adam 0.001, sgd 0.01)"},
    {"momentum", TD_KEY_REAL, AT(options.step.momentum), .most = 1, .standard = "0.9", .value = "X",
     .help = "Momentum of sgd"},
    {"beta1", TD_KEY_REAL, AT(options.step.beta1), .most = 0.999999, .standard = "0.9",
     .value = "X", .help = "First-moment decay of adam"},
    {"beta2", TD_KEY_REAL, AT(options.step.beta2), .most = 0.999999, .standard = "0.999",
     .value = "X", .help = "Second-moment decay of adam"},
    {"weight-decay", TD_KEY_REAL, AT(options.step.weight_decay), .most = INFINITY, .standard = "0",
     .value = "X", .help = "Weight decay, added to the gradient"},
    {"schedule", TD_KEY_WORD, AT(schedule), .words = schedules, .standard = "constant",
     .value = "NAME", .help = "constant, step or cosine"},
    {"warmup", TD_KEY_COUNT, AT(options.warmup), .most = 1000000, .standard = "0", .value = "N",
     .help = "Epochs of linear warm-up before the schedule"},
    {"augment", TD_KEY_TEXT, AT(augment), .value = "KIND[=AMOUNT],...",
     .help =
         "Change images at random, in this order, black outside: zoom=F "
         "(1-F to 1+F; 0.1), rotate=DEGREES (either way; 15), shift=PIXELS (2), crop=PIXELS of "
         "border (4), flip (half of the images). keras:KIND,... as Keras: "
         "rotate=DEGREES (8), shift=SHARE (0.08), shear=DEGREES (0.3), zoom=SHARE (0.08), flip, "
         "black (else nearest)"},
    {"label-smoothing", TD_KEY_REAL, AT(options.label_smoothing), .most = 1, .below = true,
     .standard = "0", .value = "X", .help = "Share of a label to spread over all classes"},
    {0},
};

td_status tool_training_complete(tool_training *t, uint64_t seed, td_error *error) {
    td_train_options *options = &t->options;
    if (options->warmup >= options->epochs)
        return td_fail(error, TD_ERR_USAGE,
                       "--warmup: expected fewer epochs than the %zu of --epochs, found %zu",
                       options->epochs, options->warmup);
    options->optimizer = td_optimizer_find(optimizers[t->optimizer]);
    options->schedule = td_schedule_find(schedules[t->schedule]);
    options->seed = seed;
    options->step.epsilon = 1e-8;
    if (!(options->step.lr > 0))
        options->step.lr = options->optimizer->lr;
    if (!t->augment)
        return TD_OK;
    td_status status = td_augment_parse(&t->augmentation, t->augment, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--augment");
    td_augment_text(&t->augmentation, t->augment_text);
    t->augment = t->augment_text;
    options->augment = &t->augmentation;
    return TD_OK;
}

typedef struct watch {
    tool_run *run;
    const td_train_options *options;
    size_t images;
} watch;

static bool batch_done(void *context, const td_train_state *state) {
    watch *w = context;
    char note[96];
    snprintf(note, sizeof note, "epoch %zu/%zu  loss %.4f", state->epoch, w->options->epochs,
             state->loss);
    const size_t epochs = state->epoch - 1 - w->options->epochs_done;
    tool_run_show(w->run, epochs * w->images + state->images, note);
    return !tool_run_stops(w->run);
}

static td_status epoch_done(void *context, const td_train_state *state, td_error *error) {
    const td_train_options *options = ((watch *)context)->options;
    return options->epoch_done ? options->epoch_done(options->context, state, error) : TD_OK;
}

td_status tool_run_train(tool_run *run, const td_net *net, float *weights, const td_images *images,
                         const td_train_options *options, const char *what, td_error *error) {
    watch w = {run, options, images->count};
    td_train_options watched = *options;
    watched.batch_done = batch_done;
    watched.epoch_done = epoch_done;
    watched.context = &w;
    if (td_train_joins(net, images->count, options->batch))
        tool_run_log(run,
                     "note: the last batch of each epoch has %zu images, one of which would be "
                     "alone in the next: batch norm takes two",
                     options->batch + 1);
    tool_run_begin(run, what, "images", (options->epochs - options->epochs_done) * images->count);
    td_status status = td_train(net, weights, images, &watched, error);
    tool_run_end(run);
    return status;
}
