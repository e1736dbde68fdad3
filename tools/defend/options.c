#include "defend/options.h"

#include "defend/method.h"
#include <stdio.h>

enum {
    KEY_MODEL = TOOL_OPTION_BASE,
    KEY_NET,
    KEY_CLEAN,
    KEY_BENIGN,
    KEY_SUSPECT,
    KEY_TRIGGER,
    KEY_PICTURE,
    KEY_EXIT_CODE,
    KEY_OVERLAYS,
    KEY_FRR,
    KEY_FPR,
    KEY_SQUEEZERS,
};

static const struct argp_option rows[] = {
    {"model", KEY_MODEL, "MODEL", 0, "The model to defend", 0},
    {"net", KEY_NET, "NET", 0,
     "The net whose weights the model is, where it does not tell it itself: a net of the zoo, or a "
     "file with a net text",
     0},
    {"clean", KEY_CLEAN, "DATA", 0, "Clean images to calibrate with (split test)", 0},
    {"benign", KEY_BENIGN, "DATA", 0, "Clean images to judge; may be repeated", 0},
    {"suspect", KEY_SUSPECT, "DATA", 0, "Suspect images to judge; may be repeated", 0},
    {"trigger", KEY_TRIGGER, "TRIGGER", 0,
     "Judge the benign images stamped with it as suspects; may be repeated", 0},
    {"picture", KEY_PICTURE, "FILE", 0, "Write a PNG with the histograms of the scores", 0},
    {"exit-code", KEY_EXIT_CODE, NULL, 0, "Exit with 3 if a suspect set is flagged", 0},
    {"overlays", KEY_OVERLAYS, "N", 0, "strip: clean images laid over each input, one by one", 1},
    {"frr", KEY_FRR, "R", 0,
     "strip: the share of benign inputs that may be rejected, above 0 and below 1", 1},
    {"fpr", KEY_FPR, "R", 0,
     "squeeze: the share of clean images that may be flagged, above 0 and below 1", 1},
    {"squeezers", KEY_SQUEEZERS, "LIST", 0,
     "squeeze: bit=B, median=K and nlm=SEARCH-PATCH-STRENGTH, with commas between", 1},
    {0},
};

static const struct {
    unsigned setting;
    const char *name;
} setting_names[] = {{DEFEND_OVERLAYS, "overlays"},
                     {DEFEND_FRR, "frr"},
                     {DEFEND_FPR, "fpr"},
                     {DEFEND_SQUEEZERS, "squeezers"}};

static void append(const char *option, char *text, defend_list *list, struct argp_state *state) {
    if (list->count == DEFEND_MOST_SETS)
        tool_misuse(state, "%s: expected at most %d", option, DEFEND_MOST_SETS);
    list->texts[list->count++] = text;
}

static const defend_method *find_method(const char *text, struct argp_state *state) {
    const char *names[16] = {NULL};
    for (size_t i = 0; defend_methods[i] && i + 1 < sizeof names / sizeof *names; i++)
        names[i] = defend_methods[i]->name;
    return defend_methods[tool_choice("METHOD", text, names, state)];
}

static double read_rate(const char *option, const char *text, struct argp_state *state) {
    double rate = tool_real_above(option, text, 0, 1, state);
    if (rate == 1)
        tool_misuse(state, "%s: expected a number above 0 and below 1, found \"%s\"", option, text);
    return rate;
}

static error_t parse_setting(int key, char *text, struct argp_state *state) {
    defend_options *o = state->input;
    switch (key) {
    case KEY_OVERLAYS:
        o->overlays = tool_count("--overlays", text, 1, DEFEND_MOST_OVERLAYS, state);
        o->settings |= DEFEND_OVERLAYS;
        return 0;
    case KEY_FRR:
        o->rate = read_rate("--frr", text, state);
        o->settings |= DEFEND_FRR;
        return 0;
    case KEY_FPR:
        o->rate = read_rate("--fpr", text, state);
        o->settings |= DEFEND_FPR;
        return 0;
    case KEY_SQUEEZERS:
        o->squeezers = text;
        o->settings |= DEFEND_SQUEEZERS;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *text, struct argp_state *state) {
    defend_options *o = state->input;
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
    case KEY_CLEAN:
        o->clean = text;
        return 0;
    case KEY_BENIGN:
        append("--benign", text, &o->benign, state);
        return 0;
    case KEY_SUSPECT:
        append("--suspect", text, &o->suspects, state);
        return 0;
    case KEY_TRIGGER:
        append("--trigger", text, &o->triggers, state);
        return 0;
    case KEY_PICTURE:
        o->picture = text;
        return 0;
    case KEY_EXIT_CODE:
        o->exit_code = true;
        return 0;
    default:
        return parse_setting(key, text, state);
    }
}

/* The methods with their defaults, from the table. */
static void print_methods(FILE *stream) {
    for (size_t i = 0; defend_methods[i]; i++)
        fprintf(stream, "  %-9s%s\n  %-9s(%s)\n", defend_methods[i]->name, defend_methods[i]->doc,
                "", defend_methods[i]->defaults);
}

static char *describe_methods(int key, const char *text, void *input) {
    (void)input;
    return tool_help_list(key, text, "Methods", print_methods);
}

static const char doc[] =
    "Defends a model by METHOD. The methods strip and squeeze score inputs: what scores beyond a "
    "threshold, which is set on clean images alone, is flagged. Each set's flagged rate has its "
    "95% Wilson interval; with benign and suspect sets there is the AUROC, suspects being the "
    "positive class. What calibrates is never what judges: sets that share images with --clean are "
    "refused."
    "\v"
    "\n"
    "A set of suspects counts as flagged, for --exit-code, when its flagged rate is above the "
    "expected one beyond chance: the interval's low end is above --frr or --fpr and, where benign "
    "images are judged, above the high end of their interval.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-defend strip --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-2000 --benign fashion-mnist:test:2000-4000 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255 --json strip.json\n"
    "  trapdoor-defend squeeze --model model.safetensors --fpr 0.01 \\\n"
    "    --clean mnist:test:0-2000 --benign mnist:test:2000-4000 --suspect evaded\n"
    "  trapdoor-defend strip --model model.safetensors --clean mine:test:0-500 \\\n"
    "    --suspect inbox --exit-code";

static void check_settings(defend_options *o) {
    for (size_t i = 0; i < sizeof setting_names / sizeof *setting_names; i++)
        if (o->settings & ~o->method->settings & setting_names[i].setting)
            tool_misuse(NULL, "%s: expected no --%s", o->method->name, setting_names[i].name);
    if (!(o->settings & (DEFEND_FRR | DEFEND_FPR)))
        o->rate = o->method->rate;
}

static void check(defend_options *o) {
    if (!o->method)
        tool_misuse(NULL, "expected a METHOD (see --help), found none");
    const char *name = o->method->name;
    if (!o->model)
        tool_misuse(NULL, "%s: expected --model, found none", name);
    if (!o->clean)
        tool_misuse(NULL, "%s: expected --clean, found none", name);
    if (o->benign.count + o->suspects.count == 0)
        tool_misuse(NULL, "%s: expected --benign or --suspect, found nothing to judge", name);
    if (o->triggers.count > 0 && o->benign.count == 0)
        tool_misuse(NULL, "--trigger: expected --benign images to stamp, found none");
    if (o->benign.count * (1 + o->triggers.count) + o->suspects.count > DEFEND_MOST_SETS)
        tool_misuse(NULL, "%s: expected at most %d sets to judge, stamped ones included", name,
                    DEFEND_MOST_SETS);
    if (o->common.output)
        tool_misuse(NULL, "%s: -o has no meaning here; --json FILE writes the record", name);
    check_settings(o);
}

void defend_options_parse(defend_options *options, int argc, char **argv) {
    *options = (defend_options){.overlays = 100};
    const struct argp argp = {rows,
                              parse,
                              "METHOD --model MODEL --clean DATA [--benign DATA] [--suspect DATA]",
                              doc,
                              tool_common_children,
                              describe_methods,
                              NULL};
    tool_parse(&argp, argc, argv, options, &options->common);
    check(options);
}
