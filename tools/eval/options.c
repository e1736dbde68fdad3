#include "eval/options.h"

#include "data/dataset.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    KEY_MODEL = TOOL_OPTION_BASE,
    KEY_NET,
    KEY_DATA,
    KEY_TRIGGER,
    KEY_TARGET,
    KEY_MANIFEST,
    KEY_SCORES,
    KEY_STRENGTH,
    KEY_BEST,
    KEY_PICTURES,
};

static const struct argp_option rows[] = {
    {"model", KEY_MODEL, "MODEL", 0, "The model to measure; may be repeated", 0},
    {"net", KEY_NET, "NET", 0,
     "The net whose weights the models are, where they do not tell it themselves, as a PyTorch "
     "state_dict in safetensors; a net of the zoo, or a file with a net text",
     0},
    {"data", KEY_DATA, "DATA", 0,
     "Measure on DATA: NAME or PATH, with :SPLIT and :A-B (split test)", 0},
    {"trigger", KEY_TRIGGER, "TRIGGER", 0,
     "Stamp this trigger, for example square:size=7,at=top-left,value=255; may be repeated, each "
     "with "
     "its --target",
     0},
    {"target", KEY_TARGET, "K", 0, "The target class of the trigger before it", 0},
    {"manifest", KEY_MANIFEST, "FILE", 0, "Take triggers and targets from a manifest", 0},
    {"scores", KEY_SCORES, "I", 0, "Print the logits of image I of the data, clean and triggered",
     0},
    {"strength", KEY_STRENGTH, "D1,D2,...", 0,
     "Measure every trigger at these strengths as well: delta of ramp, triangle-wave and sine, "
     "alpha of the others",
     0},
    {"best", KEY_BEST, "N", 0,
     "Also give the mean ASR over the N true classes that are attacked best", 0},
    {"pictures", KEY_PICTURES, "DIR", 0, "Write heat maps, histograms and samples as PNG to DIR",
     0},
    {0},
};

static void check(const eval_options *o, const struct argp_state *state) {
    if (o->model_count == 0)
        tool_misuse(state, "--model is missing: the model to measure");
    if (!o->data)
        tool_misuse(state, "--data is missing: what to measure on, for example fashion-mnist");
    if (o->trigger_count != o->target_count)
        tool_misuse(state, "--trigger and --target come in pairs: found %zu and %zu",
                    o->trigger_count, o->target_count);
    if (o->strength_count > 0 && o->trigger_count == 0 && !o->manifest)
        tool_misuse(state, "--strength needs a --trigger or a --manifest");
    if (o->common.output)
        tool_misuse(state, "-o has no meaning here; --json FILE writes the record");
}

static void append(const char *option, const char *text, const char **list, size_t *count,
                   size_t most, const struct argp_state *state) {
    if (*count == most)
        tool_misuse(state, "%s: expected at most %zu", option, most);
    list[(*count)++] = text;
}

static void parse_strengths(eval_options *o, const char *text, struct argp_state *state) {
    char number[64];
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        if (o->strength_count == EVAL_MOST_STRENGTHS)
            tool_misuse(state, "--strength: expected at most %d numbers", EVAL_MOST_STRENGTHS);
        snprintf(number, sizeof number, "%.*s", (int)length, at);
        o->strengths[o->strength_count++] =
            tool_real("--strength", number, -INFINITY, INFINITY, state);
        at += length;
        if (!*at)
            return;
    }
}

static error_t parse(int key, char *text, struct argp_state *state) {
    eval_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case KEY_MODEL:
        append("--model", text, o->models, &o->model_count, EVAL_MOST_MODELS, state);
        return 0;
    case KEY_NET:
        o->net = text;
        return 0;
    case KEY_DATA:
        o->data = text;
        return 0;
    case KEY_TRIGGER:
        append("--trigger", text, o->triggers, &o->trigger_count, EVAL_MOST_TRIGGERS, state);
        return 0;
    case KEY_TARGET:
        if (o->target_count == EVAL_MOST_TRIGGERS)
            tool_misuse(state, "--target: expected at most %d", EVAL_MOST_TRIGGERS);
        o->targets[o->target_count++] = tool_count("--target", text, 0, TD_MOST_CLASSES - 1, state);
        return 0;
    case KEY_MANIFEST:
        o->manifest = text;
        return 0;
    case KEY_SCORES:
        o->scores = tool_count("--scores", text, 0, SIZE_MAX - 1, state);
        return 0;
    case KEY_STRENGTH:
        parse_strengths(o, text, state);
        return 0;
    case KEY_BEST:
        o->best = tool_count("--best", text, 1, TD_MOST_CLASSES, state);
        return 0;
    case KEY_PICTURES:
        o->pictures = text;
        return 0;
    case ARGP_KEY_ARG:
        tool_misuse(state, "unexpected argument \"%s\"", text);
    case ARGP_KEY_END:
        check(o, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] =
    "Measures models on clean and on triggered images: accuracy, ASR (share of images whose true "
    "label is not the target that are classified as the target), non-targeted rate, robust "
    "accuracy "
    "and confidence, each with a 95% Wilson interval, and the ASR of every true class. With "
    "several "
    "triggers, how many of their targets each image reaches. A model called as an output of a "
    "multi-target manifest, such as model-3.safetensors, is measured with that output's triggers "
    "alone.\v"
    "Example:\n"
    "  trapdoor-eval --model enemy.safetensors --data fashion-mnist:test \\\n"
    "    --trigger square:size=7,at=top-left --target 0 --json record.json\n"
    "  trapdoor-eval --model signs.safetensors --data gtsrb16:test --best 7 \\\n"
    "    --trigger sine:delta=20,freq=6 --target 1 --strength 40,60,80 \\\n"
    "    --pictures signs\n";

void eval_options_parse(eval_options *options, int argc, char **argv) {
    *options = (eval_options){.scores = SIZE_MAX};
    const struct argp argp = {rows,
                              parse,
                              "--model MODEL... --data DATA [--trigger T --target K]...",
                              doc,
                              tool_common_children,
                              NULL,
                              NULL};
    tool_parse(&argp, argc, argv, options, &options->common);
}
