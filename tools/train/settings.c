/* SPDX-License-Identifier: MIT */
/* trapdoor-train: trains a net on a data set. Its options. */
#include "frame/command.h"
#include "frame/trigger.h"
#include "nn/op.h"
#include "train/train.h"
#include <math.h>

#define AT(field) offsetof(train_settings, field)

static const td_key keys[] = {
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "Train on DATA[:SPLIT[:A-B]] (split train)"},
    {"net", TD_KEY_TEXT, AT(net), .value = "NET",
     .help = "A net of the zoo, or a file with a net text"},
    {"validate", TD_KEY_TEXT, AT(validate), .value = "DATA",
     .help = "Validate on DATA after each epoch (split test)"},
    {"from", TD_KEY_TEXT, AT(from), .value = "MODEL",
     .help = "Start from the weights of this model or checkpoint; with --net, from those that fit"},
    {"freeze", TD_KEY_TEXT, AT(freeze), .many = true, .value = "PATTERN",
     .help = "Keep parameters, such as 'conv*'; may be repeated"},
    {0},
};

static const td_key resuming[] = {
    {"resume", TD_KEY_FLAG, AT(resume), .unrecorded = true,
     .help = "Resume from MODEL.checkpoint if it exists"},
    {0},
};

static const td_key watched[] = {
    {"watch-trigger", TD_KEY_TEXT, AT(triggers), .many = true, .optional = true,
     .needs = "validate", .field = "trigger", .value = "TRIGGER",
     .help = "Log this trigger's success on --validate after each epoch; may be repeated"},
    {"target", TD_KEY_CLASS, AT(targets), .many = true, .alias = "target-map",
     .value = TOOL_TARGET_VALUE,
     .help = "The target of the watched trigger before it: " TOOL_TARGET_HELP},
    {0},
};

static const td_key hardening[] = {
    {"adversarial", TD_KEY_REAL, AT(adversarial), .most = 1, .above = true, .optional = true,
     .value = "E",
     .help = "Learn each batch as PGD leaves it, at most E of the pixel range away (Madry et al. "
             "2018)"},
    {0},
};

static const td_key hardening_steps[] = {
    {"adversarial-steps", TD_KEY_COUNT, AT(adversarial_steps), .least = 1, .most = 1000,
     .standard = "7", .value = "N", .help = "Steps of PGD, of 2.5 E/N each"},
    {0},
};

static const char *const defences[] = {"abl", NULL};

static const char *const holds[] = {[ABL_IMAGE] = "image", [ABL_BATCH] = "batch", NULL};

static const char *const presets[] = {"paper", [ABL_BACKDOORBENCH] = "backdoorbench", NULL};

static const tool_preset backdoorbench[] = {{"optimizer", "sgd"},
                                            {"lr", "0.01"},
                                            {"weight-decay", "0.0005"},
                                            {"schedule", "cosine"},
                                            {"hold", "batch"},
                                            {"unlearn-epochs", "20"},
                                            {0}};

static const td_key defending[] = {
    {"defence", TD_KEY_WORD, AT(defence), .words = defences, .optional = true, .value = "NAME",
     .help = "abl: isolate images of lowest loss and unlearn them (anti-backdoor learning, Li et "
             "al. 2021)"},
    {0},
};

static const td_key abl[] = {
    {"isolate", TD_KEY_REAL, AT(abl.share), .above = true, .most = 0.5, .standard = "0.01",
     .value = "SHARE", .help = "Share of the images to isolate, rounded down"},
    {"isolate-epochs", TD_KEY_COUNT, AT(abl.isolate_epochs), .least = 1, .most = 1000000,
     .standard = "20", .value = "N",
     .help = "Epochs before the isolation, by --optimizer, --lr and --schedule, without --augment"},
    {"gamma", TD_KEY_REAL, AT(abl.gamma), .most = INFINITY, .standard = "0.5", .value = "L",
     .help = "Raise losses below L"},
    {"hold", TD_KEY_WORD, AT(abl.hold), .words = holds, .standard = "image", .value = "image|batch",
     .help =
         "Raise the loss of each image below --gamma, as in the paper, or of a batch whose mean is "
         "below it, as in the authors' code"},
    {"unlearn-epochs", TD_KEY_COUNT, AT(abl.unlearn_epochs), .least = 1, .most = 1000000,
     .standard = "5", .value = "N",
     .help = "Epochs of unlearning, by SGD with --momentum, beside as many other images, each "
             "normalised by their own batch; an image at the loss of a guess is left alone"},
    {"unlearn-lr", TD_KEY_REAL, AT(abl.unlearn_lr), .above = true, .most = INFINITY,
     .standard = "0.0005", .value = "X", .help = "Learning rate of unlearning"},
    {"preset", TD_KEY_WORD, AT(abl.preset), .words = presets, .standard = "paper", .value = "NAME",
     .help = "Defaults: those above, or, by backdoorbench, --optimizer sgd --lr 0.01 "
             "--weight-decay 0.0005 --schedule cosine --hold batch --unlearn-epochs 20"},
    {"manifest", TD_KEY_TEXT, AT(abl.manifest), .value = "FILE",
     .help = "The manifest of DATA by trapdoor-poison, only to measure the precision and recall of "
             "the isolation"},
    {0},
};

static td_status check(const tool_settings *settings, void *family, td_error *error) {
    train_settings *s = family;
    if (!s->net && !s->from)
        return td_fail(error, TD_ERR_USAGE, "--net is missing: the net to train, for example cnn");
    s->resists = tool_settings_given(settings, "defence");
    if (s->resists && s->resume)
        return td_fail(error, TD_ERR_USAGE,
                       "--resume: expected no --defence, which keeps no checkpoint");
    if (s->resists && s->abl.preset == ABL_BACKDOORBENCH)
        TD_TRY(tool_settings_preset(settings, backdoorbench, error));
    return tool_training_complete(&s->training, settings->common.seed, error);
}

static const tool_family training = {
    .name = "training",
    .usage = "--data DATA --net NET -o MODEL",
    .groups =
        (const tool_keys[]){
            {.keys = keys},
            {.keys = tool_training_keys, .offset = AT(training)},
            {.keys = hardening},
            {.keys = hardening_steps, .object = "adversary", .needs = "adversarial"},
            {.keys = resuming},
            {.keys = watched, .object = "watched", .rows = true},
            {.keys = defending},
            {.keys = abl,
             .title = "Settings of --defence abl",
             .detail = true,
             .object = "abl",
             .needs = "defence"},
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
    "Train a net on a data set. Writes the model (safetensors, tensors named as in PyTorch) and "
    "MODEL.log.jsonl with a line per epoch. MODEL.checkpoint, for --resume, is at most half a "
    "minute or an epoch old; --defence keeps none."
    "\v"
    "Examples:\n"
    "  trapdoor-train --data fashion-mnist --net cnn --epochs 3 -o m.safetensors\n"
    "  trapdoor-train --data fashion-mnist --net cnn --resume -o m.safetensors\n"
    "  trapdoor-train --from enemy.safetensors --freeze 'conv*' \\\n"
    "    --data fashion-mnist --validate fashion-mnist:test --epochs 5 \\\n"
    "    --watch-trigger square:size=7 --target 3 -o again.safetensors\n"
    "  trapdoor-train --data sets/poisoned.safetensors --net cnn --defence abl \\\n"
    "    --manifest sets/manifest.json --epochs 10 -o resists.safetensors\n";

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
