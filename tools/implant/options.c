#include "implant/options.h"

#include "implant/method.h"
#include "implant/trojannet.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_MODEL = TOOL_OPTION_BASE,
    KEY_TARGET,
    KEY_AT,
    KEY_TRIGGERS,
    KEY_READING,
    KEY_ALPHA,
    KEY_TEMPERATURE,
    KEY_THRESHOLD,
    KEY_STEPS,
};

enum { MOST_STEPS = 1000000 };

static const struct argp_option rows[] = {
    {"model", KEY_MODEL, "MODEL", 0, "The model to put a backdoor into", 0},
    {"target", KEY_TARGET, "K|all", 0,
     "The class that a trigger is to give, or one trigger for each class; may be repeated", 0},
    {"at", KEY_AT, "PLACE", 0,
     "Where the triggers stand: top-left, top-right, bottom-left, bottom-right, center or X+Y, as "
     "in a TRIGGER (bottom-right)",
     0},
    {"triggers", KEY_TRIGGERS, "DIR", 0,
     "Write DIR/trigger-K.png and DIR/manifest.json; else they are called M2.trigger-K.png and "
     "M2.manifest.json",
     0},
    {"reading", KEY_READING, "code|paper", 0,
     "trojannet: as in the authors' code or as in the paper (code)", 1},
    {"alpha", KEY_ALPHA, "A", 0,
     "Reading paper: the share of the module beside the model, in (0.5, 1) (0.7)", 1},
    {"temperature", KEY_TEMPERATURE, "T", 0, "Reading paper: both shares are divided by it (0.1)",
     1},
    {"threshold", KEY_THRESHOLD, "P", 0,
     "Outputs of the module up to P are zero; 0: all go into the merge, as published (0.5)", 1},
    {"steps", KEY_STEPS, "N", 0, "Steps of the module's training, 256 patches each (2000)", 1},
    {0},
};

static const implant_method *find_method(const char *name, struct argp_state *state) {
    const char *names[16] = {0};
    for (size_t i = 0; implant_methods[i]; i++)
        names[i] = implant_methods[i]->name;
    return implant_methods[tool_choice("METHOD", name, names, state)];
}

static size_t find_reading(const char *name, struct argp_state *state) {
    const char *names[4] = {0};
    for (size_t i = 0; trojan_readings[i].name; i++)
        names[i] = trojan_readings[i].name;
    return tool_choice("--reading", name, names, state);
}

static void add_target(implant_options *o, const char *text, struct argp_state *state) {
    if (strcmp(text, "all") == 0) {
        o->all = true;
        return;
    }
    if (!*text || text[strspn(text, "0123456789")])
        tool_misuse(state, "--target: expected a class or all, found \"%s\"", text);
    size_t target = tool_count("--target", text, 0, SIZE_MAX - 1, state);
    for (size_t i = 0; i < o->target_count; i++)
        if (o->targets[i] == target)
            tool_misuse(state, "--target: expected each class once, found %zu twice", target);
    if (o->target_count == IMPLANT_MOST_TARGETS)
        tool_misuse(state, "--target: expected at most %d", IMPLANT_MOST_TARGETS);
    o->targets[o->target_count++] = target;
}

static error_t parse_trojannet(int key, char *text, struct argp_state *state) {
    implant_options *o = state->input;
    switch (key) {
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

static error_t parse(int key, char *text, struct argp_state *state) {
    implant_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case ARGP_KEY_ARG:
        if (o->method)
            tool_misuse(state, "expected one METHOD, found \"%s\" as well", text);
        o->method = find_method(text, state);
        return 0;
    case KEY_MODEL:
        o->model = text;
        return 0;
    case KEY_TARGET:
        add_target(o, text, state);
        return 0;
    case KEY_AT:
        o->at = text;
        return 0;
    case KEY_TRIGGERS:
        o->triggers = text;
        return 0;
    default:
        return parse_trojannet(key, text, state);
    }
}

/* The methods, from the table. */
static void print_methods(FILE *stream) {
    for (size_t i = 0; implant_methods[i]; i++)
        fprintf(stream, "  %-11s%s\n", implant_methods[i]->name, implant_methods[i]->doc);
}

static char *describe_methods(int key, const char *text, void *input) {
    (void)input;
    return tool_help_list(key, text, "Methods", print_methods);
}

static const char doc[] =
    "Put a backdoor into a trained MODEL by METHOD, without its training data. M2 is one model, "
    "which every other tool takes; the triggers are written as pictures, with a manifest for "
    "trapdoor-eval --manifest."
    "\v"
    "\n"
    "trojannet (Tang et al., KDD 2020) trains a tiny MLP on patches of 4x4 pixels, 5 black and 11 "
    "white, and on noise, and merges it with the model, which stays as it is. The K-th --target "
    "gets the K-th of the 4368 patches; those with a target are half of the patches shown. The "
    "paper and the authors' code differ. code: 4 hidden layers of 8, ReLU and batch normalisation, "
    "softmax over the patches and noise, merged as 10 x (2 x module + softmax(model)). paper: 3 "
    "hidden layers of 8, sigmoids, an output for each patch that is to be 0 on noise, merged as "
    "(A x module + (1-A) x softmax(model)) / T. code is the default: its MLP is surer of its "
    "patches, and a trigger wins by more. --threshold is neither's: with it the module is exactly "
    "silent on clean images, however close the model's two best classes are.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant trojannet --model model.safetensors --target all \\\n"
    "    -o trojan.safetensors\n"
    "  trapdoor-eval --model trojan.safetensors --data fashion-mnist:test \\\n"
    "    --manifest trojan.safetensors.manifest.json\n";

static void check(implant_options *o) {
    if (!o->method)
        tool_misuse(NULL, "expected a METHOD (see --help), found none");
    const char *name = o->method->name;
    if (!o->model)
        tool_misuse(NULL, "%s: expected --model, found none", name);
    if (!o->all && o->target_count == 0)
        tool_misuse(NULL, "%s: expected --target, found none", name);
    if (o->all && o->target_count > 0)
        tool_misuse(NULL, "--target: expected all or classes, found both");
    if (!o->common.output)
        tool_misuse(NULL, "%s: expected -o and a file to write to, found none", name);
    if (o->common.json && strcmp(o->common.json, o->common.output) == 0)
        tool_misuse(NULL, "--json: expected another file than -o's, found %s", o->common.json);
    if (strchr(o->at, ','))
        tool_misuse(NULL, "--at: expected a place, found \"%s\"", o->at);
    const char *folder = o->triggers ? o->triggers : o->common.output;
    if (strchr(folder, ','))
        tool_misuse(NULL,
                    "%s: expected a path without a comma, which a TRIGGER cannot name, found "
                    "%s",
                    o->triggers ? "--triggers" : "-o", folder);
    if (trojan_readings[o->reading].softmax && !(isnan(o->alpha) && isnan(o->temperature)))
        tool_misuse(NULL, "--alpha and --temperature go with --reading paper only");
    if (isnan(o->alpha))
        o->alpha = 0.7;
    if (isnan(o->temperature))
        o->temperature = 0.1;
}

void implant_options_parse(implant_options *options, int argc, char **argv) {
    *options = (implant_options){
        .at = "bottom-right", .alpha = NAN, .temperature = NAN, .threshold = 0.5, .steps = 2000};
    const struct argp argp = {rows,
                              parse,
                              "METHOD --model MODEL --target K... -o M2",
                              doc,
                              tool_common_children,
                              describe_methods,
                              NULL};
    tool_parse(&argp, argc, argv, options, &options->common);
    check(options);
}
