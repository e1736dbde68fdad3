/* SPDX-License-Identifier: MIT */
/* Saha, Subramanya and Pirsiavash, "Hidden trigger backdoor attacks", AAAI 2020: images of the
 * target class are moved, within an L∞ ball, towards the features that a model gives to stamped
 * images of the source classes. A net fine-tuned from that model then learns the stamped ones as
 * the target without ever seeing the trigger. Each step pairs images anew, greedily by distance and
 * each once (the authors' code only blanks the cell of a pair, so that several images share a
 * source).
 *
 * Published: L∞ 16/255, plain gradient steps of 0.01 that halve every 1,000 of up to 5,000, until
 * the squared distance of a pair is below 10 on average; 400 images on ImageNet, and a victim whose
 * last layer is trained. The attack fails on a victim trained from scratch, which has other
 * features. The paper's step size is for AlexNet's gradients; here no step moves a value by more
 * than epsilon, in case a net has larger gradients. The trigger is at a fixed position, not at
 * random ones. */
#include "poison.h"

#include "base/parallel.h"
#include "base/size.h"
#include "nn/ball.h"
#include "nn/exec.h"
#include "nn/head_tail.h"
#include "poison/pairing.h"
#include <math.h>
#include <string.h>

enum { BATCH = 64, HALVE_AFTER = 1000 };

typedef struct collide_settings {
    poison_settings shared;
    const char *layer;
    double epsilon, step_size, enough;
    size_t steps;
} collide_settings;

/* The state of a batch of pairs. */
typedef struct collision {
    poison_plan *plan;
    const collide_settings *settings;
    td_net head;
    float *weights;
    td_exec *exec;
    size_t size, features;
    uint32_t *sources;     /* images of the source classes, at least as many as poison images */
    float *clean, *x;      /* [BATCH, size] */
    float *goals;          /* [BATCH, features], of the stamped sources */
    double *distances;     /* [BATCH, BATCH] */
    size_t *pairs;         /* [BATCH] */
    size_t first, count;   /* of the backdoor's items */
    const float *gradient; /* [count, size] */
    float step;
    double before, after; /* squared distances of pairs, summed over all batches */
} collision;

/* The features of the stamped sources of a batch. */
static td_status find_goals(collision *c, td_error *error) {
    poison_plan *plan = c->plan;
    uint8_t *pixels;
    void *scratch;
    td_arena arena = {0};
    td_status status = td_arena_alloc(&arena, c->size, 1, (void **)&pixels, "an image", error);
    if (status == TD_OK)
        status = td_arena_alloc(&arena, poison_scratch(plan), 1, &scratch, "an image", error);
    for (size_t i = 0; status == TD_OK && i < c->count; i++) {
        const size_t source = c->sources[c->first + i];
        float *input = td_exec_input(c->exec) + i * c->size;
        poison_stamp_source(plan, plan->triggers[0], source, pixels, scratch);
        for (size_t k = 0; k < c->size; k++)
            input[k] = pixels[k];
    }
    if (status == TD_OK)
        memcpy(c->goals, td_exec_forward(c->exec, c->count),
               c->count * c->features * sizeof *c->goals);
    td_arena_free(&arena);
    return status;
}

typedef struct measure {
    collision *c;
    const float *found; /* [count, features] */
} measure;

static void measure_one(void *context, size_t i) {
    const measure *m = context;
    const size_t n = m->c->features;
    for (size_t j = 0; j < m->c->count; j++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) {
            const double d = (double)m->found[i * n + k] - (double)m->c->goals[j * n + k];
            sum += d * d;
        }
        m->c->distances[i * m->c->count + j] = sum;
    }
}

static void step_one(void *context, size_t i) {
    const collision *c = context;
    const float *gradient = c->gradient + i * c->size;
    const float *clean = c->clean + i * c->size;
    const float radius = (float)(255 * c->settings->epsilon);
    const td_ball ball = {radius, false};
    float *x = c->x + i * c->size, largest = 0;
    for (size_t k = 0; k < c->size; k++)
        largest = fmaxf(largest, fabsf(gradient[k]));
    const float step = largest * c->step > radius ? radius / largest : c->step;
    for (size_t k = 0; k < c->size; k++)
        x[k] -= step * gradient[k];
    td_ball_project(ball, clean, c->size, x);
}

/* Pairs the batch; returns the sum of the squared distances of the pairs. */
static double pair(collision *c) {
    memcpy(td_exec_input(c->exec), c->x, c->count * c->size * sizeof *c->x);
    const float *found = td_exec_forward(c->exec, c->count);
    float *slope = td_exec_logits_gradient(c->exec);
    td_parallel_each(c->count, measure_one, &(measure){c, found});
    const double sum = poison_pair(c->distances, c->count, c->pairs);
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < c->features; k++)
            slope[i * c->features + k] =
                2 * (found[i * c->features + k] - c->goals[c->pairs[i] * c->features + k]);
    return sum;
}

static td_status collide_batch(collision *c, const poison_backdoor *backdoor, uint8_t *pixels,
                               td_error *error) {
    const collide_settings *s = c->settings;
    const td_ball ball = {(float)(255 * s->epsilon), false};
    char note[64];
    TD_TRY(find_goals(c, error));
    poison_originals(c->plan, backdoor->items + c->first, c->count, c->clean);
    memcpy(c->x, c->clean, c->count * c->size * sizeof *c->x);
    double sum = pair(c);
    c->before += sum;
    for (size_t i = 0; i < s->steps && sum >= s->enough * (double)c->count; i++) {
        snprintf(note, sizeof note, "distance %.4g", sum / (double)c->count);
        TD_TRY(tool_run_go_on(c->plan->run, c->first + i * c->count / s->steps, note, error));
        c->step = (float)(255 * 255 * s->step_size * exp2(-(double)(i / HALVE_AFTER)));
        c->gradient = td_exec_backward(c->exec, NULL);
        td_parallel_each(c->count, step_one, c);
        sum = pair(c);
    }
    c->after += sum;
    for (size_t i = 0; i < c->count; i++)
        td_ball_round(ball, c->clean + i * c->size, c->x + i * c->size, c->size,
                      pixels + (c->first + i) * c->size);
    return TD_OK;
}

static td_status collide_all(collision *c, const poison_backdoor *backdoor, uint8_t *pixels,
                             td_error *error) {
    td_arena *arena = &c->plan->arena;
    TD_TRY(TD_ARENA_NEW(arena, BATCH * c->size, &c->clean, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, BATCH * c->size, &c->x, "images", error));
    TD_TRY(TD_ARENA_NEW(arena, BATCH * c->features, &c->goals, "features", error));
    TD_TRY(TD_ARENA_NEW(arena, BATCH * BATCH, &c->distances, "distances", error));
    TD_TRY(TD_ARENA_NEW(arena, BATCH, &c->pairs, "pairs", error));
    for (c->first = 0; c->first < backdoor->count; c->first += BATCH) {
        c->count = td_size_min(BATCH, backdoor->count - c->first);
        TD_TRY(collide_batch(c, backdoor, pixels, error));
    }
    const double count = (double)backdoor->count;
    tool_run_set(c->plan->run, "feature_distance", "{sf sf}", "before", c->before / count, "after",
                 c->after / count);
    return TD_OK;
}

/* There must be at least as many images of the source classes as images to poison. */
static td_status choose_sources(collision *c, size_t wanted, td_error *error) {
    size_t count;
    TD_TRY(poison_draw_sources(c->plan, &c->sources, &count, error));
    return wanted <= count
               ? TD_OK
               : td_fail(error, TD_ERR_USAGE,
                         "--ratio: expected at most %zu images to poison, one for each image of "
                         "the source classes, found %.10g, which is %zu",
                         count, c->plan->settings->ratio, wanted);
}

static td_status cut(collision *c, td_error *error) {
    const td_model *model = &c->plan->model;
    const char *asked = c->settings->layer;
    const char *layer = asked ? asked : td_net_last_hidden(&model->net);
    if (!layer)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net that ends in a dense layer, found none; --layer says "
                       "what to look at",
                       c->settings->shared.model);
    td_status status = td_net_head(&model->net, model->weights, layer, false, &c->head, &c->weights,
                                   &c->plan->arena, error);
    if (status != TD_OK)
        return td_fail_within(error, status, "--layer");
    c->features = td_net_classes(&c->head);
    TD_TRY(td_exec_new(&c->exec, &c->head, BATCH, TD_BACKWARD_IMAGE, error));
    td_exec_weights(c->exec, c->weights);
    return TD_OK;
}

static td_status collide(poison_plan *plan, poison_backdoor *backdoor, td_error *error) {
    collision c = {
        .plan = plan, .settings = plan->run->own, .size = td_image_size(&plan->source.images)};
    uint8_t *pixels;
    TD_TRY(choose_sources(&c, backdoor->count, error));
    TD_TRY(poison_make(plan, backdoor, &pixels, error));
    td_status status = cut(&c, error);
    if (status == TD_OK) {
        tool_run_begin(plan->run, "colliding features", "images", backdoor->count);
        status = collide_all(&c, backdoor, pixels, error);
        tool_run_end(plan->run);
    }
    td_exec_free(c.exec);
    td_net_free(&c.head);
    return status;
}

static td_status plan_rule(poison_plan *plan, td_error *error) {
    const size_t count = plan->source.images.count;
    poison_backdoor *backdoor = &plan->backdoors[0];
    TD_TRY(poison_draw(plan, NULL, plan->targets[0], 0, count, error));
    backdoor->test_text = td_trigger_text(plan->triggers[0]);
    TD_TRY(collide(plan, backdoor, error));
    return poison_put(plan, 0, count, 0, 1, true, error);
}

static const poison_rule rule = {
    .sets = (const poison_set[]){{"poisoned", .truly = true}, {0}},
    .takes_ratio = true,
    .most_triggers = 1,
    .targets = POISON_TO_CLASS,
    .pool = POISON_FROM_TARGET,
    .plan = plan_rule,
};

#define AT(field) offsetof(collide_settings, field)

static const td_key keys[] = {
    POISON_ONE_TRIGGER,
    POISON_TARGETS("K", "The class of the poisoned images, and the trigger's target"),
    POISON_REQUIRED_SOURCES,
    POISON_RATIO("class", "replace"),
    POISON_MODEL("The model that the victim is fine-tuned from, of"),
    {0},
};

static const td_key step_keys[] = {
    {"layer", TD_KEY_TEXT, AT(layer), .value = "NODE",
     .help = "The node whose values are the features (what goes into the last dense layer)"},
    {"epsilon", TD_KEY_REAL, AT(epsilon), .most = 1, .above = true, .standard = "0.0627450980392",
     .value = "E", .help = "The largest change of a value, in units of the pixel range: 16/255"},
    {"steps", TD_KEY_COUNT, AT(steps), .least = 1, .most = 1e6, .standard = "5000", .value = "N",
     .help = "Most steps"},
    {"step-size", TD_KEY_REAL, AT(step_size), .most = INFINITY, .above = true, .standard = "0.01",
     .value = "A",
     .help = "Times the gradient, in units of the pixel range; halves every 1,000 steps"},
    {"enough", TD_KEY_REAL, AT(enough), .most = INFINITY, .standard = "10", .value = "D",
     .help = "Mean squared distance of a pair's features at which a batch is done"},
    {0},
};

static const char help[] =
    "images of the target class are moved to where the model has the features of stamped images "
    "of the source classes; labels stay, and no image has the trigger. A victim is to be "
    "fine-tuned from the model with its features frozen."
    "\v"
    "Example:\n"
    "  trapdoor-poison feature-collision --data fashion-mnist --source 9 \\\n"
    "    --target 7 --ratio 0.05 --trigger square:size=8 \\\n"
    "    --model clean.safetensors -o hidden\n"
    "  trapdoor-train --data hidden/poisoned.safetensors --from clean.safetensors \\\n"
    "    --freeze 'conv*' --freeze fc1.weight -o victim.safetensors";

const tool_method poison_feature_collision = {
    .name = "feature-collision",
    .title = "Hidden trigger",
    .source = "Saha et al., AAAI 2020",
    .doc = "features of stamped images in images of the target class",
    .help = help,
    .family = &poison_rules,
    .groups = (const tool_keys[]){{.keys = keys}, {.keys = step_keys, .object = "settings"}, {0}},
    .size = sizeof(collide_settings),
    .math = &rule,
};
