#include "implant/options.h"

#include "frame/record.h"
#include <stdint.h>
#include <string.h>

enum { KEY_MODEL = TOOL_OPTION_BASE, KEY_TARGET, KEY_AT, KEY_TRIGGERS };

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
    {0},
};

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

static error_t parse(int key, char *text, struct argp_state *state) {
    implant_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        *o = (implant_options){0};
        state->child_inputs[0] = &o->common;
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
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp shared = {rows, parse, NULL, NULL, tool_common_children, NULL, NULL};

const struct argp_child implant_children[] = {{&shared, 0, NULL, 0}, {0}};

void implant_outputs_check(const tool_common *common, const char *triggers) {
    if (!common->output)
        tool_misuse(NULL, "expected -o and a file to write to, found none");
    if (common->json && strcmp(common->json, common->output) == 0)
        tool_misuse(NULL, "--json: expected another file than -o's, found %s", common->json);
    const char *folder = triggers ? triggers : common->output;
    if (strchr(folder, ','))
        tool_misuse(NULL,
                    "%s: expected a path without a comma, which a TRIGGER cannot name, found "
                    "%s",
                    triggers ? "--triggers" : "-o", folder);
}

const char *implant_at(const implant_options *options) {
    return options->at ? options->at : "bottom-right";
}

void implant_options_check(const implant_options *o) {
    if (!o->model)
        tool_misuse(NULL, "expected --model, found none");
    if (!o->all && o->target_count == 0)
        tool_misuse(NULL, "expected --target, found none");
    if (o->all && o->target_count > 0)
        tool_misuse(NULL, "--target: expected all or classes, found both");
    implant_outputs_check(&o->common, o->triggers);
    if (strchr(implant_at(o), ','))
        tool_misuse(NULL, "--at: expected a place, found \"%s\"", o->at);
}

json_t *implant_options_json(const implant_options *o, const char *method) {
    json_t *targets = o->all ? json_string("all") : json_array();
    for (size_t i = 0; i < o->target_count; i++)
        json_array_append_new(targets, json_integer((json_int_t)o->targets[i]));
    return json_pack("{ss so so ss}", "method", method, "model", tool_json_text(o->model),
                     "targets", targets, "at", implant_at(o));
}
