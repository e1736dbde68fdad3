/* SPDX-License-Identifier: MIT */
/* Masks of all classes at once: Neural Cleanse's search (Wang et al., IEEE S&P 2019: a mask and a
 * pattern that send images to a class, the mask as small as it can be) in sixty steps, with a few
 * images per step and all classes in one batch. Its result is less certain than Neural Cleanse's,
 * but it is compared with the same search on clean models. */
#include "base/parallel.h"
#include "base/size.h"
#include "defend/inspect/backward.h"
#include "defend/inspect/sample.h"
#include "defend/method.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include <string.h>

#define AT(field) offsetof(mask_options, field)

typedef struct mask_options {
    size_t images, steps;
    double lr;
} mask_options;

enum { MOST_BATCH = 128, MOST_STEP_IMAGES = 32, LAST_STEPS = 20 };

static const float PIXEL_RANGE = 255, FIRST_MASK = -2, FIRST_SPREAD = 0.25F;
static const double BETA1 = 0.5, BETA2 = 0.9, EPSILON = 1e-8;
static const double FIRST_COST = 1e-3, LEAST_COST = 1e-5, MOST_COST = 1, RAISE = 1.25;
static const double WANTED = 0.88, MEMORY = 0.7; /* of the running share of successes */

/* The search for one class. Mask and pattern are logistic functions of w. */
typedef struct search {
    size_t target;
    float *w, *slope, *mean, *square; /* [places + values]: w, its gradient, Adam's moments */
    float *mask, *pattern;            /* [places], [values] */
    double cost, success;
    double log_size;     /* the sum over the last steps */
    size_t hits, trials; /* of the last step */
} search;

typedef struct group {
    const inspect_sample *sample;
    const mask_options *options;
    search *list;
    size_t count, images, places, step;
    td_exec *exec;
    const float *pixel_slope;
} group;

static float logistic(float x) {
    return 1 / (1 + expf(-x));
}

static void show(const group *g, search *s) {
    for (size_t i = 0; i < g->places; i++)
        s->mask[i] = logistic(s->w[i]);
    for (size_t i = 0; i < g->sample->values; i++)
        s->pattern[i] = PIXEL_RANGE * logistic(s->w[g->places + i]);
}

static size_t place_of(const group *g, size_t i) {
    return (g->step * g->images + i) % g->sample->search.count;
}

static void fill(void *context, size_t item) {
    const group *g = context;
    const search *s = &g->list[item / g->images];
    const size_t values = g->sample->values, channels = values / g->places;
    const uint8_t *image = td_image(&g->sample->search, place_of(g, item % g->images));
    float *out = td_exec_input(g->exec) + item * values;
    for (size_t k = 0; k < values; k++)
        out[k] = image[k] + s->mask[k / channels] * (s->pattern[k] - image[k]);
}

/* Cross-entropy towards the target, averaged over the images of other classes. */
static void aim(group *g, const float *logits) {
    const size_t classes = g->sample->classes;
    float *slopes = td_exec_logits_gradient(g->exec);
    td_softmax(logits, g->count * g->images, classes, slopes);
    for (size_t unit = 0; unit < g->count; unit++) {
        search *s = &g->list[unit];
        s->hits = s->trials = 0;
        for (size_t i = 0; i < g->images; i++)
            s->trials += (size_t)g->sample->search.labels[place_of(g, i)] != s->target;
        for (size_t i = 0; i < g->images; i++) {
            const size_t row = (unit * g->images + i) * classes;
            const bool counts = (size_t)g->sample->search.labels[place_of(g, i)] != s->target;
            s->hits += counts && (size_t)td_argmax(logits + row, classes) == s->target;
            slopes[row + s->target] -= 1;
            for (size_t k = 0; k < classes; k++)
                slopes[row + k] *= counts ? 1 / (float)s->trials : 0;
        }
    }
}

/* The gradient with respect to w. */
static void collect(const group *g, size_t unit) {
    search *s = &g->list[unit];
    const size_t values = g->sample->values, channels = values / g->places;
    float *mask_slope = s->slope, *pattern_slope = s->slope + g->places;
    memset(s->slope, 0, (g->places + values) * sizeof *s->slope);
    for (size_t i = 0; i < g->images; i++) {
        const uint8_t *image = td_image(&g->sample->search, place_of(g, i));
        const float *slope = g->pixel_slope + (unit * g->images + i) * values;
        for (size_t k = 0; k < values; k++) {
            mask_slope[k / channels] += slope[k] * (s->pattern[k] - image[k]);
            pattern_slope[k] += slope[k] * s->mask[k / channels];
        }
    }
    for (size_t k = 0; k < g->places; k++)
        mask_slope[k] = (mask_slope[k] + (float)s->cost) * s->mask[k] * (1 - s->mask[k]);
    for (size_t k = 0; k < values; k++)
        pattern_slope[k] *= s->pattern[k] * (1 - s->pattern[k] / PIXEL_RANGE);
}

static void adapt_cost(search *s) {
    const double rate = s->trials > 0 ? (double)s->hits / (double)s->trials : 0;
    s->success = MEMORY * s->success + (1 - MEMORY) * rate;
    s->cost *= s->success >= WANTED ? RAISE : 1 / RAISE;
    s->cost = fmin(fmax(s->cost, LEAST_COST), MOST_COST);
}

static double size_of(const group *g, const search *s) {
    double size = 0;
    for (size_t i = 0; i < g->places; i++)
        size += (double)s->mask[i];
    return size;
}

static void move(void *context, size_t unit) {
    const group *g = context;
    search *s = &g->list[unit];
    td_step step = td_adam_step(g->options->lr, g->step + 1);
    step.beta1 = BETA1;
    step.beta2 = BETA2;
    step.epsilon = EPSILON;
    collect(g, unit);
    td_adam(&step, s->w, s->slope, s->mean, s->square, g->places + g->sample->values);
    adapt_cost(s);
    show(g, s);
    if (g->step + LAST_STEPS >= g->options->steps)
        s->log_size += log(size_of(g, s));
}

/* --- one search --- */

static td_status begin(inspection *in, const group *g, search *s, size_t target, td_error *error) {
    const size_t both = g->places + g->sample->values;
    td_random random = td_random_for(in->run->common->seed, TD_FOR_SCREEN, 0, (uint32_t)target);
    float *four;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, 4 * both, &four, "a mask", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, g->places, &s->mask, "a mask", error));
    TD_TRY(TD_ARENA_NEW(&in->run->arena, g->sample->values, &s->pattern, "a pattern", error));
    s->target = target;
    s->w = four;
    s->slope = four + both;
    s->mean = four + 2 * both;
    s->square = four + 3 * both;
    s->cost = FIRST_COST;
    for (size_t i = 0; i < both; i++)
        s->w[i] = i < g->places ? FIRST_MASK : FIRST_SPREAD * td_random_normal(&random);
    show(g, s);
    return TD_OK;
}

static td_status search_group(inspection *in, group *g, size_t done, td_error *error) {
    for (g->step = 0; g->step < g->options->steps; g->step++) {
        TD_TRY(tool_run_go_on(in->run, done + g->step, NULL, error));
        td_parallel_each(g->count * g->images, fill, g);
        aim(g, td_exec_forward(g->exec, g->count * g->images));
        g->pixel_slope =
            inspect_backward(g->exec, g->count * g->images * g->sample->values, &in->has_gradient);
        td_parallel_each(g->count, move, g);
    }
    return TD_OK;
}

static td_status search_all(inspection *in, group *g, td_error *error) {
    search *list = g->list;
    const size_t size = g->count, classes = g->sample->classes;
    tool_run_begin(in->run, "searching masks", "steps",
                   td_chunks(classes, size) * g->options->steps);
    for (size_t begin = 0; begin < classes; begin += size) {
        g->list = list + begin;
        g->count = td_size_min(size, classes - begin);
        TD_TRY(search_group(in, g, begin / size * g->options->steps, error));
    }
    g->list = list;
    return TD_OK;
}

static td_status add(inspection *in, const group *g, td_error *error) {
    const double steps = (double)td_size_min(g->options->steps, LAST_STEPS);
    for (size_t t = 0; t < g->sample->classes; t++) {
        const search *s = &g->list[t];
        finding one = finding_new(t, exp(s->log_size / steps));
        one.asr = td_rate_of(s->hits, s->trials);
        one.trigger = (inspect_trigger){.mask = s->mask, .pattern = s->pattern};
        TD_TRY(inspect_add(in, &one, error));
    }
    return TD_OK;
}

static td_status run(inspection *in, td_error *error) {
    inspect_sample s;
    group g = {.sample = &s, .options = in->run->own, .places = in->shape.height * in->shape.width};
    TD_TRY(inspect_sample_take(in, g.options->images, &s, error));
    g.images = td_size_min(td_size_min(s.present, MOST_STEP_IMAGES), s.search.count);
    g.count = td_size_min(s.classes, MOST_BATCH / g.images);
    TD_TRY(TD_ARENA_NEW(&in->run->arena, s.classes, &g.list, "searches", error));
    for (size_t t = 0; t < s.classes; t++)
        TD_TRY(begin(in, &g, &g.list[t], t, error));
    TD_TRY(inspect_open_exec(in, g.count * g.images, TD_BACKWARD_IMAGE, &g.exec, error));
    td_status status = search_all(in, &g, error);
    td_exec_free(g.exec);
    TD_TRY(status);
    in->said = "masks that send images of all other classes to one, in few steps";
    return add(in, &g, error);
}

static const inspector math = {
    .statistic = {.name = "size", .unit = "pixels"},
    .rated = true,
    .spread = FINDINGS_RANKED,
    .steady = true,
    .by_gradient = true,
    .clean = INSPECT_NEEDS_CLEAN,
    .pictures = true,
    .run = run,
};

static const td_key keys[] = {
    {"images", TD_KEY_COUNT, AT(images), .least = 2, .most = 1000, .standard = "20", .value = "N",
     .help = "Clean images of each class, half of them to search with"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 10000, .standard = "60", .value = "N",
     .help = "Steps of the search"},
    {"lr", TD_KEY_REAL, AT(lr), .above = true, .most = 100, .standard = "0.3", .value = "R",
     .help = "Adam's learning rate"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "searches, for all classes at once, a small mask and a pattern that send images of the other "
    "classes there, in sixty steps of a few images: Neural Cleanse in short. The size is the "
    "geometric mean over the last steps."
    "\v"
    "Nothing is flagged here: trapdoor-defend screen or audit, with --controls, compare the "
    "numbers with those of clean models. trapdoor-defend cleanse is longer and more certain.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend mask --model model.safetensors --clean mnist:test";

const tool_method defend_mask = {
    .name = "mask",
    .title = "Masks",
    .source = "after Wang et al., IEEE S&P 2019",
    .doc = "Neural Cleanse in short, all classes at once",
    .help = help,
    .family = &inspectors,
    .groups = groups,
    .size = sizeof(mask_options),
    .math = &math,
};
