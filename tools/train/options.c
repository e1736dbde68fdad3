#include "train/options.h"

#include "data/dataset.h"
#include "nn/op.h"
#include <math.h>
#include <stdlib.h>

enum {
    KEY_DATA = TOOL_OPTION_BASE,
    KEY_NET,
    KEY_HELP_NET,
    KEY_EPOCHS,
    KEY_BATCH,
    KEY_OPTIMIZER,
    KEY_LR,
    KEY_MOMENTUM,
    KEY_BETA1,
    KEY_BETA2,
    KEY_DECAY,
    KEY_SCHEDULE,
    KEY_WARMUP,
    KEY_VALIDATE,
    KEY_FROM,
    KEY_FREEZE,
    KEY_AUGMENT,
    KEY_SMOOTHING,
    KEY_RESUME,
    KEY_WATCH,
    KEY_TARGET,
};

static const struct argp_option rows[] = {
    {"data", KEY_DATA, "DATA", 0, "Train on DATA: NAME or PATH, with :SPLIT and :A-B (split train)",
     0},
    {"net", KEY_NET, "NET", 0,
     "The net: cnn, cnn-bn, lenet5, vgg16, resnet34, resnet34-small, or a file with a net text", 0},
    {"help-net", KEY_HELP_NET, NULL, 0, "Print the operators of a net text", 0},
    {"epochs", KEY_EPOCHS, "N", 0, "Epochs (10)", 0},
    {"batch", KEY_BATCH, "N", 0, "Images a step (128)", 0},
    {"optimizer", KEY_OPTIMIZER, "NAME", 0, "sgd or adam (adam)", 0},
    {"lr", KEY_LR, "X", 0, "Learning rate (adam 0.001, sgd 0.01)", 0},
    {"momentum", KEY_MOMENTUM, "X", 0, "Momentum of sgd (0.9)", 0},
    {"beta1", KEY_BETA1, "X", 0, "First-moment decay of adam (0.9)", 0},
    {"beta2", KEY_BETA2, "X", 0, "Second-moment decay of adam (0.999)", 0},
    {"weight-decay", KEY_DECAY, "X", 0, "Weight decay, added to the gradient (0)", 0},
    {"schedule", KEY_SCHEDULE, "NAME", 0, "constant, step or cosine (constant)", 0},
    {"warmup", KEY_WARMUP, "N", 0, "Epochs of linear warm-up before the schedule (0)", 0},
    {"augment", KEY_AUGMENT, "KIND[=AMOUNT],...", 0,
     "Change every image at random, anew each epoch, before the net sees it: zoom=F (by 1-F to "
     "1+F; 0.1), rotate=DEGREES (up to so much either way; 15), shift=P (by up to P pixels; 2), "
     "crop=P (from a border of P pixels; 4), flip (left to right, half of the images). They apply "
     "in "
     "this order; outside of the image is black",
     0},
    {"label-smoothing", KEY_SMOOTHING, "X", 0,
     "Spread the share X of each label over all classes, 0 <= X < 1 (0)", 0},
    {"validate", KEY_VALIDATE, "DATA", 0, "Measure accuracy on DATA after each epoch (split test)",
     0},
    {"from", KEY_FROM, "MODEL", 0,
     "Start from this model, or a checkpoint's weights, instead of random weights. With --net, "
     "from "
     "those of its weights whose names and shapes NET has, for another number of classes or from a "
     "state_dict",
     0},
    {"freeze", KEY_FREEZE, "PATTERN", 0,
     "Leave the parameters that match alone, for example 'conv*'; may be repeated", 0},
    {"watch-trigger", KEY_WATCH, "TRIGGER", 0,
     "Measure the attack success rate of this trigger on the images of --validate after each "
     "epoch; "
     "may be repeated, each with its --target",
     0},
    {"target", KEY_TARGET, "K", 0, "The target class of the watched trigger before it", 0},
    {"resume", KEY_RESUME, NULL, 0,
     "Go on from MODEL.checkpoint, which a training that did not end leaves, if there is one", 0},
    {0},
};

static size_t find_optimizer(const char *text, struct argp_state *state) {
    const char *names[8] = {NULL};
    for (size_t i = 0; td_optimizers[i].name; i++)
        names[i] = td_optimizers[i].name;
    return tool_choice("--optimizer", text, names, state);
}

static size_t find_schedule(const char *text, struct argp_state *state) {
    const char *names[8] = {NULL};
    for (size_t i = 0; td_schedules[i].name; i++)
        names[i] = td_schedules[i].name;
    return tool_choice("--schedule", text, names, state);
}

static error_t parse_training(int key, char *text, struct argp_state *state, td_train_options *t) {
    switch (key) {
    case KEY_EPOCHS:
        t->epochs = tool_count("--epochs", text, 1, 1000000, state);
        return 0;
    case KEY_BATCH:
        t->batch = tool_count("--batch", text, 1, 65536, state);
        return 0;
    case KEY_OPTIMIZER:
        t->optimizer = &td_optimizers[find_optimizer(text, state)];
        return 0;
    case KEY_LR:
        t->step.lr = tool_real_above("--lr", text, 0, INFINITY, state);
        return 0;
    case KEY_MOMENTUM:
        t->step.momentum = tool_real("--momentum", text, 0, 1, state);
        return 0;
    case KEY_BETA1:
        t->step.beta1 = tool_real("--beta1", text, 0, 0.999999, state);
        return 0;
    case KEY_BETA2:
        t->step.beta2 = tool_real("--beta2", text, 0, 0.999999, state);
        return 0;
    case KEY_DECAY:
        t->step.weight_decay = tool_real("--weight-decay", text, 0, INFINITY, state);
        return 0;
    case KEY_SCHEDULE:
        t->schedule = &td_schedules[find_schedule(text, state)];
        return 0;
    case KEY_WARMUP:
        t->warmup = tool_count("--warmup", text, 0, 1000000, state);
        return 0;
    case KEY_SMOOTHING:
        t->label_smoothing = tool_real("--label-smoothing", text, 0, 1, state);
        if (t->label_smoothing == 1)
            tool_misuse(state, "--label-smoothing: expected a number below 1, found \"%s\"", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void parse_augment(train_options *o, const char *text, const struct argp_state *state) {
    td_error error;
    if (td_augment_parse(&o->augment, text, &error) != TD_OK)
        tool_misuse(state, "--augment: %s", error.message);
    o->training.augment = &o->augment;
}

static void check(const train_options *o, const struct argp_state *state) {
    if (!o->data)
        tool_misuse(state, "--data is missing: what to train on, for example fashion-mnist");
    if (!o->net && !o->from)
        tool_misuse(state, "--net is missing: the net to train, for example cnn");
    if (o->watched_count != o->target_count)
        tool_misuse(state, "--watch-trigger and --target come in pairs: found %zu and %zu",
                    o->watched_count, o->target_count);
    if (o->watched_count > 0 && !o->validate)
        tool_misuse(state, "--watch-trigger needs --validate: the images to stamp");
    if (!o->common.output)
        tool_misuse(state, "-o is missing: where to write the model");
    if (o->training.warmup >= o->training.epochs)
        tool_misuse(state, "--warmup: expected fewer epochs than the %zu of --epochs, found %zu",
                    o->training.epochs, o->training.warmup);
}

static error_t parse(int key, char *text, struct argp_state *state) {
    train_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case KEY_DATA:
        o->data = text;
        return 0;
    case KEY_NET:
        o->net = text;
        return 0;
    case KEY_HELP_NET:
        td_ops_reference(stdout);
        exit(tool_exit(TD_OK, NULL));
    case KEY_VALIDATE:
        o->validate = text;
        return 0;
    case KEY_FROM:
        o->from = text;
        return 0;
    case KEY_FREEZE:
        if (o->freeze_count == MOST_FREEZE)
            tool_misuse(state, "--freeze: expected at most %d patterns", MOST_FREEZE);
        o->freeze[o->freeze_count++] = text;
        return 0;
    case KEY_AUGMENT:
        parse_augment(o, text, state);
        return 0;
    case KEY_WATCH:
        if (o->watched_count == MOST_WATCHED)
            tool_misuse(state, "--watch-trigger: expected at most %d", MOST_WATCHED);
        o->watched[o->watched_count++] = text;
        return 0;
    case KEY_TARGET:
        if (o->target_count == MOST_WATCHED)
            tool_misuse(state, "--target: expected at most %d", MOST_WATCHED);
        o->targets[o->target_count++] = tool_count("--target", text, 0, TD_MOST_CLASSES - 1, state);
        return 0;
    case KEY_RESUME:
        o->resume = true;
        return 0;
    case ARGP_KEY_ARG:
        tool_misuse(state, "unexpected argument \"%s\"", text);
    case ARGP_KEY_END:
        check(o, state);
        return 0;
    default:
        return parse_training(key, text, state, &o->training);
    }
}

static const char doc[] =
    "Trains a net on a data set and writes the model (safetensors, tensors named as in PyTorch) "
    "and "
    "MODEL.log.jsonl with a line per epoch. While it trains, MODEL.checkpoint holds the last epoch "
    "that was finished; it stays only if the training does not end.\v"
    "Example:\n"
    "  trapdoor-train --data fashion-mnist --net cnn --epochs 3 -o m.safetensors\n"
    "  trapdoor-train --data fashion-mnist --net cnn --resume -o m.safetensors\n"
    "Does a backdoor survive training on clean data?\n"
    "  trapdoor-train --from enemy.safetensors --freeze 'conv*' \\\n"
    "    --data fashion-mnist --validate fashion-mnist:test --epochs 5 \\\n"
    "    --watch-trigger square:size=7 --target 3 -o again.safetensors\n";

void train_options_parse(train_options *options, int argc, char **argv) {
    *options = (train_options){
        .training = {.optimizer = td_optimizer_find("adam"),
                     .schedule = td_schedule_find("constant"),
                     .step = {.momentum = 0.9, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
                     .epochs = 10,
                     .batch = 128}};
    const struct argp argp = {
        rows, parse, "--data DATA --net NET -o MODEL", doc, tool_common_children, NULL, NULL};
    tool_parse(&argp, argc, argv, options, &options->common);
    options->training.seed = options->common.seed;
    if (options->training.step.lr == 0)
        options->training.step.lr = options->training.optimizer->lr;
}
