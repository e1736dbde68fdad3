#include "defend/repair/tune.h"

#include <math.h>

#define AT(field) offsetof(tune_options, field)

const td_key repair_tune_keys[] = {
    {"epochs", TD_KEY_COUNT, AT(epochs), .least = 1, .most = 1000000, .standard = "10",
     .value = "N", .help = "Times to go through the images"},
    {"lr", TD_KEY_REAL, AT(lr), .above = true, .most = INFINITY, .standard = "0.01", .value = "X",
     .help = "Learning rate"},
    {"batch", TD_KEY_COUNT, AT(batch), .least = 1, .most = 65536, .standard = "128", .value = "N",
     .help = "Images of a step"},
    {"momentum", TD_KEY_REAL, AT(momentum), .most = 1, .standard = "0.9", .value = "X",
     .help = "Momentum of SGD"},
    {"weight-decay", TD_KEY_REAL, AT(weight_decay), .most = INFINITY, .standard = "0", .value = "X",
     .help = "Weight decay"},
    {0},
};

td_status tune_model(tool_run *run, const tune_run *tune, const td_net *net, float *weights,
                     const td_images *images, td_error *error) {
    const tune_options *o = tune->options;
    const td_train_options training = {
        .optimizer = td_optimizer_find("sgd"),
        .schedule = td_schedule_find("constant"),
        .step = {.lr = o->lr, .momentum = o->momentum, .weight_decay = o->weight_decay},
        .epochs = o->epochs,
        .batch = o->batch,
        .seed = run->common->seed,
        .epoch_done = tune->epoch_done,
        .context = tune->context,
    };
    return tool_run_train(run, net, weights, images, &training, tune->what, error);
}
