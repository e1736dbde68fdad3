#include "evade/options.h"

#include "data/dataset.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_MODEL = TOOL_OPTION_BASE,
    KEY_NET,
    KEY_DATA,
    KEY_TARGET,
    KEY_COUNT,
    KEY_KEEP,
    KEY_PICTURE,
    KEY_RESUME,
    KEY_SETTING, /* and so on, one for each evade_setting */
};

enum { OWN_ROWS = 8 };

static const struct argp_option own_rows[OWN_ROWS] = {
    {"model", KEY_MODEL, "MODEL", 0, "The model to attack", 0},
    {"net", KEY_NET, "NET", 0,
     "The net whose weights the model is, where it does not tell it itself, as a PyTorch "
     "state_dict in safetensors; a net of the zoo, or a file with a net text",
     0},
    {"data", KEY_DATA, "DATA", 0,
     "Images to attack: NAME or PATH, with :SPLIT and :A-B (split test)", 0},
    {"target", KEY_TARGET, "K|next|least-likely|all|none", 0,
     "The class that an image is to be taken for: K, the one after its own, the one that the model "
     "finds least likely, each other class in turn, or any but its own",
     0},
    {"count", KEY_COUNT, "N", 0,
     "Stop after N images that were attacked; what follows in DATA is left out", 0},
    {"keep", KEY_KEEP, "all|attacked|successful", 0,
     "Which images SET has: all of DATA, those not attacked as they are (all); those that were "
     "attacked; those whose attack succeeded",
     0},
    {"picture", KEY_PICTURE, "F.png", 0,
     "Draw samples: clean, adversarial, and the difference amplified", 0},
    {"resume", KEY_RESUME, NULL, 0,
     "Go on from SET.checkpoint, which an attack that did not end leaves, if there is one", 0},
};

const char *const evade_keep_names[] = {"all", "attacked", "successful", NULL};

static const char *const target_names[] = {"none", "next", "least-likely", "all", NULL};
static const unsigned target_kinds[] = {EVADE_ANYWHERE, EVADE_TO_NEXT, EVADE_TO_LEAST,
                                        EVADE_TO_ALL};

const char *evade_target_text(unsigned kind, size_t target, char *text) {
    if (kind == EVADE_TO_CLASS)
        snprintf(text, 24, "%zu", target);
    for (size_t i = 0; target_names[i]; i++)
        if (kind == target_kinds[i])
            snprintf(text, 24, "%s", target_names[i]);
    return text;
}

static const evade_method *find_method(const char *name, struct argp_state *state) {
    const char *names[32] = {0};
    for (size_t i = 0; evade_methods[i]; i++)
        names[i] = evade_methods[i]->name;
    return evade_methods[tool_choice("METHOD", name, names, state)];
}

static void read_target(evade_options *o, const char *text, struct argp_state *state) {
    for (size_t i = 0; target_names[i]; i++)
        if (strcmp(text, target_names[i]) == 0) {
            o->target_kind = target_kinds[i];
            return;
        }
    if (!*text || text[strspn(text, "0123456789")])
        tool_misuse(state,
                    "--target: expected a class, next, least-likely, all or none, found \"%s\"",
                    text);
    o->target = tool_count("--target", text, 0, TD_MOST_CLASSES - 1, state);
    o->target_kind = EVADE_TO_CLASS;
}

static double read_setting(size_t number, const char *text, struct argp_state *state) {
    const evade_setting_row *row = &evade_setting_rows[number];
    char option[32];
    snprintf(option, sizeof option, "--%s", row->name);
    if (number == EVADE_NORM)
        return (double)tool_choice(option, text, evade_norm_names, state);
    if (row->whole)
        return (double)tool_count(option, text, (size_t)row->least, (size_t)row->most, state);
    return row->above ? tool_real_above(option, text, row->least, row->most, state)
                      : tool_real(option, text, row->least, row->most, state);
}

static error_t parse(int key, char *text, struct argp_state *state) {
    evade_options *o = state->input;
    if (key >= KEY_SETTING && key < KEY_SETTING + EVADE_SETTINGS) {
        o->settings[key - KEY_SETTING] = read_setting((size_t)(key - KEY_SETTING), text, state);
        return 0;
    }
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
    case KEY_NET:
        o->net = text;
        return 0;
    case KEY_DATA:
        o->data = text;
        return 0;
    case KEY_TARGET:
        read_target(o, text, state);
        return 0;
    case KEY_COUNT:
        o->count = tool_count("--count", text, 1, SIZE_MAX, state);
        return 0;
    case KEY_KEEP:
        o->keep = (evade_keep)tool_choice("--keep", text, evade_keep_names, state);
        return 0;
    case KEY_PICTURE:
        o->picture = text;
        return 0;
    case KEY_RESUME:
        o->resume = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* " --NAME VALUE" of a method's setting into text[size]; its length. */
static int describe_setting(const evade_default *setting, size_t number, char *text, size_t size) {
    char value[32];
    const char *word = evade_setting_rows[number].argument;
    snprintf(value, sizeof value, "%g", setting->value);
    if (number == EVADE_NORM)
        word = evade_norm_names[(size_t)setting->value];
    else if (!isnan(setting->value))
        word = value;
    return snprintf(text, size, " --%s %s", evade_setting_rows[number].name, word);
}

/* Two lines, or three where the settings fill more than a terminal's. */
static void describe_method(const evade_method *method, FILE *stream) {
    enum { INDENT = 13, WIDTH = 77 };
    char text[64];
    fprintf(stream, "  %-11s%s\n", method->name, method->doc);
    int column =
        fprintf(stream, "%*s(--target %s", INDENT, "", evade_target_text(method->target, 0, text));
    for (size_t i = 0; i < EVADE_SETTINGS; i++) {
        if (!method->settings[i].taken)
            continue;
        int length = describe_setting(&method->settings[i], i, text, sizeof text);
        if (column + length > WIDTH)
            column = fprintf(stream, "\n%*s", INDENT - 1, "") - 1;
        column += length;
        fputs(text, stream);
    }
    fprintf(stream, ")\n");
}

/* The methods with their defaults, from the table. */
static void print_methods(FILE *stream) {
    for (size_t i = 0; evade_methods[i]; i++)
        describe_method(evade_methods[i], stream);
}

static char *describe_methods(int key, const char *text, void *input) {
    (void)input;
    return tool_help_list(key, text, "Methods", print_methods);
}

static const char doc[] =
    "Make adversarial examples by METHOD: images so little changed that people see the same, and "
    "that the model takes for another class. Only images that it classifies rightly are attacked. "
    "They are written to SET, in the order of DATA, in whole pixel values, under their true "
    "labels; success is what the model says of these."
    "\v"
    "\n"
    "Lengths (--epsilon, --step-size, --theta, and the distances in the record) are in units of "
    "the pixel range, 0 to 1. Epsilon is 0.3 for the norm linf, 1.5 for l2; the step is epsilon/5 "
    "for bim, epsilon/30 for pgd, and for pgd and l2 2.5 x epsilon/steps. L0 counts pixels, of "
    "any number of channels.\n"
    "\n"
    "Until SET is there, SET.checkpoint keeps the images that are finished: written about twice a "
    "minute, and when the run is interrupted or fails. --resume goes on from it to the same SET, "
    "and may have another --keep. one-pixel finishes image by image, the other methods 64 at a "
    "time.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-evade fgsm --model model.safetensors --data mnist:test:0-1000 \\\n"
    "    -o fgsm.safetensors\n"
    "  trapdoor-evade pgd --model model.safetensors --data cifar10 \\\n"
    "    --epsilon 0.0314 --step-size 0.0078 --steps 10 -o pgd.safetensors\n"
    "  trapdoor-evade cw-l2 --model model.safetensors --data mnist --count 100 \\\n"
    "    --target least-likely -o cw.safetensors --picture cw.png --json cw.json\n"
    "  trapdoor-evade one-pixel --model model.safetensors --data cifar10 \\\n"
    "    --count 100 --target all -o one-pixel.safetensors --resume\n"
    "  trapdoor-evade cw-linf --model model.safetensors --data mnist --count 100 \\\n"
    "    --keep successful -o suspects.safetensors";

static void check_settings(evade_options *o) {
    const evade_method *method = o->method;
    for (size_t i = 0; i < EVADE_SETTINGS; i++) {
        if (!method->settings[i].taken && !isnan(o->settings[i]))
            tool_misuse(NULL, "%s: expected no --%s", method->name, evade_setting_rows[i].name);
        if (method->settings[i].taken && isnan(o->settings[i]))
            o->settings[i] = method->settings[i].value;
    }
    if (method->complete)
        method->complete(o->settings);
}

static void check(evade_options *o) {
    const evade_method *method = o->method;
    char text[24];
    if (!method)
        tool_misuse(NULL, "expected a METHOD (see --help), found none");
    if (!o->model)
        tool_misuse(NULL, "%s: expected --model, found none", method->name);
    if (!o->data)
        tool_misuse(NULL, "%s: expected --data, found none", method->name);
    if (!o->common.output)
        tool_misuse(NULL, "%s: expected -o and a file to write to, found none", method->name);
    if (o->target_kind == 0)
        o->target_kind = method->target;
    if (!(method->targets & o->target_kind))
        tool_misuse(NULL, "%s: expected %s target, found --target %s", method->name,
                    method->targets == EVADE_ANYWHERE ? "no" : "a",
                    evade_target_text(o->target_kind, o->target, text));
    check_settings(o);
}

void evade_options_parse(evade_options *options, int argc, char **argv) {
    struct argp_option rows[OWN_ROWS + EVADE_SETTINGS + 1] = {0};
    *options = (evade_options){.count = SIZE_MAX};
    memcpy(rows, own_rows, sizeof own_rows);
    for (size_t i = 0; i < EVADE_SETTINGS; i++) {
        const evade_setting_row *row = &evade_setting_rows[i];
        rows[OWN_ROWS + i] =
            (struct argp_option){row->name, KEY_SETTING + (int)i, row->argument, 0, row->doc, 1};
        options->settings[i] = NAN;
    }
    const struct argp argp = {rows,
                              parse,
                              "METHOD --model MODEL --data DATA -o SET",
                              doc,
                              tool_common_children,
                              describe_methods,
                              NULL};
    tool_parse(&argp, argc, argv, options, &options->common);
    check(options);
}
