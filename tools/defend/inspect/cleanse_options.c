#include "defend/inspect/cleanse.h"

#include <math.h>
#include <string.h>

enum {
    KEY_CLASSES = REPAIR_OPTION_BASE,
    KEY_STEPS,
    KEY_BATCH,
    KEY_ATTACK_RATE,
    KEY_PATIENCE,
    KEY_RESUME,
    KEY_MINUTES,
    KEY_EXIT_CODE,
    KEY_PATCH,
    KEY_PATCHED,
    KEY_PATCH_CLASSES,
    KEY_SHARE,
    KEY_EPOCHS,
    KEY_LR,
    KEY_TOLERANCE,
    KEY_FPR,
};

enum { MOST_STEPS = 1000000, MOST_BATCH = 65536, MOST_EPOCHS = 1000000 };

static const struct argp_option rows[] = {
    {"classes", KEY_CLASSES, "LIST", 0, "Search for these classes alone, as 0,3,7 (all)", 1},
    {"steps", KEY_STEPS, "N", 0, "Steps of a search, at most (1000)", 1},
    {"batch", KEY_BATCH, "N", 0, "Images of a step (128)", 1},
    {"attack-rate", KEY_ATTACK_RATE, "R", 0,
     "The ASR that a trigger must reach to be kept, above 0 (0.99)", 1},
    {"patience", KEY_PATIENCE, "N", 0,
     "Successes or failures in a row that change the cost of a mask's pixel (5)", 1},
    {"resume", KEY_RESUME, NULL, 0, "Go on with the search whose triggers are in -o", 1},
    {"minutes", KEY_MINUTES, "M", 0,
     "End after M minutes with the classes that are done (no limit)", 1},
    {"exit-code", KEY_EXIT_CODE, NULL, 0, "Exit with 3 if a class is flagged", 1},
    {"patch", KEY_PATCH, "HOW", 0, "Remove the backdoor: unlearn, prune or filter", 2},
    {"patched", KEY_PATCHED, "M2", 0, "unlearn, prune: the model to write", 2},
    {"patch-classes", KEY_PATCH_CLASSES, "LIST", 0,
     "The classes whose triggers are removed (those flagged)", 2},
    {"share", KEY_SHARE, "R", 0, "unlearn: the share of the clean images that is stamped (0.2)", 2},
    {"epochs", KEY_EPOCHS, "N", 0, "unlearn: times to go through the clean images (5)", 2},
    {"lr", KEY_LR, "X", 0, "unlearn: learning rate (0.01)", 2},
    {"tolerance", KEY_TOLERANCE, "R", 0,
     "prune: by how much the accuracy on the clean images may fall (0.04)", 2},
    {"fpr", KEY_FPR, "R", 0, "filter: the share of clean images that may be rejected (0.05)", 2},
    {0},
};

static const char *const patch_names[] = {"none", "unlearn", "prune", "filter", NULL};

static error_t parse_patch(int key, char *text, struct argp_state *state) {
    cleanse_options *o = state->input;
    switch (key) {
    case KEY_PATCH:
        o->patch = (cleanse_patch)(1 + tool_choice("--patch", text, patch_names + 1, state));
        return 0;
    case KEY_PATCHED:
        o->patched = text;
        return 0;
    case KEY_PATCH_CLASSES:
        o->patch_classes = text;
        return 0;
    case KEY_SHARE:
        o->share = tool_real_above("--share", text, 0, 1, state);
        return 0;
    case KEY_EPOCHS:
        o->tune.epochs = tool_count("--epochs", text, 1, MOST_EPOCHS, state);
        return 0;
    case KEY_LR:
        o->tune.lr = tool_real_above("--lr", text, 0, INFINITY, state);
        return 0;
    case KEY_TOLERANCE:
        o->tolerance = tool_real("--tolerance", text, 0, 1, state);
        return 0;
    case KEY_FPR:
        o->fpr = tool_real("--fpr", text, 0, 1, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *text, struct argp_state *state) {
    cleanse_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->repair;
        return 0;
    case KEY_CLASSES:
        o->classes = text;
        return 0;
    case KEY_STEPS:
        o->settings.steps = tool_count("--steps", text, 1, MOST_STEPS, state);
        return 0;
    case KEY_BATCH:
        o->settings.batch = o->tune.batch = tool_count("--batch", text, 1, MOST_BATCH, state);
        return 0;
    case KEY_ATTACK_RATE:
        o->settings.attack_rate = tool_real_above("--attack-rate", text, 0, 1, state);
        return 0;
    case KEY_PATIENCE:
        o->settings.patience = tool_count("--patience", text, 1, MOST_STEPS, state);
        return 0;
    case KEY_RESUME:
        o->resume = true;
        return 0;
    case KEY_MINUTES:
        o->minutes = tool_real_above("--minutes", text, 0, INFINITY, state);
        return 0;
    case KEY_EXIT_CODE:
        o->exit_code = true;
        return 0;
    default:
        return parse_patch(key, text, state);
    }
}

static const char doc[] =
    "Neural Cleanse (Wang et al., IEEE S&P 2019): recovers for each class the smallest trigger, a "
    "mask and a pattern, that sends images of the other classes there, and flags classes whose "
    "mask is an outlier on the small side: |size - median| / (1.4826 * MAD) above 2. Writes to "
    "-o DIR of each class K mask-K.png, pattern-K.png and trigger-K.png, which is a trigger for "
    "any tool (image:file=trigger-K.png,at=0+0), and triggers.safetensors, the same exactly; the "
    "last is there as soon as one class is done, so that --resume can go on with an interrupted "
    "search."
    "\v"
    "--patch unlearn trains the model on with clean images, a share of which carry the recovered "
    "trigger and their true labels. --patch prune masks neurons before the last dense layer, those "
    "that the trigger raises most first, until it is without effect; those without which the "
    "accuracy would fall by more than --tolerance stay. --patch filter changes no model: it "
    "rejects inputs that raise the 1 % "
    "of these neurons that the trigger raises most. Each is judged on --test. A --trigger is for "
    "measurement only: how far the recovered mask and the pixels that it changes overlap, and what "
    "it does before and after a patch.\n"
    "\n"
    "The index compares the classes of one model, so that it needs most of them to be without a "
    "backdoor, and it cannot see triggers that change the whole image. With --minutes the verdict "
    "is on the classes that were searched by then, and the record lists the others as "
    "\"unsearched\"; --resume goes on with them.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-defend cleanse --model model.safetensors \\\n"
    "    --clean fashion-mnist:train:0-1000 -o triggers --json cleanse.json\n"
    "  trapdoor-defend cleanse --model model.safetensors \\\n"
    "    --clean fashion-mnist:train:0-5000 --test fashion-mnist \\\n"
    "    --patch unlearn --patched cleansed.safetensors \\\n"
    "    --trigger square:size=4,at=bottom-right,value=255 --target 0\n";

static void check(const cleanse_options *o) {
    const bool writes = o->patch == CLEANSE_UNLEARN || o->patch == CLEANSE_PRUNE;
    if (!o->repair.clean)
        tool_misuse(NULL, "expected --clean, found none");
    if (o->resume && !o->repair.common.output)
        tool_misuse(NULL, "--resume: expected -o and the folder with the triggers, found none");
    if (writes && !o->patched)
        tool_misuse(NULL, "--patch %s: expected --patched and a file to write to, found none",
                    patch_names[o->patch]);
    if (!writes && o->patched)
        tool_misuse(NULL, "--patched: expected --patch unlearn or --patch prune");
    if (o->patch_classes && o->patch == CLEANSE_NO_PATCH)
        tool_misuse(NULL, "--patch-classes: expected --patch, found none");
    if (o->patch == CLEANSE_FILTER && !o->repair.test)
        tool_misuse(NULL, "--patch filter: expected --test and images to judge it, found none");
    if (o->fpr <= 0 || o->fpr >= 1)
        tool_misuse(NULL, "--fpr: expected a number above 0 and below 1, found %g", o->fpr);
}

void cleanse_options_parse(cleanse_options *options, int argc, char **argv) {
    *options = (cleanse_options){
        .minutes = INFINITY,
        .settings = {.steps = 1000, .batch = 128, .patience = 5, .attack_rate = 0.99},
        .tune = tune_defaults,
        .share = 0.2,
        .tolerance = 0.04,
        .fpr = 0.05,
    };
    options->tune.epochs = 5;
    const struct argp argp = {rows, parse, "--model MODEL --clean DATA", doc, repair_children,
                              NULL, NULL};
    repair_parse(&argp, argc, argv, options, &options->repair);
    options->settings.seed = options->repair.common.seed;
    check(options);
}

static void add_patch(const cleanse_options *o, json_t *options) {
    json_object_set_new(options, "patch", json_string(patch_names[o->patch]));
    if (o->patch_classes)
        json_object_set_new(options, "patch_classes", tool_json_text(o->patch_classes));
    if (o->patch == CLEANSE_UNLEARN) {
        json_object_set_new(options, "share", json_real(o->share));
        json_object_set_new(options, "tune", tune_options_json(&o->tune));
    }
    if (o->patch == CLEANSE_PRUNE)
        json_object_set_new(options, "tolerance", json_real(o->tolerance));
    if (o->patch == CLEANSE_FILTER)
        json_object_set_new(options, "fpr", json_real(o->fpr));
}

json_t *cleanse_options_json(const cleanse_options *o) {
    const cleanse_settings *s = &o->settings;
    json_t *options = json_pack("{ss so* sI sI sf sI}", "method", "cleanse", "classes",
                                o->classes ? tool_json_text(o->classes) : NULL, "steps",
                                (json_int_t)s->steps, "batch", (json_int_t)s->batch, "attack_rate",
                                s->attack_rate, "patience", (json_int_t)s->patience);
    if (options && o->patch != CLEANSE_NO_PATCH)
        add_patch(o, options);
    return repair_options_json(&o->repair, options);
}
