/* trapdoor-train: trains a net on a data set. Its options. */
#include "frame/command.h"
#include "frame/trigger.h"
#include "nn/op.h"
#include "train/train.h"
#include <math.h>

#define AT(field) offsetof(train_settings, field)

/* As in td_optimizers and td_schedules. */
static const char *const optimizers[] = {"sgd", "adam", NULL};
static const char *const schedules[] = {"constant", "step", "cosine", NULL};

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "Train on DATA: NAME or PATH, with :SPLIT and :A-B (split train)"},
    {"net", TD_KEY_TEXT, AT(net), .value = "NET",
     .help = "The net: cnn, cnn-bn, lenet5, vgg16, resnet18, resnet34, resnet34-small, "
             "preact-resnet18, or a file with a net text"},
    {"validate", TD_KEY_TEXT, AT(validate), .value = "DATA",
     .help = "Measure accuracy on DATA after each epoch (split test)"},
    {"from", TD_KEY_TEXT, AT(from), .value = "MODEL",
     .help = "Start from this model, or a checkpoint's weights, instead of random weights. With "
             "--net, from those of its weights whose names and shapes NET has, for another number "
             "of classes or from a state_dict"},
    {"freeze", TD_KEY_TEXT, AT(freeze), .many = true, .value = "PATTERN",
     .help = "Leave the parameters that match alone, for example 'conv*'; may be repeated"},
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
     .help = "Change every image at random, anew each epoch, before the net sees it: zoom=F (by "
             "1-F to 1+F; 0.1), rotate=DEGREES (up to so much either way; 15), shift=P (by up to P "
             "pixels; 2), crop=P (from a border of P pixels; 4), flip (left to right, half of the "
             "images). They apply in this order; outside of the image is black"},
    {"label-smoothing", TD_KEY_REAL, AT(options.label_smoothing), .most = 1, .below = true,
     .standard = "0", .value = "X", .help = "Spread the share X of each label over all classes"},
    {"resume", TD_KEY_FLAG, AT(resume), .unrecorded = true,
     .help = "Resume from MODEL.checkpoint if it exists: what a training leaves that did not end"},
    {0},
};

static const td_key watched[] = {
    {"watch-trigger", TD_KEY_TEXT, AT(triggers), .many = true, .optional = true,
     .needs = "validate", .field = "trigger", .value = "TRIGGER",
     .help = "Measure the attack success rate of this trigger on the images of --validate after "
             "each epoch; may be repeated, each with its --target"},
    {"target", TD_KEY_CLASS, AT(targets), .many = true, .alias = "target-map",
     .value = TOOL_TARGET_VALUE,
     .help = "The target of the watched trigger before it: " TOOL_TARGET_HELP},
    {0},
};

/* Completes the training's options, which the keys have filled in but for what they name. */
static td_status check(const tool_settings *settings, void *family, td_error *error) {
    train_settings *s = family;
    td_train_options *options = &s->options;
    if (!s->net && !s->from)
        return td_fail(error, TD_ERR_USAGE, "--net is missing: the net to train, for example cnn");
    if (options->warmup >= options->epochs)
        return td_fail(error, TD_ERR_USAGE,
                       "--warmup: expected fewer epochs than the %zu of --epochs, found %zu",
                       options->epochs, options->warmup);
    options->optimizer = td_optimizer_find(optimizers[s->optimizer]);
    options->schedule = td_schedule_find(schedules[s->schedule]);
    options->seed = settings->common.seed;
    options->step.epsilon = 1e-8;
    if (!(options->step.lr > 0))
        options->step.lr = options->optimizer->lr;
    if (!s->augment)
        return TD_OK;
    td_status status = td_augment_parse(&s->augmentation, s->augment, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--augment");
    td_augment_text(&s->augmentation, s->augment_text);
    s->augment = s->augment_text;
    options->augment = &s->augmentation;
    return TD_OK;
}

static const tool_family training = {
    .name = "training",
    .usage = "--data DATA --net NET -o MODEL",
    .groups = (const tool_keys[]){{.keys = keys},
                                  {.keys = watched, .object = "watched", .rows = true},
                                  {0}},
    .prints =
        (const tool_print[]){{"help-net", "Print the operators of a net text", td_ops_reference},
                             TOOL_PRINT_TRIGGERS,
                             {0}},
    .size = sizeof(train_settings),
    .check = check,
    .run = train_run,
    .output = TOOL_OUTPUT_FILE,
    .needs_output = true,
    .output_what = "where to write the model",
};

static const char help[] =
    "Trains a net on a data set and writes the model (safetensors, tensors named as in PyTorch) "
    "and MODEL.log.jsonl with a line per epoch. While it trains, MODEL.checkpoint holds the last "
    "epoch that was finished; it stays only if the training does not end."
    "\v"
    "Example:\n"
    "  trapdoor-train --data fashion-mnist --net cnn --epochs 3 -o m.safetensors\n"
    "  trapdoor-train --data fashion-mnist --net cnn --resume -o m.safetensors\n"
    "Does a backdoor survive training on clean data?\n"
    "  trapdoor-train --from enemy.safetensors --freeze 'conv*' \\\n"
    "    --data fashion-mnist --validate fashion-mnist:test --epochs 5 \\\n"
    "    --watch-trigger square:size=7 --target 3 -o again.safetensors\n";

static const tool_method method = {
    .title = "Training",
    .doc = "train a net on a data set",
    .help = help,
    .family = &training,
};

int main(int argc, char **argv) {
    static const tool_method *const methods[] = {&method, NULL};
    const tool_program program = {.name = "trapdoor-train", .methods = methods};
    return tool_main(&program, argc, argv);
}
