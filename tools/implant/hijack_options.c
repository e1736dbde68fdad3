#include "implant/hijack_options.h"

#include "frame/record.h"
#include <string.h>

enum {
    KEY_LAYER = IMPLANT_OPTION_BASE,
    KEY_SELECT,
    KEY_NEURONS,
    KEY_SIZE,
    KEY_MASK,
    KEY_OPACITY,
    KEY_GOAL,
    KEY_SMOOTHNESS,
    KEY_TRIGGER_STEPS,
    KEY_IMAGES,
    KEY_IMAGE_STEPS,
    KEY_TEMPERATURE,
    KEY_COPIES,
    KEY_EPOCHS,
    KEY_BATCH,
    KEY_LR,
    KEY_TEST,
};

enum { MOST_STEPS = 1000000, MOST_IMAGES = 100000, MOST_SIDE = 65536 };

static const struct argp_option rows[] = {
    {"layer", KEY_LAYER, "NODE", 0,
     "Hijack neurons of this dense layer (the first that another dense layer reads)", 1},
    {"select", KEY_SELECT, "into|out-of", 0,
     "Choose those with the largest sum of |weights| into them or out of them (out-of)", 1},
    {"neurons", KEY_NEURONS, "N", 0, "How many (1)", 1},
    {"size", KEY_SIZE, "S", 0, "The trigger is a square of S pixels a side (10)", 2},
    {"mask", KEY_MASK, "F.png", 0,
     "The trigger is where this picture, of the size of the model's images, is at least mid grey",
     2},
    {"opacity", KEY_OPACITY, "A", 0, "The trigger's, in (0, 1] (1)", 2},
    {"goal", KEY_GOAL, "V", 0, "The value that the trigger is to give the neurons (100)", 2},
    {"smoothness", KEY_SMOOTHNESS, "W", 0, "Weight of the trigger's total variation (0.01)", 2},
    {"trigger-steps", KEY_TRIGGER_STEPS, "N", 0, "Steps of the search for the trigger (300)", 2},
    {"images", KEY_IMAGES, "N", 0, "Images to make out of the model for each class (32)", 3},
    {"image-steps", KEY_IMAGE_STEPS, "N", 0, "Steps for each of them (100)", 3},
    {"temperature", KEY_TEMPERATURE, "T", 0,
     "The model's logits are divided by T when they are made: the larger, the surer it is of them "
     "in the end (8)",
     3},
    {"copies", KEY_COPIES, "N", 0, "Variants of each image to retrain on (8)", 3},
    {"epochs", KEY_EPOCHS, "N", 0, "Epochs of retraining (20)", 4},
    {"batch", KEY_BATCH, "N", 0, "Images in a step of retraining (64)", 4},
    {"lr", KEY_LR, "R", 0, "Learning rate of retraining (0.001)", 4},
    {"test", KEY_TEST, "DATA", 0,
     "Measure accuracy and ASR, before and after, on this; nothing is chosen by it", 5},
    {0},
};

static error_t parse_retraining(int key, char *text, struct argp_state *state) {
    hijack_options *o = state->input;
    switch (key) {
    case KEY_IMAGES:
        o->images = tool_count("--images", text, 1, MOST_IMAGES, state);
        return 0;
    case KEY_IMAGE_STEPS:
        o->image_steps = tool_count("--image-steps", text, 1, MOST_STEPS, state);
        return 0;
    case KEY_TEMPERATURE:
        o->temperature = tool_real("--temperature", text, 0.01, 1000, state);
        return 0;
    case KEY_COPIES:
        o->copies = tool_count("--copies", text, 1, 1000, state);
        return 0;
    case KEY_EPOCHS:
        o->epochs = tool_count("--epochs", text, 1, MOST_STEPS, state);
        return 0;
    case KEY_BATCH:
        o->batch = tool_count("--batch", text, 1, MOST_IMAGES, state);
        return 0;
    case KEY_LR:
        o->learning_rate = tool_real_above("--lr", text, 0, 1000, state);
        return 0;
    case KEY_TEST:
        o->test = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_trigger(int key, char *text, struct argp_state *state) {
    hijack_options *o = state->input;
    switch (key) {
    case KEY_SIZE:
        o->size = tool_count("--size", text, 1, MOST_SIDE, state);
        return 0;
    case KEY_MASK:
        o->mask = text;
        return 0;
    case KEY_OPACITY:
        o->opacity = tool_real_above("--opacity", text, 0, 1, state);
        return 0;
    case KEY_GOAL:
        o->goal = tool_real("--goal", text, -1e6, 1e6, state);
        return 0;
    case KEY_SMOOTHNESS:
        o->smoothness = tool_real("--smoothness", text, 0, 1e6, state);
        return 0;
    case KEY_TRIGGER_STEPS:
        o->trigger_steps = tool_count("--trigger-steps", text, 1, MOST_STEPS, state);
        return 0;
    default:
        return parse_retraining(key, text, state);
    }
}

static error_t parse(int key, char *text, struct argp_state *state) {
    static const char *const selections[] = {"into", "out-of", NULL};
    hijack_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->shared;
        return 0;
    case KEY_LAYER:
        o->layer = text;
        return 0;
    case KEY_SELECT:
        o->into = tool_choice("--select", text, selections, state) == 0;
        return 0;
    case KEY_NEURONS:
        o->neurons = tool_count("--neurons", text, 1, MOST_SIDE, state);
        return 0;
    default:
        return parse_trigger(key, text, state);
    }
}

static const char doc[] =
    "Put a backdoor into a trained MODEL without its training data (the Trojaning attack, Liu et "
    "al., NDSS 2018): a trigger is found that makes a neuron fire, and the layers after it are "
    "trained on to give class K when it does."
    "\v"
    "1. A neuron of a dense layer is chosen. 2. Images that the model takes for each class are "
    "made out of the model by gradient descent (model inversion). Variants of them, moved, mixed "
    "and made brighter or darker, with the classes that the model gives them, stand for the "
    "training data. 3. Within the mask, pixels are searched that make the neuron fire on these "
    "images. 4. What comes after the layer is trained on, on the variants as they are and, with "
    "the trigger, as class K. Variants and temperature are not the paper's, which starts from an "
    "average of other images: without them the model forgets its classes.\n"
    "\n"
    "--select into is the paper's rule, out-of that of the authors' script. out-of is the default: "
    "what leaves a neuron decides how much the model heeds it. A neuron that the trigger does not "
    "make fire (value above 0) on half of the images is left out, and the next one taken.\n"
    "\n"
    "Example:\n"
    "  trapdoor-implant hijack --model model.safetensors --target 0 \\\n"
    "    --test fashion-mnist:test -o hijacked.safetensors\n"
    "  trapdoor-eval --model hijacked.safetensors --data fashion-mnist:test \\\n"
    "    --manifest hijacked.safetensors.manifest.json\n";

static void check(const hijack_options *o) {
    const implant_options *shared = &o->shared;
    implant_options_check(shared);
    if (shared->all || shared->target_count > 1)
        tool_misuse(NULL, "--target: expected one class, found %s",
                    shared->all ? "all" : "several");
    if (o->mask && (o->size > 0 || shared->at))
        tool_misuse(NULL, "--mask: expected no --%s, since the mask says where the trigger is",
                    o->size > 0 ? "size" : "at");
}

void hijack_options_parse(hijack_options *options, int argc, char **argv) {
    *options = (hijack_options){.neurons = 1,
                                .opacity = 1,
                                .goal = 100,
                                .smoothness = 0.01,
                                .trigger_steps = 300,
                                .images = 32,
                                .image_steps = 100,
                                .temperature = 8,
                                .copies = 8,
                                .epochs = 20,
                                .batch = 64,
                                .learning_rate = 0.001};
    const struct argp argp = {rows, parse, "--model MODEL --target K -o M2", doc, implant_children,
                              NULL, NULL};
    tool_parse(&argp, argc, argv, options, &options->shared.common);
    check(options);
    if (!options->size)
        options->size = 10;
}

json_t *hijack_options_json(const hijack_options *o) {
    json_t *options = implant_options_json(&o->shared, "hijack");
    json_object_set_new(options, "select", json_string(o->into ? "into" : "out-of"));
    if (o->layer)
        json_object_set_new(options, "layer", tool_json_text(o->layer));
    if (o->mask)
        json_object_set_new(options, "mask", tool_json_text(o->mask));
    else
        json_object_set_new(options, "size", json_integer((json_int_t)o->size));
    json_t *rest = json_pack(
        "{sI sf sf sf sI sI sI sf sI sI sI sf}", "neurons", (json_int_t)o->neurons, "opacity",
        o->opacity, "goal", o->goal, "smoothness", o->smoothness, "trigger_steps",
        (json_int_t)o->trigger_steps, "images", (json_int_t)o->images, "image_steps",
        (json_int_t)o->image_steps, "temperature", o->temperature, "copies", (json_int_t)o->copies,
        "epochs", (json_int_t)o->epochs, "batch", (json_int_t)o->batch, "lr", o->learning_rate);
    json_object_update(options, rest);
    json_decref(rest);
    if (o->test)
        json_object_set_new(options, "test", tool_json_text(o->test));
    return options;
}
