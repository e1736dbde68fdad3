#include "defend/audit/controls.h"

#include "defend/inspect/inspect.h"
#include "defend/method.h"
#include <string.h>

enum { KEY_MODELS = TOOL_OPTION_BASE, MOST_INSPECTORS = 32 };

static const struct argp_option rows[] = {
    {"models", KEY_MODELS, "DIR", 0, "The models: DIR/clean and DIR/backdoored", 0},
    {0},
};

static const tool_method *find_inspector(const char *name, struct argp_state *state) {
    const char *names[MOST_INSPECTORS + 1] = {NULL};
    const tool_method *listed[MOST_INSPECTORS];
    size_t count = 0;
    for (size_t i = 0; defend_methods[i] && count < MOST_INSPECTORS; i++)
        if (defend_methods[i]->family == &inspectors) {
            listed[count] = defend_methods[i];
            names[count++] = defend_methods[i]->name;
        }
    return listed[tool_choice("INSPECTOR", name, names, state)];
}

static error_t parse(int key, char *text, struct argp_state *state) {
    controls_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case KEY_MODELS:
        o->models = text;
        return 0;
    case ARGP_KEY_ARG:
        if (!o->inspector)
            o->inspector = find_inspector(text, state);
        else if (o->argument_count == STEP_ARGUMENTS)
            tool_misuse(state, "expected at most %d arguments", STEP_ARGUMENTS);
        else
            o->arguments[o->argument_count++] = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] =
    "Runs an inspector over models of which you know whether they have a backdoor: how many of the "
    "backdoored ones it flags and of the clean ones, whether the flagged class is the right one, "
    "and how its anomaly index is spread over the models. From its record trapdoor-defend audit "
    "takes error rates (--controls)."
    "\v"
    "The models are DIR/clean/*.safetensors and DIR/backdoored/*.safetensors; they should differ "
    "in their seeds, else one chance decides about all. Beside a backdoored model M.safetensors "
    "may stand M.manifest.json, the manifest of trapdoor-poison or trapdoor-implant: the targets "
    "of its triggers are the infected labels, by which the flagged classes are judged. Nothing of "
    "this truth reaches the inspector.\n"
    "\n"
    "What follows -- goes to the inspector, each time the same; its -o and --json are "
    "OUT/clean/M and OUT/clean/M/record.json, or those in OUT/backdoored. OUT/controls.json is the "
    "record of all. The same command goes on where an interrupted one was: a record of the same "
    "model with the same options is not made anew. A model that fails is named, the others are "
    "still inspected, and the exit status is 1.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend controls cleanse --models models -o controls -- \\\n"
    "    --clean mnist:test:0-1000\n";

static void check(const controls_options *o) {
    if (!o->inspector)
        tool_misuse(NULL, "expected an INSPECTOR (see --help), found none");
    if (!o->models)
        tool_misuse(NULL, "expected --models, found none");
    if (!o->common.output)
        tool_misuse(NULL, "expected -o and a folder to write to, found none");
}

void controls_options_parse(controls_options *options, int argc, char **argv) {
    *options = (controls_options){0};
    const struct argp argp = {
        rows, parse, "INSPECTOR --models DIR -o OUT [-- ...]", doc, tool_common_children,
        NULL, NULL};
    tool_parse(&argp, argc, argv, options, &options->common);
    check(options);
}

json_t *controls_options_json(const controls_options *o) {
    json_t *arguments = json_array();
    for (size_t i = 0; i < o->argument_count; i++)
        json_array_append_new(arguments, tool_json_text(o->arguments[i]));
    return json_pack("{ss ss so so}", "method", "controls", "inspector", o->inspector->name,
                     "models", tool_json_text(o->models), "arguments", arguments);
}
