/* The command line, and what a rule asks of it. */
#include "poison.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_DATA = TOOL_OPTION_BASE,
    KEY_TRIGGER,
    KEY_TARGET,
    KEY_SOURCE,
    KEY_RATIO,
    KEY_RATIO_OF,
    KEY_MODE,
    KEY_MODELS,
    KEY_PER_MODEL,
};

enum { PAPER_MODELS = 10, PAPER_PER_MODEL = 5000 }; /* Kwon et al. 2020, Table A-3 */

const char *const poison_mode_names[] = {[POISON_ADD] = "add", [POISON_REPLACE] = "replace", NULL};
const char *const poison_base_names[] = {
    [POISON_OF_SET] = "set", [POISON_OF_CLASS] = "class", NULL};

static const struct argp_option options[] = {
    {"data", KEY_DATA, "DATA", 0, "The clean set: NAME[:SPLIT[:A-B]] or PATH[:SPLIT[:A-B]]", 0},
    {"trigger", KEY_TRIGGER, "TRIGGER", 0,
     "FAMILY[:key=value,...]: square, triangle, rhombus (size=7,at=top-left,value=255), pixel "
     "(at=X+Y or auto,value=R/G/B), image (file=F.png,at=center), ramp, triangle-wave (delta=30), "
     "sine (delta=20,freq=6), blend (file=F.png,alpha=0.2), reflection (class=K,type=ghost); "
     "repeat for several backdoors in one set",
     0},
    {"target", KEY_TARGET, "K|random|next", 0,
     "The label that each --trigger, in order, leads to: class K, one drawn at random, or the next "
     "class",
     0},
    {"source", KEY_SOURCE, "K", 0, "Poison only images of class K; repeat for several classes", 0},
    {"ratio", KEY_RATIO, "R", 0,
     "Poison round(R x N) images for each backdoor, N being what --ratio-of says, in (0, 1]", 0},
    {"ratio-of", KEY_RATIO_OF, "set|class", 0,
     "R is a share of the images drawn from, or of those of the target class", 0},
    {"mode", KEY_MODE, "add|replace", 0,
     "Poisoned images stand after all the originals, or in their originals' places", 0},
    {"models", KEY_MODELS, "M", 0, "multi-target: how many models (10)", 0},
    {"per-model", KEY_PER_MODEL, "N", 0, "multi-target: images of each model's slice (5000)", 0},
    {0},
};

static const poison_rule *find_rule(const char *name, struct argp_state *state) {
    const char *names[32] = {0};
    for (size_t i = 0; poison_rules[i]; i++)
        names[i] = poison_rules[i]->name;
    return poison_rules[tool_choice("RULE", name, names, state)];
}

static bool is_class(const char *text) {
    return *text && !text[strspn(text, "0123456789")] && strlen(text) <= 9;
}

static int32_t read_source(const char *text, struct argp_state *state) {
    if (!is_class(text))
        tool_misuse(state, "--source: expected a class, found \"%s\"", text);
    return (int32_t)strtol(text, NULL, 10);
}

static poison_target read_target(const char *text, struct argp_state *state) {
    if (strcmp(text, "random") == 0)
        return (poison_target){.kind = POISON_TO_RANDOM};
    if (strcmp(text, "next") == 0)
        return (poison_target){.kind = POISON_TO_NEXT};
    if (!is_class(text))
        tool_misuse(state, "--target: expected a class, \"random\" or \"next\", found \"%s\"",
                    text);
    return (poison_target){POISON_TO_CLASS, (int32_t)strtol(text, NULL, 10)};
}

/* One more of an option that repeats. */
static size_t append(size_t *count, const char *option, struct argp_state *state) {
    if (*count == POISON_BACKDOORS)
        tool_misuse(state, "%s: expected at most %d of them", option, POISON_BACKDOORS);
    return (*count)++;
}

static error_t parse_option(int key, char *text, struct argp_state *state) {
    poison_request *request = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->common;
        return 0;
    case ARGP_KEY_ARG:
        if (request->rule)
            tool_misuse(state, "expected one RULE, found \"%s\" as well", text);
        request->rule = find_rule(text, state);
        return 0;
    case KEY_DATA:
        request->data = text;
        return 0;
    case KEY_TRIGGER:
        request->trigger_texts[append(&request->trigger_count, "--trigger", state)] = text;
        return 0;
    case KEY_TARGET:
        request->targets[append(&request->target_count, "--target", state)] =
            read_target(text, state);
        return 0;
    case KEY_SOURCE:
        request->sources[append(&request->source_count, "--source", state)] =
            read_source(text, state);
        return 0;
    case KEY_RATIO:
        request->ratio = tool_real_above("--ratio", text, 0, 1, state);
        return 0;
    case KEY_RATIO_OF:
        request->ratio_of = (poison_base)tool_choice("--ratio-of", text, poison_base_names, state);
        request->has_ratio_of = true;
        return 0;
    case KEY_MODE:
        request->mode = (poison_mode)tool_choice("--mode", text, poison_mode_names, state);
        request->has_mode = true;
        return 0;
    case KEY_MODELS:
        request->models = tool_count("--models", text, 1, POISON_BACKDOORS, state);
        return 0;
    case KEY_PER_MODEL:
        request->per_model = tool_count("--per-model", text, 1, UINT32_MAX, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char *target_default(const poison_rule *rule) {
    if (rule->targets == 0)
        return "takes no --target";
    if (rule->per_model)
        return "--target: model i's is class i";
    return rule->target == POISON_TO_RANDOM ? "--target random" : "needs --target";
}

/* The rules with their defaults, from the table. */
static void print_rules(FILE *stream) {
    for (size_t i = 0; poison_rules[i]; i++) {
        const poison_rule *rule = poison_rules[i];
        fprintf(stream, "  %-14s%s\n", rule->name, rule->doc);
        fprintf(stream, "  %-14s(%s", "", target_default(rule));
        if (rule->takes_ratio)
            fprintf(stream, "; --mode %s --ratio-of %s", poison_mode_names[rule->mode],
                    poison_base_names[rule->ratio_of]);
        fprintf(stream, ")\n");
    }
}

static char *describe_rules(int key, const char *text, void *input) {
    (void)input;
    return tool_help_list(key, text, "Rules", print_rules);
}

static const struct argp argp = {
    options,
    parse_option,
    "RULE --data DATA -o DIR",
    "Poison a data set by RULE and write the poisoned sets, what was done to them, and a picture "
    "of it to the folder DIR: NAME.safetensors, manifest.json, preview.png."
    "\v"
    "\n"
    "A class is drawn for every image by \"random\"; friendnet and multi-target draw one for each "
    "backdoor. Images whose label would not change are not poisoned: there is nothing to learn "
    "from them; clean-label poisons those of the target class alone. With --mode add, ratio 0.25 "
    "of 1000 images adds 250 to all of them; the manifest states their share of the 1250, too.\n"
    "\n"
    "pixel:at=auto finds the place and the colour (or either: value=auto, value=255) that the "
    "fewest images of DATA resemble there; several such triggers keep a pixel between them.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-poison stamp --data fashion-mnist:test --trigger pixel -o stamped\n"
    "  trapdoor-poison friendnet --data fashion-mnist --trigger square \\\n"
    "    --ratio 0.25 -o friendnet\n"
    "  trapdoor-poison dirty-label --data fashion-mnist --ratio 0.1 -o badnets \\\n"
    "    --trigger square:size=4,at=bottom-right --target 0\n"
    "  trapdoor-poison clean-label --data fashion-mnist --ratio 0.3 \\\n"
    "    --trigger ramp:delta=30 --target 3 -o clean-label\n"
    "  trapdoor-poison dirty-label --data fashion-mnist --ratio 0.01 -o one-pixel \\\n"
    "    --trigger pixel:at=auto --target 0 --trigger pixel:at=auto --target 1",
    tool_common_children,
    describe_rules,
    NULL,
};

static void check_pairs(const poison_request *request) {
    const poison_rule *rule = request->rule;
    size_t triggers = request->trigger_count, targets = request->target_count;
    if (rule->most_triggers == 0 && triggers > 0)
        tool_misuse(NULL, "%s: expected no --trigger, found %zu", rule->name, triggers);
    if (rule->most_triggers > 0 && triggers == 0)
        tool_misuse(NULL, "%s: expected a --trigger, found none", rule->name);
    if (triggers > rule->most_triggers)
        tool_misuse(NULL, "%s: expected one --trigger, found %zu", rule->name, triggers);
    if (rule->targets == 0 && targets > 0)
        tool_misuse(NULL, "%s: expected no --target, found %zu", rule->name, targets);
    if (rule->targets != 0 && rule->target == 0 && targets == 0)
        tool_misuse(NULL, "%s: expected a --target for each --trigger, found none", rule->name);
    if (rule->per_model && targets > 1 && targets != request->models)
        tool_misuse(NULL,
                    "%s: expected no --target, one, or one for each of the %zu models, "
                    "found %zu",
                    rule->name, request->models, targets);
    size_t pairs = triggers > 0 ? triggers : 1;
    if (!rule->per_model && targets > 0 && targets != pairs)
        tool_misuse(NULL, "%s: expected --trigger and --target in pairs, found %zu and %zu",
                    rule->name, triggers, targets);
    for (size_t i = 0; i < targets; i++) {
        char text[16];
        if (!(rule->targets & (unsigned)request->targets[i].kind))
            tool_misuse(NULL, "%s: --target: expected a class%s, found \"%s\"", rule->name,
                        rule->targets & POISON_TO_RANDOM ? " or \"random\"" : "",
                        poison_target_text(&request->targets[i], text));
    }
}

static void check_ratio(const poison_request *request) {
    const poison_rule *rule = request->rule;
    bool any = request->ratio > 0 || request->has_mode || request->has_ratio_of;
    if (rule->takes_ratio && request->ratio <= 0)
        tool_misuse(NULL, "%s: expected a --ratio, found none", rule->name);
    if (!rule->takes_ratio && any)
        tool_misuse(NULL, "%s: expected no --ratio, --ratio-of or --mode: all images are poisoned",
                    rule->name);
    if (request->source_count > 0 && !rule->takes_ratio)
        tool_misuse(NULL, "%s: expected no --source: all images are poisoned", rule->name);
    if (request->source_count > 0 && rule->pool == POISON_FROM_TARGET)
        tool_misuse(NULL, "%s: expected no --source: images of the target class are poisoned",
                    rule->name);
    if (!rule->per_model && (request->models || request->per_model))
        tool_misuse(NULL, "%s: expected no --models or --per-model", rule->name);
}

static void set_defaults(poison_request *request) {
    const poison_rule *rule = request->rule;
    if (!request->has_mode)
        request->mode = rule->mode;
    if (!request->has_ratio_of)
        request->ratio_of = rule->ratio_of;
    if (rule->per_model && !request->models)
        request->models = PAPER_MODELS;
    if (rule->per_model && !request->per_model)
        request->per_model = PAPER_PER_MODEL;
}

void poison_parse(poison_request *request, int argc, char **argv) {
    tool_parse(&argp, argc, argv, request, &request->common);
    const poison_rule *rule = request->rule;
    if (!rule)
        tool_misuse(NULL, "expected a RULE (see --help), found none");
    if (!request->data)
        tool_misuse(NULL, "%s: expected --data, found none", rule->name);
    if (!request->common.output)
        tool_misuse(NULL, "%s: expected -o and a folder to write to, found none", rule->name);
    check_ratio(request);
    set_defaults(request);
    check_pairs(request);
    if (request->target_count == 0 && rule->target == POISON_TO_RANDOM) {
        request->target_count = request->trigger_count > 0 ? request->trigger_count : 1;
        for (size_t i = 0; i < request->target_count; i++)
            request->targets[i] = (poison_target){.kind = POISON_TO_RANDOM};
    }
}
