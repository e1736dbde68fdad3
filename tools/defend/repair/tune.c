#include "defend/repair/tune.h"

#include "frame/training.h"
#include <math.h>

enum { KEY_EPOCHS = TOOL_OPTION_BASE + 0x180, KEY_LR, KEY_BATCH, KEY_MOMENTUM, KEY_DECAY };

const tune_options tune_defaults = {.epochs = 10, .batch = 128, .lr = 0.01, .momentum = 0.9};

static const struct argp_option rows[] = {
    {"epochs", KEY_EPOCHS, "N", 0, "Times to go through the clean images (10)", 0},
    {"lr", KEY_LR, "X", 0, "Learning rate (0.01)", 0},
    {"batch", KEY_BATCH, "N", 0, "Images of a step (128)", 0},
    {"momentum", KEY_MOMENTUM, "X", 0, "Momentum of SGD (0.9)", 0},
    {"weight-decay", KEY_DECAY, "X", 0, "Weight decay (0)", 0},
    {0},
};

static error_t parse(int key, char *text, struct argp_state *state) {
    tune_options *o = state->input;
    switch (key) {
    case KEY_EPOCHS:
        o->epochs = tool_count("--epochs", text, 1, 1000000, state);
        return 0;
    case KEY_LR:
        o->lr = tool_real_above("--lr", text, 0, INFINITY, state);
        return 0;
    case KEY_BATCH:
        o->batch = tool_count("--batch", text, 1, 65536, state);
        return 0;
    case KEY_MOMENTUM:
        o->momentum = tool_real("--momentum", text, 0, 1, state);
        return 0;
    case KEY_DECAY:
        o->weight_decay = tool_real("--weight-decay", text, 0, INFINITY, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp tune_argp = {rows, parse, NULL, NULL, NULL, NULL, NULL};

json_t *tune_options_json(const tune_options *o) {
    return json_pack("{sI sI sf sf sf}", "epochs", (json_int_t)o->epochs, "batch",
                     (json_int_t)o->batch, "lr", o->lr, "momentum", o->momentum, "weight_decay",
                     o->weight_decay);
}

td_status tune_model(const tune_run *run, const td_net *net, float *weights,
                     const td_images *images, td_error *error) {
    const tune_options *o = run->options;
    const td_train_options training = {
        .optimizer = td_optimizer_find("sgd"),
        .schedule = td_schedule_find("constant"),
        .step = {.lr = o->lr, .momentum = o->momentum, .weight_decay = o->weight_decay},
        .epochs = o->epochs,
        .batch = o->batch,
        .seed = run->seed,
        .epoch_done = run->epoch_done,
        .context = run->context,
    };
    return tool_train(net, weights, images, &training, run->what, run->quiet, error);
}
