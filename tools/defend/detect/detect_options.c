#include "defend/detect/detect_options.h"

enum {
    KEY_MODEL = TOOL_OPTION_BASE,
    KEY_NET,
    KEY_CLEAN,
    KEY_BENIGN,
    KEY_SUSPECT,
    KEY_TRIGGER,
    KEY_PICTURE,
    KEY_EXIT_CODE,
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
    {"exit-code", KEY_EXIT_CODE, NULL, 0,
     "Exit with 3 if a suspect set is flagged above the expected rate beyond chance: the "
     "interval's low end is above the rate and, where benign images are judged, above the high end "
     "of their interval",
     0},
    {0},
};

static void append(const char *option, char *text, detect_list *list, struct argp_state *state) {
    if (list->count == DETECT_MOST_SETS)
        tool_misuse(state, "%s: expected at most %d", option, DETECT_MOST_SETS);
    list->texts[list->count++] = text;
}

static error_t parse(int key, char *text, struct argp_state *state) {
    detect_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
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
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {rows, parse, NULL, NULL, tool_common_children, NULL, NULL};

const struct argp_child detect_children[] = {{&argp, 0, NULL, 0}, {0}};

const char detect_usage[] = "--model MODEL --clean DATA [--benign DATA] [--suspect DATA]";

double detect_read_rate(const char *option, const char *text, struct argp_state *state) {
    double rate = tool_real_above(option, text, 0, 1, state);
    if (rate == 1)
        tool_misuse(state, "%s: expected a number above 0 and below 1, found \"%s\"", option, text);
    return rate;
}

void detect_parse(const struct argp *with, int argc, char **argv, void *input,
                  const detect_options *o) {
    tool_parse(with, argc, argv, input, &o->common);
    if (!o->model)
        tool_misuse(NULL, "expected --model, found none");
    if (!o->clean)
        tool_misuse(NULL, "expected --clean, found none");
    if (o->benign.count + o->suspects.count == 0)
        tool_misuse(NULL, "expected --benign or --suspect, found nothing to judge");
    if (o->triggers.count > 0 && o->benign.count == 0)
        tool_misuse(NULL, "--trigger: expected --benign images to stamp, found none");
    if (o->benign.count * (1 + o->triggers.count) + o->suspects.count > DETECT_MOST_SETS)
        tool_misuse(NULL, "expected at most %d sets to judge, stamped ones included",
                    DETECT_MOST_SETS);
    if (o->common.output)
        tool_misuse(NULL, "-o has no meaning here; --json FILE writes the record");
}
