/* SPDX-License-Identifier: MIT */
#include "defend/repair/tune.h"

#include <math.h>

#define AT(field) offsetof(td_train_options, field)

const td_key repair_tune_keys[] = {
    {"epochs", TD_KEY_COUNT, AT(epochs), .least = 1, .most = 1000000, .standard = "10",
     .value = "N", .help = "Epochs over the images"},
    {"lr", TD_KEY_REAL, AT(step.lr), .above = true, .most = INFINITY, .standard = "0.01",
     .value = "X", .help = "Learning rate"},
    {"batch", TD_KEY_COUNT, AT(batch), .least = 1, .most = 65536, .standard = "128", .value = "N",
     .help = "Images of a step"},
    {"momentum", TD_KEY_REAL, AT(step.momentum), .most = 1, .standard = "0.9", .value = "X",
     .help = "Momentum of SGD"},
    {"weight-decay", TD_KEY_REAL, AT(step.weight_decay), .most = INFINITY, .standard = "0",
     .value = "X", .help = "Weight decay"},
    {0},
};

td_train_options tune_options(const tool_run *run, const td_train_options *options) {
    td_train_options training = *options;
    training.optimizer = td_optimizer_find("sgd");
    if (!training.schedule)
        training.schedule = td_schedule_find("constant");
    training.seed = run->common->seed;
    return training;
}

td_status tune_model(tool_run *run, const td_train_options *options, const char *what,
                     const td_net *net, float *weights, const td_images *images, td_error *error) {
    const td_train_options training = tune_options(run, options);
    return tool_run_train(run, net, weights, images, &training, what, error);
}
