#include "defend/filter/filter_options.h"

#include <string.h>

enum {
    KEY_MODEL = TOOL_OPTION_BASE,
    KEY_NET,
    KEY_DATA,
    KEY_LAYER,
    KEY_MANIFEST,
};

static const struct argp_option rows[] = {
    {"model", KEY_MODEL, "MODEL", 0, "A model that was trained on the set", 0},
    {"net", KEY_NET, "NET", 0,
     "The net whose weights the model is, where it does not tell it itself: a net of the zoo, or a "
     "file with a net text",
     0},
    {"data", KEY_DATA, "DATA", 0, "The set to look through (split train)", 0},
    {"layer", KEY_LAYER, "NODE", 0,
     "Take the values of this node of the net, their mean over positions where it has several "
     "(what goes into the last dense layer)",
     0},
    {"manifest", KEY_MANIFEST, "FILE", 0,
     "The truth about the set as trapdoor-poison wrote it; for measurement alone", 0},
    {0},
};

static error_t parse(int key, char *text, struct argp_state *state) {
    filter_options *o = state->input;
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
    case KEY_DATA:
        o->data = text;
        return 0;
    case KEY_LAYER:
        o->layer = text;
        return 0;
    case KEY_MANIFEST:
        o->manifest = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {rows, parse, NULL, NULL, tool_common_children, NULL, NULL};

const struct argp_child filter_children[] = {{&argp, 0, NULL, 0}, {0}};

const char filter_usage[] = "--model MODEL --data DATA [-o CLEANED]";

void filter_parse(const struct argp *with, int argc, char **argv, void *input,
                const filter_options *o) {
    tool_parse(with, argc, argv, input, &o->common);
    if (!o->model)
        tool_misuse(NULL, "expected --model, found none");
    if (!o->data)
        tool_misuse(NULL, "expected --data, found none");
    if (o->common.output && strcmp(o->common.output, "-") == 0)
        tool_misuse(NULL, "-o: expected a file to write, found \"-\", standard output");
}
