#include "defend/audit/audit.h"

#include <math.h>

enum {
    KEY_MODEL = TOOL_OPTION_BASE,
    KEY_NET,
    KEY_CLEAN,
    KEY_SUSPECT,
    KEY_TRAINING,
    KEY_CONTROLS,
    KEY_MINUTES,
    KEY_EFFORT,
    KEY_EXIT_CODE,
};

static const double default_minutes = 30;

static const struct argp_option rows[] = {
    {"model", KEY_MODEL, "MODEL", 0, "The model that you were given", 0},
    {"net", KEY_NET, "NET", 0,
     "The net whose weights the model is, where it does not tell it itself: a net of the zoo, or a "
     "file with a net text",
     0},
    {"clean", KEY_CLEAN, "DATA", 0, "Labelled images that you trust (split test)", 0},
    {"suspect", KEY_SUSPECT, "DATA", 0, "Inputs met in use (split test); may be repeated", 0},
    {"training", KEY_TRAINING, "DATA", 0, "The set that the model was trained on (split train)", 0},
    {"controls", KEY_CONTROLS, "FILE", 0,
     "A record of trapdoor-defend controls, for error rates; may be repeated", 0},
    {"minutes", KEY_MINUTES, "M", 0, "Time for all of it (30)", 0},
    {"effort", KEY_EFFORT, "R", 0,
     "The share of the usual steps that the inspectors take, above 0 and at most 1 (1)", 0},
    {"exit-code", KEY_EXIT_CODE, NULL, 0, "Exit with 3 if a backdoor is likely or suspected", 0},
    {0},
};

static void append(const char *option, char *text, const char **list, size_t *count,
                   struct argp_state *state) {
    if (*count == AUDIT_MOST_SETS)
        tool_misuse(state, "%s: expected at most %d", option, AUDIT_MOST_SETS);
    list[(*count)++] = text;
}

static error_t parse(int key, char *text, struct argp_state *state) {
    audit_options *o = state->input;
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
    case KEY_SUSPECT:
        append("--suspect", text, o->suspects, &o->suspect_count, state);
        return 0;
    case KEY_TRAINING:
        o->training = text;
        return 0;
    case KEY_CONTROLS:
        append("--controls", text, o->controls, &o->control_count, state);
        return 0;
    case KEY_MINUTES:
        o->minutes = tool_real_above("--minutes", text, 0, INFINITY, state);
        return 0;
    case KEY_EFFORT:
        o->effort = tool_real_above("--effort", text, 0, 1, state);
        return 0;
    case KEY_EXIT_CODE:
        o->exit_code = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] =
    "Looks for a backdoor in a model that you were given, by every method that applies, and says "
    "in plain words what was seen, how sure that is, and what was not looked at. Always: accuracy "
    "on the clean images, Neural Cleanse and DeepInspect. With --suspect, STRIP and feature "
    "squeezing of these inputs; the clean images are divided, so that what calibrates never "
    "judges. With --training, spectral signatures and activation clustering of that set, which "
    "give hints but decide nothing: clean classes have such groups as well."
    "\v"
    "The verdict is one of: backdoor-likely (methods that work differently agree), "
    "backdoor-suspected (one sees something), nothing-found, inconclusive (nothing seen, and not "
    "enough looked at), cannot-be-judged (the model is hardly better than chance on the clean "
    "images). Nothing found is no proof. How often a method errs on models like yours only clean "
    "and backdoored models of that kind can tell: see trapdoor-defend controls.\n"
    "\n"
    "DIR gets the verdict in words (audit.txt) and as a record (audit.json), and a folder for each "
    "method with its record and the recovered triggers as pictures; trapdoor-report DIR makes a "
    "page of all. The quick methods come first, and what time they leave goes to Neural Cleanse, "
    "which has a use for any: it tells how many classes it has searched. The same command goes on "
    "where the last one ended, with time anew; more data may be given then.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend audit --model model.safetensors --clean mnist:test \\\n"
    "    --minutes 20 -o audit\n";

static void check(const audit_options *o) {
    if (!o->model)
        tool_misuse(NULL, "expected --model, found none");
    if (!o->clean)
        tool_misuse(NULL, "expected --clean, found none");
    if (!o->common.output)
        tool_misuse(NULL, "expected -o and a folder to write to, found none");
}

void audit_options_parse(audit_options *options, int argc, char **argv) {
    *options = (audit_options){.minutes = default_minutes, .effort = 1};
    const struct argp argp = {
        rows, parse, "--model MODEL --clean DATA -o DIR", doc, tool_common_children, NULL, NULL};
    tool_parse(&argp, argc, argv, options, &options->common);
    check(options);
}

static json_t *list_json(const char *const *texts, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, tool_json_text(texts[i]));
    return list;
}

json_t *audit_options_json(const audit_options *o) {
    return json_pack(
        "{ss so so* so so so* so sf sf}", "method", "audit", "model", tool_json_text(o->model),
        "net", o->net ? tool_json_text(o->net) : NULL, "clean", tool_json_text(o->clean),
        "suspects", list_json(o->suspects, o->suspect_count), "training",
        o->training ? tool_json_text(o->training) : NULL, "controls",
        list_json(o->controls, o->control_count), "minutes", o->minutes, "effort", o->effort);
}
