/* SPDX-License-Identifier: MIT */
/* DeepInspect: finds backdoored classes from the model alone. Images are inverted from it
 * (nn/invert.h), and a generator learns triggers on them (trigger_search.h). */
#include "defend/inspect/inspect.h"
#include "defend/inspect/trigger_search.h"
#include "defend/method.h"
#include "nn/invert.h"
#include <math.h>

/* Epoch of TD_FOR_GENERATE: the order in which images are stamped. */
#define DRAW_SHARE (UINT32_MAX - 1)

typedef struct deepinspect_options {
    size_t inverted, inversion_steps;
    search_settings search;
    bool patch;
    double share; /* the share of the patch's training images to stamp, in (0, 1] */
    td_train_options tune;
} deepinspect_options;

typedef struct deepinspect {
    const deepinspect_options *options;
    td_inverted inverted;
    search_class *found; /* [classes of the model] */
} deepinspect;

/* --- the search --- */

static bool keep_inverting(void *context, size_t done) {
    tool_run_show(context, done, NULL);
    return !tool_run_stops(context);
}

static td_status invert(inspection *in, deepinspect *d, td_error *error) {
    td_invert_settings settings = td_invert_defaults;
    settings.per_class = d->options->inverted;
    settings.steps = d->options->inversion_steps;
    settings.seed = in->run->common->seed;
    settings.advance = keep_inverting;
    settings.context = in->run;
    tool_run_begin(in->run, "inverting images", "steps",
                   in->class_count * settings.per_class * settings.steps);
    return td_invert(&in->model.net, in->model.weights, &settings, &in->run->arena, &d->inverted,
                     error);
}

static td_status search_triggers(inspection *in, deepinspect *d, td_error *error) {
    const search_settings *settings = &d->options->search;
    search s;
    tool_run_begin(in->run, "generating triggers", "steps", settings->steps);
    TD_TRY(search_open(&s, in->run, &in->model.net, in->model.weights, &d->inverted.images,
                       settings, d->found, error));
    td_status status = search_run(&s, error);
    in->has_gradient = s.has_gradient;
    search_close(&s);
    return status;
}

/* The blend that equals the addition on black and the subtraction on white: the mask is the largest
 * change of a pixel's channels, and the pattern follows from it. */
static td_status as_blend(inspection *in, const float *change, inspect_trigger *trigger,
                          td_error *error) {
    const size_t places = in->shape.height * in->shape.width, channels = in->shape.channels;
    float *mask, *pattern;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, places, &mask, "a trigger", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, places * channels, &pattern, "a trigger", error));
    for (size_t p = 0; p < places; p++) {
        const float *own = change + p * channels;
        float most = 0;
        for (size_t c = 0; c < channels; c++)
            most = fmaxf(most, fabsf(own[c]));
        mask[p] = most / 255;
        for (size_t c = 0; c < channels; c++)
            pattern[p * channels + c] = own[c] > 0 ? 255 * own[c] / most : 0;
    }
    *trigger = (inspect_trigger){mask, pattern};
    return TD_OK;
}

static const tool_column extra[FINDING_OWN + 1] = {
    {"inverted_confidence", "inverted images' confidence", TOOL_REAL,
     offsetof(finding, own[0].real), .digits = 4},
    {"inverted_sure", "sure", TOOL_COUNT, offsetof(finding, own[1].count)},
};

/* Searches all classes at once. */
static td_status run(inspection *in, td_error *error) {
    deepinspect *d;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, 1, &d, "triggers", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, in->class_count, &d->found, "triggers", error));
    in->state = d;
    d->options = in->run->own;
    TD_TRY(tool_run_text(in->run, &in->said, error,
                         "the smallest changes that reach an ASR of %g %% on %zu inverted images",
                         100 * d->options->search.rate, in->class_count * d->options->inverted));
    TD_TRY(invert(in, d, error));
    TD_TRY(search_triggers(in, d, error));
    in->ready = in->class_count;
    return TD_OK;
}

static td_status of_class(inspection *in, size_t class, finding *one, td_error *error) {
    const deepinspect *d = in->state;
    const search_class *found = &d->found[class];
    one->found = found->reached;
    one->value = found->size;
    one->asr = found->asr;
    one->own[0].real = d->inverted.confidence[class];
    one->own[1].count = d->inverted.reached[class];
    return found->reached ? as_blend(in, found->triggers, &one->trigger, error) : TD_OK;
}

/* --- further reports --- */

static void note_inversion(const inspection *in) {
    const deepinspect *d = in->state;
    size_t poor = 0, first = 0;
    for (size_t i = in->found.count; i-- > 0;)
        if (d->inverted.reached[i] == 0) {
            poor++;
            first = i;
        }
    if (poor == 1)
        tool_run_note(
            in->run, "note: no image of class %zu could be inverted that the model is sure of (%g)",
            first, td_invert_defaults.confidence);
    if (poor > 1)
        tool_run_note(in->run,
                      "note: of %zu of %zu classes, the first of them %zu, no image could be "
                      "inverted that the model is sure of (%g)",
                      poor, in->found.count, first, td_invert_defaults.confidence);
}

typedef struct deviation {
    double factor; /* the largest index: the paper's deviation factor of the model */
    size_t images;
} deviation;

static td_status report(inspection *in, td_error *error) {
    static const tool_column columns[] = {
        {"deviation_factor", "deviation factor", TOOL_REAL, offsetof(deviation, factor),
         .digits = 2, .null = true},
        {"images", NULL, TOOL_COUNT, offsetof(deviation, images)},
        {0},
    };
    static const tool_table_kind kind = {
        .title = "", .columns = columns, .row = sizeof(deviation), .single = true};
    const finding *most = findings_largest_index(&in->found);
    const deepinspect *d = in->state;
    const deviation row = {
        .factor = !in->found.judged ? NAN
                  : most            ? fmax(0, most->index)
                                    : 0,
        .images = d->inverted.images.count,
    };
    note_inversion(in);
    return tool_run_rows(in->run, &kind, NULL, &row, 1, error);
}

/* --- the patch --- */

static void stamp(const inspection *in, size_t class, size_t i, uint8_t *pixels) {
    const deepinspect *d = in->state;
    const size_t size = td_image_size(&d->inverted.images);
    const float *change = d->found[class].triggers + i % SEARCH_KEPT * size;
    for (size_t k = 0; k < size; k++)
        pixels[k] = (uint8_t)fminf(255, fmaxf(0, (float)pixels[k] + change[k]));
}

/* Trains the model further on images, a share of which is stamped with generated triggers of the
 * flagged classes, with their true labels (Chen et al. 2019, section 4.4). */
static td_status train_on(inspection *in, const td_net **net, float **weights, td_error *error) {
    const deepinspect *d = in->state;
    const bool clean = in->settings->clean != NULL;
    const td_images *images = clean ? &in->images : &d->inverted.images;
    inspect_unlearning how = {
        .images_of = clean ? "clean" : "inverted",
        .tune = &d->options->tune,
        .share = d->options->share,
        .order = td_random_for(in->run->common->seed, TD_FOR_GENERATE, DRAW_SHARE, 0),
        .classes = in->flagged,
        .class_count = in->found.flagged,
        .stamp = stamp,
    };
    *net = &in->model.net;
    return inspect_unlearn(in, images, &how, weights, error);
}

static td_status patch(inspection *in, td_error *error) {
    const deepinspect_options *o = in->run->own;
    if (o->patch && in->found.flagged > 0)
        return inspect_patch(in, train_on, error);
    if (o->patch)
        tool_run_note(in->run, "note: no class is flagged, so there is nothing to patch");
    return TD_OK;
}

static const inspector deepinspect_inspector = {.about = FINDING_CLASS,
                                                .statistic = {.name = "size", .unit = "L1"},
                                                .rated = true,
                                                .spread = FINDINGS_DOUBLE_MAD,
                                                .by_gradient = true,
                                                .clean = INSPECT_MAY_CLEAN,
                                                .extra = extra,
                                                .pictures = true,
                                                .patches = true,
                                                .run = run,
                                                .of_class = of_class,
                                                .report = report,
                                                .patch = patch};

/* --- the method --- */

#define AT(field) offsetof(deepinspect_options, field)

static const td_key keys[] = {
    {"inverted", TD_KEY_COUNT, AT(inverted), .least = 1, .most = 100000, .standard = "16",
     .value = "N", .help = "Images to invert for each class"},
    {"inversion-steps", TD_KEY_COUNT, AT(inversion_steps), .least = 1, .most = 1000000,
     .standard = "150", .value = "N", .help = "Steps of an inversion"},
    {"steps", TD_KEY_COUNT, AT(search.steps), .least = 1, .most = 1000000, .standard = "1500",
     .value = "N", .help = "Steps of the generator"},
    {"gamma", TD_KEY_REAL, AT(search.gamma), .most = INFINITY, .standard = "0", .value = "X",
     .help = "L1 size of a trigger at no cost, in pixel ranges"},
    {"attack-rate", TD_KEY_REAL, AT(search.rate), .above = true, .most = 1, .standard = "0.95",
     .value = "R", .help = "Least ASR of a kept trigger"},
    {"patch", TD_KEY_FLAG, AT(patch),
     .help = "Remove flagged backdoors, and write the model to -o"},
    {"share", TD_KEY_REAL, AT(share), .above = true, .most = 1, .standard = "0.5", .needs = "patch",
     .value = "R", .help = "Share of the images to make stamped copies of"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = keys},
    {.keys = repair_tune_keys,
     .offset = AT(tune),
     .title = "Training of --patch",
     .detail = true,
     .object = "tune",
     .needs = "patch"},
    {0},
};

static td_status check(const tool_settings *settings, void *own, td_error *error) {
    const deepinspect_options *o = own;
    const inspect_settings *s = settings->family;
    if (o->patch && !settings->common.output)
        return td_fail(error, TD_ERR_USAGE,
                       "--patch: expected -o and a file to write to, found none");
    if (!o->patch && settings->common.output)
        return td_fail(error, TD_ERR_USAGE,
                       "-o: expected --patch, whose model it takes; --triggers DIR takes the "
                       "recovered triggers");
    if (!o->patch && s->clean)
        return td_fail(error, TD_ERR_USAGE,
                       "--clean: expected --patch, which alone may learn from it, found none");
    if (!o->patch && s->truth.triggers.count > 0)
        return td_fail(error, TD_ERR_USAGE,
                       "--trigger: expected --patch, whose effect it measures, found none");
    return TD_OK;
}

static const char help[] =
    "finds backdoored classes from the model alone. It inverts images of every class from the "
    "model; on these a conditional generator learns, for each class, small changes that send "
    "images of other classes there. It flags classes whose changes are unusually small: (median - "
    "size) / (1.4826 * MAD) above 2, with the MAD of the sizes up to the median. The size is the "
    "L1 norm in pixel ranges: a white 4x4 square on black has 16. For each class K, --triggers "
    "DIR gets mask-K.png, pattern-K.png and trigger-K.png (a trigger for any tool: "
    "image:file=trigger-K.png,at=0+0), which is exact on black images."
    "\v"
    "--test with --trigger and --target measures a patch; --clean gives --patch images to learn "
    "from. Without --clean the patch learns from inverted images and costs more accuracy. --net "
    "needs --test, for the size of the images, unless its file has it.\n"
    "\n"
    "The index compares the classes of one model: most must be without a backdoor. It misses "
    "triggers that change the whole image, and may flag a clean class that resembles the others: "
    "look at its trigger.\n"
    "\n"
    "Examples:\n"
    "  trapdoor-defend deepinspect --model model.safetensors --triggers triggers\n"
    "  trapdoor-defend deepinspect --model model.safetensors --patch \\\n"
    "    -o patched.safetensors --test mnist \\\n"
    "    --trigger square:size=4,at=bottom-right,value=255 --target 7";

const tool_method defend_deepinspect = {
    .name = "deepinspect",
    .title = "DeepInspect",
    .source = "Chen et al., IJCAI 2019",
    .doc = "DeepInspect: the same without data",
    .help = help,
    .family = &inspectors,
    .groups = groups,
    .size = sizeof(deepinspect_options),
    .check = check,
    .math = &deepinspect_inspector,
};
