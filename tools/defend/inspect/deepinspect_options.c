#include "defend/inspect/deepinspect.h"

#include <math.h>

enum {
    KEY_INVERTED = REPAIR_OPTION_BASE,
    KEY_INVERSION_STEPS,
    KEY_STEPS,
    KEY_GAMMA,
    KEY_ATTACK_RATE,
    KEY_EXIT_CODE,
    KEY_PATCH,
    KEY_PATCHED,
    KEY_SHARE,
};

enum { MOST_STEPS = 1000000, MOST_IMAGES = 100000 };

static const struct argp_option rows[] = {
    {"inverted", KEY_INVERTED, "N", 0, "Images to invert from the model for each class (16)", 1},
    {"inversion-steps", KEY_INVERSION_STEPS, "N", 0, "Steps of an inversion (150)", 1},
    {"steps", KEY_STEPS, "N", 0, "Steps of the generator (1500)", 1},
    {"gamma", KEY_GAMMA, "X", 0,
     "The size of a trigger, L1 in units of the pixel range, that costs nothing (0)", 1},
    {"attack-rate", KEY_ATTACK_RATE, "R", 0,
     "The ASR that triggers must reach to be kept, above 0 (0.95)", 1},
    {"exit-code", KEY_EXIT_CODE, NULL, 0, "Exit with 3 if a class is flagged", 1},
    {"patch", KEY_PATCH, NULL, 0, "Remove the backdoors of the flagged classes", 2},
    {"patched", KEY_PATCHED, "M2", 0, "--patch: the model to write", 2},
    {"share", KEY_SHARE, "R", 0, "--patch: the share of the images that is stamped (0.5)", 2},
    {0},
};

static const struct argp_child children[] = {
    {&repair_argp, 0, NULL, 0}, {&tune_argp, 0, "Training of --patch:", 3}, {0}};

static error_t parse_patch(int key, char *text, struct argp_state *state) {
    deepinspect_options *o = state->input;
    switch (key) {
    case KEY_PATCH:
        o->patch = true;
        return 0;
    case KEY_PATCHED:
        o->patched = text;
        return 0;
    case KEY_SHARE:
        o->share = tool_real_above("--share", text, 0, 1, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *text, struct argp_state *state) {
    deepinspect_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->repair;
        state->child_inputs[1] = &o->tune;
        return 0;
    case KEY_INVERTED:
        o->invert.per_class = tool_count("--inverted", text, 1, MOST_IMAGES, state);
        return 0;
    case KEY_INVERSION_STEPS:
        o->invert.steps = tool_count("--inversion-steps", text, 1, MOST_STEPS, state);
        return 0;
    case KEY_STEPS:
        o->search.steps = tool_count("--steps", text, 1, MOST_STEPS, state);
        return 0;
    case KEY_GAMMA:
        o->search.gamma = tool_real("--gamma", text, 0, INFINITY, state);
        return 0;
    case KEY_ATTACK_RATE:
        o->search.rate = tool_real_above("--attack-rate", text, 0, 1, state);
        return 0;
    case KEY_EXIT_CODE:
        o->exit_code = true;
        return 0;
    default:
        return parse_patch(key, text, state);
    }
}

static const char doc[] =
    "DeepInspect (Chen et al., IJCAI 2019): finds backdoored classes from the model alone. Images "
    "of every class are inverted from the model; on these a conditional generator learns, for each "
    "class, small changes that, added to images of other classes, send them there; and classes are "
    "flagged whose changes are an outlier on the small side: (median - size) / (1.4826 * MAD) "
    "above "
    "2, the MAD being that of the sizes up to the median. A size is the L1 norm in units of the "
    "pixel range: a white 4x4 square on black has 16. Writes to -o DIR of each class K mask-K.png, "
    "pattern-K.png and trigger-K.png, which is a trigger for any tool "
    "(image:file=trigger-K.png,at=0+0): on black the change itself, elsewhere its nearest blend."
    "\v"
    "No data is read, unless asked for: --test with --trigger and --target measures what a patch "
    "did, and --clean gives --patch images to learn from. Without it the patch learns from the "
    "inverted images alone, and costs more accuracy. --net needs --test, which tells the size of "
    "the images, unless it names a file that gives its sizes itself.\n"
    "\n"
    "The index compares the classes of one model, so that it needs most of them to be without a "
    "backdoor, and it cannot see triggers that change the whole image. A class that much "
    "resembles the others may be flagged without a backdoor: look at its trigger.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-defend deepinspect --model model.safetensors -o triggers\n"
    "  trapdoor-defend deepinspect --model model.safetensors --patch \\\n"
    "    --patched patched.safetensors --test mnist \\\n"
    "    --trigger square:size=4,at=bottom-right,value=255 --target 7\n";

static void check(const deepinspect_options *o) {
    if (o->patch && !o->patched)
        tool_misuse(NULL, "--patch: expected --patched and a file to write to, found none");
    if (!o->patch && o->patched)
        tool_misuse(NULL, "--patched: expected --patch, found none");
    if (!o->patch && o->repair.clean)
        tool_misuse(NULL, "--clean: expected --patch, which alone may learn from it, found none");
    if (!o->patch && o->repair.trigger_count > 0)
        tool_misuse(NULL, "--trigger: expected --patch, whose effect it measures, found none");
}

void deepinspect_options_parse(deepinspect_options *options, int argc, char **argv) {
    *options = (deepinspect_options){.invert = td_invert_defaults,
                                     .search = search_defaults,
                                     .share = 0.5,
                                     .tune = tune_defaults};
    const struct argp argp = {rows, parse, "--model MODEL", doc, children, NULL, NULL};
    repair_parse(&argp, argc, argv, options, &options->repair);
    options->invert.seed = options->search.seed = options->repair.common.seed;
    check(options);
}

json_t *deepinspect_options_json(const deepinspect_options *o) {
    const td_invert_settings *i = &o->invert;
    const search_settings *s = &o->search;
    json_t *options =
        json_pack("{ss sI sI sI sf sf}", "method", "deepinspect", "inverted",
                  (json_int_t)i->per_class, "inversion_steps", (json_int_t)i->steps, "steps",
                  (json_int_t)s->steps, "gamma", s->gamma, "attack_rate", s->rate);
    if (options && o->patch) {
        json_object_set_new(options, "patch", json_true());
        json_object_set_new(options, "share", json_real(o->share));
        json_object_set_new(options, "tune", tune_options_json(&o->tune));
    }
    return repair_options_json(&o->repair, options);
}
