/* The options of repairs. */
#include "defend/repair/repair.h"
#include <string.h>

enum { KEY_MODEL = TOOL_OPTION_BASE, KEY_NET, KEY_CLEAN, KEY_TEST, KEY_TRIGGER, KEY_TARGET };

static const struct argp_option rows[] = {
    {"model", KEY_MODEL, "MODEL", 0, "The model to defend", 0},
    {"net", KEY_NET, "NET", 0,
     "The net whose weights the model is, where it does not tell it itself: a net of the zoo, or a "
     "file with a net text",
     0},
    {"clean", KEY_CLEAN, "DATA", 0, "Clean images to work with (split train)", 0},
    {"test", KEY_TEST, "DATA", 0,
     "Images that judge the model before and after, none of them among the others (split test)", 0},
    {"trigger", KEY_TRIGGER, "TRIGGER", 0,
     "For measurement only: what this trigger does before and after; may be repeated, each with "
     "its --target",
     0},
    {"target", KEY_TARGET, "K", 0, "The class that the trigger before it is to give", 0},
    {0},
};

static error_t parse(int key, char *text, struct argp_state *state) {
    repair_options *o = state->input;
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
    case KEY_TEST:
        o->test = text;
        return 0;
    case KEY_TRIGGER:
        if (o->trigger_count == REPAIR_MOST_TRIGGERS)
            tool_misuse(state, "--trigger: expected at most %d", REPAIR_MOST_TRIGGERS);
        o->triggers[o->trigger_count++] = text;
        return 0;
    case KEY_TARGET:
        if (o->target_count == REPAIR_MOST_TRIGGERS)
            tool_misuse(state, "--target: expected at most %d", REPAIR_MOST_TRIGGERS);
        o->targets[o->target_count++] = tool_count("--target", text, 0, TD_MOST_CLASSES - 1, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp repair_argp = {rows, parse, NULL, NULL, tool_common_children, NULL, NULL};

const struct argp_child repair_children[] = {{&repair_argp, 0, NULL, 0}, {0}};

void repair_parse(const struct argp *argp, int argc, char **argv, void *input,
                  const repair_options *o) {
    tool_parse(argp, argc, argv, input, &o->common);
    if (!o->model)
        tool_misuse(NULL, "expected --model, found none");
    if (o->trigger_count != o->target_count)
        tool_misuse(NULL, "--trigger and --target come in pairs: found %zu and %zu",
                    o->trigger_count, o->target_count);
    if (o->common.json && o->common.output && strcmp(o->common.json, o->common.output) == 0)
        tool_misuse(NULL, "--json: expected another file than -o's, found %s", o->common.json);
}

static json_t *text_or_null(const char *text) {
    return text ? tool_json_text(text) : NULL;
}

json_t *repair_options_json(const repair_options *o, json_t *options) {
    json_t *triggers = json_array();
    for (size_t i = 0; i < o->trigger_count; i++)
        json_array_append_new(triggers,
                              json_pack("{so sI}", "trigger", tool_json_text(o->triggers[i]),
                                        "target", (json_int_t)o->targets[i]));
    json_t *shared = json_pack("{so so* so* so* so}", "model", tool_json_text(o->model), "net",
                               text_or_null(o->net), "clean", text_or_null(o->clean), "test",
                               text_or_null(o->test), "triggers", triggers);
    if (options && (!shared || json_object_update(options, shared) != 0)) {
        json_decref(options);
        options = NULL;
    }
    json_decref(shared);
    return options;
}
