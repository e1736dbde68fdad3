/* SPDX-License-Identifier: MIT */
/* The one-pixel attack (Su, Vargas and Sakurai, "One pixel attack for fooling deep neural
 * networks", IEEE Transactions on Evolutionary Computation 2019): differential evolution over the
 * positions and values of a few pixels, which needs only the model's probabilities. As in section
 * III-B: 400 candidates; each has one child, r1 + 0.5 (r2 - r3) of three others, without crossover,
 * which replaces it if it is fitter; at most 100 generations; stops as soon as the target's
 * probability is above 0.9 or, without a target, the label's is below 0.05. Positions start
 * uniform, the values normal with mean 128 and standard deviation 127.
 *
 * The paper does not say how to treat a child beyond the bounds: here a value is clipped, and a
 * position is redrawn. One population fills the net's batches, so images are attacked one after the
 * other. */
#include "base/parallel.h"
#include "base/random.h"
#include "evade/attack.h"
#include "nn/loss.h"
#include <math.h>
#include <string.h>

enum { PLACE = 2 }; /* coordinates of a pixel, before its values: y, x */

static const double TARGET_ENOUGH = 0.9, LABEL_ENOUGH = 0.05;
static const float MEAN = 128, DEVIATION = 127, SCALE = 0.5F;

typedef struct one_pixel_settings {
    evade_own shared;
    size_t pixels, population, generations;
} one_pixel_settings;

typedef struct evolution {
    const evade_batch *batch;
    size_t image;
    size_t population, pixels, genes; /* genes: of a candidate */
    float *parents, *children;        /* [population, genes] */
    double *fitness, *child_fitness;  /* [population] */
    float *probabilities;             /* [classes] */
    float *result;                    /* an image */
    size_t first;                     /* of the candidates that are drawn now */
    const float *drawn;
    td_random random;
} evolution;

static size_t gene_count(const evolution *e) {
    return PLACE + e->batch->shape.channels;
}

static float side(const evolution *e, size_t coordinate) {
    return (float)(coordinate == 0 ? e->batch->shape.height : e->batch->shape.width);
}

/* The image with a candidate's pixels. */
static void draw(const evolution *e, const float *genes, float *image) {
    const td_shape shape = e->batch->shape;
    memcpy(image, e->batch->clean + e->image * e->batch->net->size,
           e->batch->net->size * sizeof *image);
    for (size_t p = 0; p < e->pixels; p++, genes += gene_count(e)) {
        size_t place = (size_t)genes[0] * shape.width + (size_t)genes[1];
        for (size_t c = 0; c < shape.channels; c++)
            image[place * shape.channels + c] = rintf(genes[PLACE + c]);
    }
}

static void draw_one(void *context, size_t k) {
    const evolution *e = context;
    float *input = evade_net_input(e->batch->net);
    draw(e, e->drawn + (e->first + k) * e->genes, input + k * e->batch->net->size);
}

/* Larger is better: the target's probability, or 1 minus the label's. */
static double fitness_of(const evolution *e, const float *logits) {
    const size_t classes = e->batch->net->classes;
    const int32_t target = e->batch->targets[e->image];
    td_softmax(logits, 1, classes, e->probabilities);
    return target == EVADE_NO_TARGET ? -(double)e->probabilities[e->batch->labels[e->image]]
                                     : (double)e->probabilities[target];
}

/* Fills fitness [population] of the candidates. */
static void judge(evolution *e, const float *candidates, double *fitness) {
    evade_net *net = e->batch->net;
    e->drawn = candidates;
    for (e->first = 0; e->first < e->population; e->first += EVADE_BATCH) {
        size_t rest = e->population - e->first, count = rest < EVADE_BATCH ? rest : EVADE_BATCH;
        td_parallel_each(count, draw_one, e);
        const float *logits = evade_net_ask(net, count);
        for (size_t k = 0; k < count; k++)
            fitness[e->first + k] = fitness_of(e, logits + k * net->classes);
    }
}

static void begin(evolution *e) {
    for (size_t k = 0; k < e->population * e->pixels; k++) {
        float *genes = e->parents + k * gene_count(e);
        for (size_t i = 0; i < PLACE; i++)
            genes[i] = td_random_unit(&e->random) * side(e, i);
        for (size_t c = 0; c < e->batch->shape.channels; c++)
            genes[PLACE + c] =
                evade_clip(MEAN + DEVIATION * td_random_normal(&e->random), 0, EVADE_RANGE);
    }
    judge(e, e->parents, e->fitness);
}

/* Three different candidates. */
static void choose_three(evolution *e, size_t chosen[3]) {
    for (size_t n = 0; n < 3; n++) {
        bool taken;
        do {
            chosen[n] = td_random_below(&e->random, (uint32_t)e->population);
            taken = (n > 0 && chosen[n] == chosen[0]) || (n > 1 && chosen[n] == chosen[1]);
        } while (taken);
    }
}

static void make_child(evolution *e, float *child) {
    size_t r[3];
    choose_three(e, r);
    const float *a = e->parents + r[0] * e->genes, *b = e->parents + r[1] * e->genes,
                *c = e->parents + r[2] * e->genes;
    for (size_t g = 0; g < e->genes; g++) {
        size_t kind = g % gene_count(e);
        child[g] = a[g] + SCALE * (b[g] - c[g]);
        if (kind >= PLACE)
            child[g] = evade_clip(child[g], 0, EVADE_RANGE);
        else if (!(child[g] >= 0 && child[g] < side(e, kind)))
            child[g] = td_random_unit(&e->random) * side(e, kind);
    }
}

static void breed(evolution *e) {
    for (size_t k = 0; k < e->population; k++)
        make_child(e, e->children + k * e->genes);
    judge(e, e->children, e->child_fitness);
    for (size_t k = 0; k < e->population; k++)
        if (e->child_fitness[k] > e->fitness[k]) {
            e->fitness[k] = e->child_fitness[k];
            memcpy(e->parents + k * e->genes, e->children + k * e->genes,
                   e->genes * sizeof *e->parents);
        }
}

static size_t fittest(const evolution *e) {
    size_t best = 0;
    for (size_t k = 1; k < e->population; k++)
        if (e->fitness[k] > e->fitness[best])
            best = k;
    return best;
}

static bool is_enough(const evolution *e) {
    double best = e->fitness[fittest(e)];
    return e->batch->targets[e->image] == EVADE_NO_TARGET ? best > -LABEL_ENOUGH
                                                          : best > TARGET_ENOUGH;
}

static td_status evolve(evolution *e, evade_batch *batch, td_error *error) {
    const size_t generations = ((const one_pixel_settings *)batch->settings)->generations;
    e->random = td_random_for(batch->seed, TD_FOR_EVADE, (uint32_t)(batch->targets[e->image] + 1),
                              batch->numbers[e->image]);
    begin(e);
    for (size_t i = 0; i < generations && !is_enough(e); i++) {
        TD_TRY(evade_batch_poll(batch, error));
        breed(e);
    }
    draw(e, e->parents + fittest(e) * e->genes, e->result);
    evade_round(e->result, batch->net->size, batch->out + e->image * batch->net->size);
    batch->done[e->image] = true;
    evade_batch_compact(batch);
    return TD_OK;
}

static td_status run(evade_batch *batch, td_error *error) {
    const one_pixel_settings *settings = batch->settings;
    static const char what[] = "a population";
    evolution e = {.batch = batch, .population = settings->population, .pixels = settings->pixels};
    e.genes = e.pixels * gene_count(&e);
    TD_TRY(TD_ARENA_NEW(&batch->arena, e.population * e.genes, &e.parents, what, error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, e.population * e.genes, &e.children, what, error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, e.population, &e.fitness, what, error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, e.population, &e.child_fitness, what, error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, batch->net->classes, &e.probabilities, what, error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, batch->net->size, &e.result, what, error));
    for (e.image = 0; e.image < batch->count; e.image++)
        TD_TRY(evolve(&e, batch, error));
    return TD_OK;
}

static const attack math = {.at_once = 1, .run = run};

#define AT(field) offsetof(one_pixel_settings, field)

static const td_key keys[] = {
    {"pixels", TD_KEY_COUNT, AT(pixels), .least = 1, .most = 64, .standard = "1", .value = "N",
     .help = "Pixels to change"},
    {"population", TD_KEY_COUNT, AT(population), .least = 4, .most = 100000, .standard = "400",
     .value = "N", .help = "Candidates for each image"},
    {"generations", TD_KEY_COUNT, AT(generations), .most = 1e6, .standard = "100", .value = "N",
     .help = "Most generations"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = evade_target_none}, {.keys = keys, .object = "settings"}, {0}};

const tool_method evade_one_pixel = {
    .name = "one-pixel",
    .title = "One-pixel attack",
    .source = "Su et al., IEEE TEVC 2019",
    .doc = "a few pixels by differential evolution, without gradients",
    .help =
        "differential evolution over the places and values of a few pixels, which asks the model "
        "for probabilities alone. It finishes image by image, the other attacks 64 at a time."
        "\v"
        "Example:\n"
        "  trapdoor-evade one-pixel --model model.safetensors --data cifar10 \\\n"
        "    --count 100 --target all -o one-pixel.safetensors --resume",
    .family = &attacks,
    .groups = groups,
    .size = sizeof(one_pixel_settings),
    .math = &math,
};
