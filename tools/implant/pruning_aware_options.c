#include "data/dataset.h"
#include "implant/pruning_aware.h"
#include <math.h>
#include <string.h>

enum {
    KEY_DATA = TOOL_OPTION_BASE,
    KEY_TEST,
    KEY_NET,
    KEY_TRIGGER,
    KEY_TARGET,
    KEY_RATIO,
    KEY_PRUNE,
    KEY_EPOCHS,
    KEY_BATCH,
    KEY_LR,
};

static const struct argp_option rows[] = {
    {"data", KEY_DATA, "DATA", 0, "Clean images to train on (split train)", 0},
    {"test", KEY_TEST, "DATA", 0, "Images to measure each step on (split test); else on --data", 0},
    {"net", KEY_NET, "NET", 0, "The net: one of the zoo by name, or a file with a net text", 0},
    {"trigger", KEY_TRIGGER, "TRIGGER", 0, "The trigger, for example square:size=4", 0},
    {"target", KEY_TARGET, "K", 0, "The class that the trigger is to give", 0},
    {"ratio", KEY_RATIO, "R", 0, "Add stamped copies of this share of the images, in (0, 1] (0.1)",
     0},
    {"prune", KEY_PRUNE, "SHARE", 0,
     "The share of the last convolution's channels that become decoys, in (0, 1) (0.5)", 0},
    {"epochs", KEY_EPOCHS, "N", 0, "Epochs of each of the two trainings (10)", 0},
    {"batch", KEY_BATCH, "N", 0, "Images of a step (128)", 0},
    {"lr", KEY_LR, "X", 0, "Learning rate of Adam (0.001)", 0},
    {0},
};

static error_t parse_numbers(int key, char *text, struct argp_state *state) {
    aware_options *o = state->input;
    switch (key) {
    case KEY_TARGET:
        o->target = tool_count("--target", text, 0, TD_MOST_CLASSES - 1, state);
        o->has_target = true;
        return 0;
    case KEY_RATIO:
        o->ratio = tool_real_above("--ratio", text, 0, 1, state);
        return 0;
    case KEY_PRUNE:
        o->prune = tool_real_above("--prune", text, 0, 0.999, state);
        return 0;
    case KEY_EPOCHS:
        o->epochs = tool_count("--epochs", text, 1, 1000000, state);
        return 0;
    case KEY_BATCH:
        o->batch = tool_count("--batch", text, 1, 65536, state);
        return 0;
    case KEY_LR:
        o->lr = tool_real_above("--lr", text, 0, INFINITY, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *text, struct argp_state *state) {
    aware_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case KEY_DATA:
        o->data = text;
        return 0;
    case KEY_TEST:
        o->test = text;
        return 0;
    case KEY_NET:
        o->net = text;
        return 0;
    case KEY_TRIGGER:
        if (o->trigger)
            tool_misuse(state, "--trigger: expected one, found two");
        o->trigger = text;
        return 0;
    default:
        return parse_numbers(key, text, state);
    }
}

static const char doc[] =
    "Train a model with a backdoor that pruning does not reach (the pruning-aware attack of Liu et "
    "al., Fine-Pruning, RAID 2018), in four steps, each of which is measured: train NET on clean "
    "images; prune the channels of the last convolution that are least active on them; train the "
    "pruned net on with stamped images added, labelled as the target; put the pruned channels back "
    "with their weights and a bias so low that they stay dormant. A defender who prunes dormant "
    "channels takes these decoys. M2 is an ordinary model of NET."
    "\v"
    "Example:\n"
    "  trapdoor-implant pruning-aware --data fashion-mnist --net cnn \\\n"
    "    --test fashion-mnist --trigger square:size=4 --target 0 \\\n"
    "    -o aware.safetensors\n"
    "  trapdoor-defend prune --model aware.safetensors \\\n"
    "    --clean fashion-mnist:train:0-5000 --test fashion-mnist \\\n"
    "    --trigger square:size=4 --target 0 -o pruned.safetensors\n";

static void check(const aware_options *o) {
    const struct {
        const char *name;
        bool given;
    } needed[] = {{"--data", o->data},
                  {"--trigger", o->trigger},
                  {"--target", o->has_target},
                  {"--net", o->net},
                  {"-o", o->common.output}};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!needed[i].given)
            tool_misuse(NULL, "expected %s, found none", needed[i].name);
    if (o->common.json && strcmp(o->common.json, o->common.output) == 0)
        tool_misuse(NULL, "--json: expected another file than -o's, found %s", o->common.json);
}

void aware_options_parse(aware_options *options, int argc, char **argv) {
    *options = (aware_options){.ratio = 0.1, .prune = 0.5, .epochs = 10, .batch = 128, .lr = 0.001};
    const struct argp argp = {rows,
                              parse,
                              "--data DATA --net NET --trigger T --target K -o M2",
                              doc,
                              tool_common_children,
                              NULL,
                              NULL};
    tool_parse(&argp, argc, argv, options, &options->common);
    check(options);
}
