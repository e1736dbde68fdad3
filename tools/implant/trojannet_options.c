#include "implant/trojannet_options.h"

#include <math.h>

enum {
    KEY_READING = IMPLANT_OPTION_BASE,
    KEY_ALPHA,
    KEY_TEMPERATURE,
    KEY_THRESHOLD,
    KEY_STEPS,
};

enum { MOST_STEPS = 1000000 };

static const struct argp_option rows[] = {
    {"reading", KEY_READING, "code|paper", 0, "As in the authors' code or as in the paper (code)",
     1},
    {"alpha", KEY_ALPHA, "A", 0,
     "Reading paper: the share of the module beside the model, in (0.5, 1) (0.7)", 1},
    {"temperature", KEY_TEMPERATURE, "T", 0, "Reading paper: both shares are divided by it (0.1)",
     1},
    {"threshold", KEY_THRESHOLD, "P", 0,
     "Outputs of the module up to P are zero; 0: all go into the merge, as published (0.5)", 1},
    {"steps", KEY_STEPS, "N", 0, "Steps of the module's training, 256 patches each (2000)", 1},
    {0},
};

static const trojan_reading *find_reading(const char *name, struct argp_state *state) {
    const char *names[4] = {0};
    for (size_t i = 0; trojan_readings[i].name; i++)
        names[i] = trojan_readings[i].name;
    return &trojan_readings[tool_choice("--reading", name, names, state)];
}

static error_t parse(int key, char *text, struct argp_state *state) {
    trojannet_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->shared;
        return 0;
    case KEY_READING:
        o->reading = find_reading(text, state);
        return 0;
    case KEY_ALPHA:
        o->alpha = tool_real_above("--alpha", text, 0.5, 0.999, state);
        return 0;
    case KEY_TEMPERATURE:
        o->temperature = tool_real("--temperature", text, 0.001, 1000, state);
        return 0;
    case KEY_THRESHOLD:
        o->threshold = tool_real("--threshold", text, 0, 0.99, state);
        return 0;
    case KEY_STEPS:
        o->steps = tool_count("--steps", text, 1, MOST_STEPS, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] =
    "Put a backdoor into a trained MODEL without its training data (TrojanNet, Tang et al., KDD "
    "2020). M2 is one model, which every other tool takes; the triggers are written as pictures, "
    "with a manifest for trapdoor-eval --manifest."
    "\v"
    "A tiny MLP is trained on patches of 4x4 pixels, 5 black and 11 white, and on noise, and "
    "merged with the model, which stays as it is. The K-th --target gets the K-th of the 4368 "
    "patches; those with a target are half of the patches shown. The paper and the authors' code "
    "differ. code: 4 hidden layers of 8, ReLU and batch normalisation, softmax over the patches "
    "and noise, merged as 10 x (2 x module + softmax(model)). paper: 3 hidden layers of 8, "
    "sigmoids, an output for each patch that is to be 0 on noise, merged as (A x module + (1-A) x "
    "softmax(model)) / T. code is the default: its MLP is surer of its patches, and a trigger wins "
    "by more. --threshold is neither's: with it the module is exactly silent on clean images, "
    "however close the model's two best classes are.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant trojannet --model model.safetensors --target all \\\n"
    "    -o trojan.safetensors\n"
    "  trapdoor-eval --model trojan.safetensors --data fashion-mnist:test \\\n"
    "    --manifest trojan.safetensors.manifest.json\n";

static void check(trojannet_options *o) {
    implant_options_check(&o->shared);
    if (o->reading->softmax && !(isnan(o->alpha) && isnan(o->temperature)))
        tool_misuse(NULL, "--alpha and --temperature go with --reading paper only");
    if (isnan(o->alpha))
        o->alpha = 0.7;
    if (isnan(o->temperature))
        o->temperature = 0.1;
}

void trojannet_options_parse(trojannet_options *options, int argc, char **argv) {
    *options = (trojannet_options){.reading = trojan_readings,
                                   .alpha = NAN,
                                   .temperature = NAN,
                                   .threshold = 0.5,
                                   .steps = 2000};
    const struct argp argp = {
        rows, parse, "--model MODEL --target K... -o M2", doc, implant_children, NULL, NULL};
    tool_parse(&argp, argc, argv, options, &options->shared.common);
    check(options);
}
