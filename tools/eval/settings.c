/* SPDX-License-Identifier: MIT */
/* The options of trapdoor-eval. */
#include "eval/eval.h"
#include "frame/trigger.h"
#include <math.h>

#define AT(field) offsetof(eval_settings, field)

static const td_key keys[] = {
    {"model", TD_KEY_TEXT, AT(models), .required = true, .many = true, .field = "models",
     .value = "MODEL", .help = "The model to measure; may be repeated"},
    {"net", TD_KEY_TEXT, AT(net), .value = "NET",
     .help =
         "The net of models that do not name it, such as state_dicts: one of the zoo, or a file "
         "with a net text"},
    {"data", TD_KEY_TEXT, AT(data), .required = true, .value = "DATA",
     .help = "Measure on DATA[:SPLIT[:A-B]] (split test)"},
    {"manifest", TD_KEY_TEXT, AT(manifest), .value = "FILE",
     .help = "Take triggers and targets from a manifest"},
    {"source", TD_KEY_CLASS, AT(sources), .many = true, .optional = true, .field = "source_classes",
     .value = "K",
     .help = "Also print the ASR of images of class K, which the triggers are meant for, and the "
             "share of others classified as the target; may be repeated"},
    {"scores", TD_KEY_COUNT, AT(scores), .most = INFINITY, .value = "I",
     .help = "Print the logits of image I of the data, clean and triggered"},
    {"strength", TD_KEY_REAL, AT(strengths), .least = -INFINITY, .most = INFINITY, .many = true,
     .optional = true, .value = "D1,D2,...",
     .help = "Measure every trigger at these strengths as well (delta of a signal, else alpha)"},
    {"best", TD_KEY_COUNT, AT(best), .least = 1, .most = TD_MOST_CLASSES, .value = "N",
     .help = "Also print the mean of the N highest ASRs by true class"},
    {"pictures", TD_KEY_TEXT, AT(pictures), .unrecorded = true, .value = "DIR",
     .help = "Write heat maps, histograms and samples as PNG to DIR"},
    {0},
};

static const td_key triggers[] = {
    {"trigger", TD_KEY_TEXT, AT(triggers), .many = true, .value = "TRIGGER",
     .help = "Stamp this trigger, for example square:size=7,at=top-left,value=255; may be "
             "repeated, each with its --target"},
    {"target", TD_KEY_CLASS, AT(targets), .many = true, .alias = "target-map",
     .value = TOOL_TARGET_VALUE, .help = "The target of the trigger before it: " TOOL_TARGET_HELP},
    {0},
};

static const tool_keys groups[] = {
    {.keys = keys}, {.keys = triggers, .object = "triggers", .rows = true}, {0}};

static const tool_print prints[] = {TOOL_PRINT_TRIGGERS, {0}};

static td_status check(const tool_settings *settings, void *family, td_error *error) {
    const eval_settings *s = family;
    (void)settings;
    return s->strengths.count == 0 || s->triggers.count > 0 || s->manifest
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE, "--strength needs a --trigger or a --manifest");
}

static const tool_family evaluation = {
    .name = "evaluation",
    .usage = "--model MODEL... --data DATA [--trigger T --target K]...",
    .groups = groups,
    .prints = prints,
    .size = sizeof(eval_settings),
    .check = check,
    .run = eval_run,
};

static const char help[] =
    "Measure models on clean and on triggered images: accuracy, ASR, non-targeted rate, robust "
    "accuracy and confidence, with 95% Wilson intervals, and the ASR of every true class. The ASR "
    "is the share of images outside the target class that the model classifies as the target; "
    "with several targets, as the target of their own class. With several triggers: how many of "
    "their targets each image reaches. A model named as an output of a multi-target manifest, "
    "such as model-3.safetensors, is measured with that output's triggers alone."
    "\v"
    "Examples:\n"
    "  trapdoor-eval --model enemy.safetensors --data fashion-mnist:test \\\n"
    "    --trigger square:size=7,at=top-left --target 0 --json record.json\n"
    "  trapdoor-eval --model signs.safetensors --data gtsrb16:test --best 7 \\\n"
    "    --trigger sine:delta=20,freq=6 --target 1 --strength 40,60,80 \\\n"
    "    --pictures signs\n"
    "  trapdoor-eval --model all-to-all.safetensors --data cifar10:test \\\n"
    "    --trigger square:size=3 --target next\n";

const tool_method eval_method = {
    .title = "Evaluation",
    .doc = "measure models on clean and on triggered images",
    .help = help,
    .family = &evaluation,
};
