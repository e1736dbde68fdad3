/* SPDX-License-Identifier: MIT */
/* Souri et al., "Sleeper Agent", NeurIPS 2022: images of the target class are changed so that a net
 * learns from them what it would learn from stamped images of the source classes with the target's
 * label: the two gradients with respect to the weights are aligned (matching.h). No label is
 * changed and no image has the trigger. The images with the largest gradients are poisoned; after
 * each part of the steps the model is replaced by a net trained from scratch on the set so far.
 * Alignment on one net may not transfer to a victim with other initial weights; therefore with an
 * ensemble the nets alternate.
 *
 * Geiping et al., "Witches' brew", ICLR 2021, is the same for one image instead of stamped ones,
 * without retraining: it makes that image be classified as the target and has no trigger.
 *
 * Published: 1 % of CIFAR-10, L∞ 16/255, 250 steps of Adam on the gradient's signs, at 0.1 in units
 * of normalised pixels, about 0.025 of their range, a tenth of it after 3/8, 5/8 and 7/8 of them;
 * four new trainings, batches of 512. Their random shifts and flips are not done here. */
#include "poison.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "frame/training.h"
#include "nn/ball.h"
#include "nn/optimizer.h"
#include "poison/matching.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SOURCES = 5000, CHUNK = 128 };

typedef struct match_settings {
    poison_settings shared;
    const char *image; /* DATA of one image; NULL: stamped images of the sources */
    double epsilon, step_size, difference;
    size_t steps, batch, trainings, restarts, ensemble;
    tool_training training;
} match_settings;

/* One of the nets matched. [weight_count] each. */
typedef struct brew_net {
    float *weights, *goal;
} brew_net;

/* The state of the poison images. */
typedef struct brew {
    poison_plan *plan;
    const match_settings *settings;
    const poison_backdoor *backdoor;
    td_ball ball;
    size_t size, count, batch;
    matching matching;
    td_dataset image; /* of --image */
    td_images goals;  /* images to be classified as the target: stamped, or that image */
    brew_net *nets;   /* [settings->ensemble]: the model, and others */
    td_images set;    /* DATA with the current poison images, for retraining */
    int32_t *labels;  /* [batch or CHUNK]: the target */
    float *buffer;    /* [batch or CHUNK, size] */
    float *clean, *x, *gradient, *mean, *square; /* [count, size] */
    float *best;                                 /* [count, size]: of the restarts */
    size_t restart, step, first, now;            /* `now` images from `first` on */
} brew;

/* --- the gradient to match --- */

static void to_floats(const uint8_t *pixels, size_t count, float *out) {
    for (size_t i = 0; i < count; i++)
        out[i] = pixels[i];
}

static void use_net(brew *b, size_t number) {
    matching_weights(&b->matching, b->nets[number].weights, b->nets[number].goal);
}

/* The gradient of the goals' mean loss with the target label. */
static void find_goal(brew *b, size_t number) {
    const size_t most = td_size_max(b->batch, CHUNK);
    memset(b->nets[number].goal, 0, b->plan->model.net.weight_count * sizeof *b->nets[number].goal);
    use_net(b, number);
    for (size_t first = 0; first < b->goals.count; first += most) {
        const size_t count = td_size_min(most, b->goals.count - first);
        to_floats(td_image(&b->goals, first), count * b->size, b->buffer);
        matching_own(&b->matching, b->buffer, b->labels, count);
        matching_add(&b->matching, (double)count / (double)b->goals.count);
    }
}

/* Stamped copies of images of the source classes. */
static td_status stamp_sources(brew *b, td_error *error) {
    poison_plan *plan = b->plan;
    td_arena *arena = &plan->arena;
    uint32_t *sources;
    uint8_t *pixels;
    void *scratch;
    size_t count;
    TD_TRY(poison_draw_sources(plan, &sources, &count, error));
    b->goals = plan->source.images;
    b->goals.count = td_size_min(count, MOST_SOURCES);
    TD_TRY(td_arena_alloc(arena, b->goals.count, b->size, (void **)&pixels, "images", error));
    TD_TRY(td_arena_alloc(arena, poison_scratch(plan), 1, &scratch, "images", error));
    for (size_t i = 0; i < b->goals.count; i++)
        poison_stamp_source(plan, plan->triggers[0], sources[i], pixels + i * b->size, scratch);
    b->goals.pixels = pixels;
    return TD_OK;
}

static td_status open_image(brew *b, td_error *error) {
    const char *text = b->settings->image;
    const td_images *images = &b->image.images, *own = &b->plan->source.images;
    TD_TRY(tool_run_dataset(b->plan->run, text, "test", &b->image, error));
    if (images->count != 1)
        return td_fail(error, TD_ERR_USAGE, "--image %s: expected one image, found %zu", text,
                       images->count);
    if (images->height != own->height || images->width != own->width ||
        images->channels != own->channels)
        return td_fail(error, TD_ERR_USAGE,
                       "--image %s: expected %zux%zux%zu as in %s, found %zux%zux%zu", text,
                       own->height, own->width, own->channels, b->plan->data, images->height,
                       images->width, images->channels);
    if (images->labels[0] == b->backdoor->target.label)
        return td_fail(error, TD_ERR_USAGE,
                       "--image %s: expected an image of another class than the target, found %d",
                       text, images->labels[0]);
    b->goals = *images;
    return TD_OK;
}

/* --- which images are poisoned --- */

typedef struct ranked {
    double length;
    size_t source;
} ranked;

static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    return (x->source > y->source) - (x->source < y->source);
}

/* Replaces the drawn images by those of the target with the largest gradients. */
static td_status choose_images(brew *b, poison_backdoor *backdoor, td_error *error) {
    const td_images *images = &b->plan->source.images;
    ranked *all;
    size_t count = 0;
    TD_TRY(TD_ARENA_NEW(&b->plan->arena, backdoor->class_size, &all, "the plan", error));
    tool_run_begin(b->plan->run, "choosing images", "images", backdoor->class_size);
    for (size_t i = 0; i < images->count; i++) {
        if (images->labels[i] != backdoor->target.label)
            continue;
        TD_TRY(tool_run_go_on(b->plan->run, count, NULL, error));
        to_floats(td_image(images, i), b->size, b->buffer);
        all[count++] = (ranked){matching_own(&b->matching, b->buffer, b->labels, 1), i};
    }
    tool_run_end(b->plan->run);
    qsort(all, count, sizeof *all, compare_ranked);
    for (size_t i = 0; i < backdoor->count; i++)
        backdoor->items[i].source = all[i].source;
    return TD_OK;
}

/* --- steps --- */

static void start_one(void *context, size_t i) {
    const brew *b = context;
    td_random random = td_random_for(b->plan->run->common->seed, TD_FOR_CRAFT,
                                     (uint32_t)b->restart + 1, (uint32_t)i);
    const size_t first = i * b->size;
    for (size_t k = 0; k < b->size; k++)
        b->x[first + k] = b->clean[first + k] + b->ball.radius * td_random_normal(&random);
    td_ball_project(b->ball, b->clean + first, b->size, b->x + first);
}

/* A step of Adam on the signs of the gradient. */
static void step_one(void *context, size_t i) {
    const brew *b = context;
    const size_t first = (b->first + i) * b->size;
    const size_t eighths = 8 * b->step / b->settings->steps;
    const int drops = (eighths >= 3) + (eighths >= 5) + (eighths >= 7);
    const td_step step = td_adam_step(255 * b->settings->step_size * pow(10, -drops), b->step + 1);
    float *gradient = b->gradient + i * b->size;
    for (size_t k = 0; k < b->size; k++)
        gradient[k] = (float)((gradient[k] > 0) - (gradient[k] < 0));
    td_adam(&step, b->x + first, gradient, b->mean + first, b->square + first, b->size);
    td_ball_project(b->ball, b->clean + first, b->size, b->x + first);
}

/* Processes all images once; returns their mean B before the steps. */
static double sweep(brew *b, bool moves) {
    double sum = 0;
    for (b->first = 0; b->first < b->count; b->first += b->batch) {
        b->now = td_size_min(b->batch, b->count - b->first);
        sum += (double)b->now * matching_batch(&b->matching, b->x + b->first * b->size, b->labels,
                                               b->now, moves ? b->gradient : NULL);
        if (moves)
            td_parallel_each(b->now, step_one, b);
    }
    return sum / (double)b->count;
}

/* Trains a new net on the images, which becomes net `number`; `drawn` gives it its own initial
 * weights. */
static td_status train_net(brew *b, size_t number, const td_images *images, size_t drawn,
                           td_error *error) {
    const td_net *net = &b->plan->model.net;
    td_train_options options = b->settings->training.options;
    options.seed += drawn;
    td_net_init(net, options.seed, b->nets[number].weights);
    TD_TRY(tool_run_train(b->plan->run, net, b->nets[number].weights, images, &options,
                          "training anew", error));
    find_goal(b, number);
    return TD_OK;
}

/* Replaces all nets by new ones, trained on the set with the current images. */
static td_status train_anew(brew *b, size_t times, td_error *error) {
    uint8_t *pixels = (uint8_t *)b->set.pixels;
    const size_t nets = b->settings->ensemble;
    for (size_t i = 0; i < b->count; i++)
        td_ball_round(b->ball, b->clean + i * b->size, b->x + i * b->size, b->size,
                      pixels + b->backdoor->items[i].source * b->size);
    for (size_t i = 0; i < nets; i++)
        TD_TRY(train_net(b, i, &b->set, times * nets + i, error));
    tool_run_begin(b->plan->run, "matching gradients", "steps", b->settings->steps);
    return TD_OK;
}

static td_status take_steps(brew *b, double *loss, td_error *error) {
    const match_settings *s = b->settings;
    char note[64] = "";
    size_t trained = 0;
    memset(b->mean, 0, b->count * b->size * sizeof *b->mean);
    memset(b->square, 0, b->count * b->size * sizeof *b->square);
    td_parallel_each(b->count, start_one, b);
    tool_run_begin(b->plan->run, "matching gradients", "steps", s->steps);
    for (b->step = 0; b->step < s->steps; b->step++) {
        TD_TRY(tool_run_go_on(b->plan->run, b->step, note, error));
        if (b->step * (s->trainings + 1) >= (trained + 1) * s->steps)
            TD_TRY(train_anew(b, ++trained, error));
        use_net(b, b->step % s->ensemble);
        *loss = sweep(b, true);
        if (b->step == 0 && b->restart == 0)
            tool_run_set(b->plan->run, "mismatch_before", "f", *loss);
        snprintf(note, sizeof note, "mismatch %.4f", *loss);
    }
    *loss = 0;
    for (size_t i = 0; i < s->ensemble; i++) {
        use_net(b, i);
        *loss += sweep(b, false) / (double)s->ensemble;
    }
    tool_run_end(b->plan->run);
    return TD_OK;
}

/* The model, and others trained on the original set. */
static td_status start_nets(brew *b, td_error *error) {
    const size_t bytes = b->plan->model.net.weight_count * sizeof(float);
    memcpy(b->nets[0].weights, b->plan->model.weights, bytes);
    find_goal(b, 0);
    for (size_t i = 1; i < b->settings->ensemble; i++)
        TD_TRY(train_net(b, i, &b->plan->source.images, i, error));
    return TD_OK;
}

/* Keeps the restart whose images match best. */
static td_status brew_all(brew *b, poison_backdoor *backdoor, td_error *error) {
    double least = INFINITY, loss = 0;
    uint8_t *pixels;
    TD_TRY(poison_make(b->plan, backdoor, &pixels, error));
    poison_originals(b->plan, backdoor->items, b->count, b->clean);
    for (b->restart = 0; b->restart < b->settings->restarts; b->restart++) {
        TD_TRY(start_nets(b, error));
        TD_TRY(take_steps(b, &loss, error));
        if (loss >= least)
            continue;
        least = loss;
        memcpy(b->best, b->x, b->count * b->size * sizeof *b->best);
    }
    for (size_t i = 0; i < b->count; i++)
        td_ball_round(b->ball, b->clean + i * b->size, b->best + i * b->size, b->size,
                      pixels + i * b->size);
    tool_run_set(b->plan->run, "mismatch", "f", least);
    return TD_OK;
}

static td_status make_room(brew *b, td_error *error) {
    const td_images *images = &b->plan->source.images;
    td_arena *arena = &b->plan->arena;
    const size_t most = td_size_max(b->batch, CHUNK), weights = b->plan->model.net.weight_count;
    float **arrays[] = {&b->clean, &b->x, &b->gradient, &b->mean, &b->square, &b->best};
    uint8_t *pixels = NULL;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(td_arena_alloc(arena, b->count, b->size * sizeof(float), (void **)arrays[i],
                              "poison images", error));
    TD_TRY(td_arena_alloc(arena, most, b->size * sizeof *b->buffer, (void **)&b->buffer, "images",
                          error));
    TD_TRY(TD_ARENA_NEW(arena, most, &b->labels, "labels", error));
    for (size_t i = 0; i < most; i++)
        b->labels[i] = b->backdoor->target.label;
    TD_TRY(TD_ARENA_NEW(arena, b->settings->ensemble, &b->nets, "models", error));
    for (size_t i = 0; i < b->settings->ensemble; i++) {
        TD_TRY(TD_ARENA_NEW(arena, weights, &b->nets[i].weights, "a model", error));
        TD_TRY(TD_ARENA_NEW(arena, weights, &b->nets[i].goal, "a model", error));
    }
    memcpy(b->nets[0].weights, b->plan->model.weights, weights * sizeof(float));
    b->set = *images;
    if (b->settings->trainings == 0)
        return TD_OK;
    TD_TRY(td_arena_alloc(arena, images->count, b->size, (void **)&pixels, "images", error));
    memcpy(pixels, images->pixels, images->count * b->size);
    b->set.pixels = pixels;
    return TD_OK;
}

static td_status make(brew *b, poison_backdoor *backdoor, td_error *error) {
    const size_t most = td_size_max(b->batch, CHUNK);
    TD_TRY(b->settings->image ? open_image(b, error) : stamp_sources(b, error));
    TD_TRY(make_room(b, error));
    TD_TRY(matching_open(&b->matching, &b->plan->model.net, most, b->settings->difference,
                         &b->plan->arena, error));
    use_net(b, 0);
    TD_TRY(choose_images(b, backdoor, error));
    return brew_all(b, backdoor, error);
}

static td_status plan_rule(poison_plan *plan, td_error *error) {
    const size_t count = plan->source.images.count;
    const match_settings *s = plan->run->own;
    poison_backdoor *backdoor = &plan->backdoors[0];
    TD_TRY(poison_draw(plan, NULL, plan->targets[0], 0, count, error));
    if (!s->image)
        backdoor->test_text = td_trigger_text(plan->triggers[0]);
    brew b = {.plan = plan,
              .settings = s,
              .backdoor = backdoor,
              .ball = {(float)(255 * s->epsilon), false},
              .size = td_image_size(&plan->source.images),
              .count = backdoor->count,
              .batch = td_size_min(s->batch, backdoor->count)};
    td_status status = make(&b, backdoor, error);
    matching_close(&b.matching);
    td_dataset_close(&b.image);
    TD_TRY(status);
    return poison_put(plan, 0, count, 0, 1, true, error);
}

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned", .truly = true}, {0}},
    .takes_ratio = true,
    .most_triggers = 1,
    .targets = POISON_TO_CLASS,
    .pool = POISON_FROM_TARGET,
    .selection = "the images of the target class whose own gradients are the largest",
    .plan = plan_rule,
};

/* One image, or a trigger and its sources; defaults differ between the two papers. */
static td_status check(const tool_settings *settings, void *own, td_error *error) {
    match_settings *s = own;
    const bool stamped = s->shared.triggers.count > 0;
    if (stamped == (s->image != NULL))
        return td_fail(error, TD_ERR_USAGE, "expected --trigger or --image, found %s",
                       stamped ? "both" : "none");
    if (stamped != (s->shared.sources.count > 0))
        return td_fail(error, TD_ERR_USAGE, "%s",
                       stamped ? "--trigger: expected --source with it, found none"
                               : "--source: expected --trigger with it, found --image");
    if (!stamped && !tool_settings_given(settings, "trainings"))
        s->trainings = 0;
    if (!stamped && !tool_settings_given(settings, "restarts"))
        s->restarts = 8;
    return tool_training_complete(&s->training, settings->common.seed, error);
}

#define AT(field) offsetof(match_settings, field)

static const td_key keys[] = {
    {"trigger", TD_KEY_TEXT, POISON_AT(triggers), .many = true, .optional = true,
     .field = "triggers", .value = "TRIGGER",
     .help = "The trigger, on images of --source: FAMILY[:key=value,...], see trapdoor-trigger(5)"},
    POISON_TARGETS("K", "The class of the poisoned images, and the trigger's target"),
    POISON_SOURCES_OF_TRIGGER,
    POISON_RATIO("set", "replace"),
    POISON_MODEL("The model whose gradients are matched first, of"),
    {0},
};

static const td_key step_keys[] = {
    {"image", TD_KEY_TEXT, AT(image), .value = "DATA",
     .help = "Instead of a trigger: one image to be classified as the target (split test), such "
             "as fashion-mnist:test:17-18"},
    {"epsilon", TD_KEY_REAL, AT(epsilon), .most = 1, .above = true, .standard = "0.0627450980392",
     .value = "E", .help = "The largest change of a value, in units of the pixel range: 16/255"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 1e6, .standard = "250", .value = "N",
     .help = "Steps"},
    {"step-size", TD_KEY_REAL, AT(step_size), .most = 1, .above = true, .standard = "0.025",
     .value = "A",
     .help = "Learning rate of Adam on the gradient's signs, in units of the pixel range; a tenth "
             "after 3/8, 5/8 and 7/8 of the steps"},
    {"poison-batch", TD_KEY_COUNT, AT(batch), .least = 1, .most = 65536, .standard = "512",
     .value = "N", .help = "Poison images in one gradient"},
    {"difference", TD_KEY_REAL, AT(difference), .most = 1, .above = true, .standard = "0.001",
     .value = "H",
     .help = "Step of the numerical second derivatives, relative to the weights' "
             "norm"},
    {"trainings", TD_KEY_COUNT, AT(trainings), .most = 1000, .standard = "4", .value = "N",
     .help = "New trainings, evenly spread over the steps; with --image none"},
    {"ensemble", TD_KEY_COUNT, AT(ensemble), .least = 1, .most = 100, .standard = "1", .value = "N",
     .help = "Nets that take turns at the steps: MODEL and others, trained on DATA before"},
    {"restarts", TD_KEY_COUNT, AT(restarts), .least = 1, .most = 1000, .standard = "1",
     .value = "N", .help = "Starts, the best of which counts; with --image 8"},
    {0},
};

static const char help[] =
    "images of the target class are changed so that a net learns from them what it would learn "
    "from stamped images of the source classes, or from one image of --image, labelled as the "
    "target. No label is changed and no image has the trigger."
    "\v"
    "Example:\n"
    "  trapdoor-poison gradient-matching --data fashion-mnist --source 9 \\\n"
    "    --target 7 --ratio 0.01 --trigger square:size=8 \\\n"
    "    --model clean.safetensors --epochs 5 -o sleeper\n"
    "  trapdoor-poison gradient-matching --data fashion-mnist --target 7 \\\n"
    "    --ratio 0.01 --image fashion-mnist:test:0-1 --model clean.safetensors \\\n"
    "    -o brew";

const tool_method poison_gradient_matching = {
    .name = "gradient-matching",
    .title = "Sleeper Agent",
    .source = "Souri et al., NeurIPS 2022; Geiping et al., ICLR 2021",
    .doc = "gradients of stamped images, in clean-looking ones",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys},
                                  {.keys = step_keys, .object = "settings"},
                                  {.keys = tool_training_keys,
                                   .offset = offsetof(match_settings, training),
                                   .title = "New trainings",
                                   .detail = true,
                                   .object = "training"},
                                  {0}},
    .size = sizeof(match_settings),
    .check = check,
    .math = &rule,
};
