/* SPDX-License-Identifier: MIT */
/* The Jacobian-based saliency map attack (Papernot et al., "The limitations of deep learning in
 * adversarial settings", EuroS&P 2016, Algorithms 1 and 3): in each step the two values of the
 * image whose growth most raises the target's logit and lowers the others' sum grow by theta, until
 * the target is reached or a share gamma of all values is used. It uses logits rather than
 * probabilities, as the paper does for its own network. */
#include "base/parallel.h"
#include "evade/attack.h"
#include <math.h>
#include <string.h>

typedef struct jsma_settings {
    evade_own shared;
    double theta, gamma;
} jsma_settings;

typedef struct jsma {
    evade_batch *batch;
    float theta;  /* raw pixels */
    float *x;     /* [count, size] */
    float *raise; /* [count, size]: derivative of the target's logit */
    float *lower; /* [count, size]: of all others' sum, negated */
} jsma;

/* The target's logit. */
static void follow_target(void *context, size_t image, const float *logits, float *gradient) {
    const evade_batch *batch = context;
    (void)logits;
    for (size_t c = 0; c < batch->net->classes; c++)
        gradient[c] = c == (size_t)batch->targets[image] ? 1 : 0;
}

/* The sum of all logits. */
static void follow_all(void *context, size_t image, const float *logits, float *gradient) {
    const evade_batch *batch = context;
    (void)image, (void)logits;
    for (size_t c = 0; c < batch->net->classes; c++)
        gradient[c] = 1;
}

static void differentiate(jsma *j) {
    evade_batch *batch = j->batch;
    const size_t size = batch->net->size;
    const float *gradient = evade_batch_gradient(batch, j->x, follow_target, batch);
    for (size_t k = 0; k < batch->live_count; k++)
        memcpy(j->raise + batch->live[k] * size, gradient + k * size, size * sizeof *gradient);
    gradient = evade_batch_gradient(batch, j->x, follow_all, batch);
    for (size_t k = 0; k < batch->live_count; k++) {
        size_t first = batch->live[k] * size;
        for (size_t i = 0; i < size; i++)
            j->lower[first + i] = j->raise[first + i] - gradient[k * size + i];
    }
}

/* Saliency of a pair: the product of both sums, if both have the right sign. */
static float salience(float raise, float lower) {
    return raise > 0 && lower > 0 ? raise * lower : 0;
}

typedef struct pair {
    size_t first, second;
    float salience; /* 0: none */
} pair;

/* The most salient pair of values that can still grow. Skips values that could not be better even
 * with the best possible partner. */
static pair best_pair(const float *raise, const float *lower, const float *x, size_t size) {
    float most_raise = -INFINITY, most_lower = -INFINITY;
    pair best = {0};
    for (size_t i = 0; i < size; i++)
        if (x[i] < EVADE_RANGE) {
            most_raise = fmaxf(most_raise, raise[i]);
            most_lower = fmaxf(most_lower, lower[i]);
        }
    for (size_t p = 0; p < size; p++) {
        if (!(x[p] < EVADE_RANGE) ||
            salience(raise[p] + most_raise, lower[p] + most_lower) <= best.salience)
            continue;
        for (size_t q = p + 1; q < size; q++) {
            float found = salience(raise[p] + raise[q], lower[p] + lower[q]);
            if (found > best.salience && x[q] < EVADE_RANGE)
                best = (pair){p, q, found};
        }
    }
    return best;
}

static void grow_one(void *context, size_t k) {
    jsma *j = context;
    const size_t size = j->batch->net->size;
    size_t image = j->batch->live[k];
    float *x = j->x + image * size;
    pair best = best_pair(j->raise + image * size, j->lower + image * size, x, size);
    if (!(best.salience > 0)) {
        j->batch->done[image] = true;
        return;
    }
    x[best.first] = evade_clip(x[best.first] + j->theta, 0, EVADE_RANGE);
    x[best.second] = evade_clip(x[best.second] + j->theta, 0, EVADE_RANGE);
}

static td_status run(evade_batch *batch, td_error *error) {
    const jsma_settings *settings = batch->settings;
    const size_t size = batch->net->size, values = batch->count * size;
    const size_t turns = (size_t)(settings->gamma * (double)size / 2);
    /* Whole steps, so that the evaluated image is the written one. */
    jsma j = {.batch = batch, .theta = fmaxf(1, rintf((float)settings->theta * EVADE_RANGE))};
    TD_TRY(TD_ARENA_NEW(&batch->arena, values, &j.x, "adversarial images", error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, values, &j.raise, "derivatives", error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, values, &j.lower, "derivatives", error));
    memcpy(j.x, batch->clean, values * sizeof *j.x);
    for (size_t turn = 0; turn < turns && batch->live_count > 0; turn++) {
        TD_TRY(evade_batch_poll(batch, error));
        differentiate(&j);
        td_parallel_each(batch->live_count, grow_one, &j);
        evade_batch_drop_reached(batch, evade_batch_ask(batch, j.x));
    }
    evade_round(j.x, values, batch->out);
    return TD_OK;
}

static const attack math = {
    .gradients = true, .targeted = true, .at_once = EVADE_BATCH, .run = run};

#define AT(field) offsetof(jsma_settings, field)

static const td_key keys[] = {
    {"theta", TD_KEY_REAL, AT(theta), .most = 1, .above = true, .standard = "1", .value = "T",
     .help = "Change of a value at a time, in units of the pixel range"},
    {"gamma", TD_KEY_REAL, AT(gamma), .most = 1, .above = true, .standard = "0.145", .value = "G",
     .help = "Largest share of an image's values to change"},
    {0},
};

static const tool_keys groups[] = {
    {.keys = evade_target_next}, {.keys = keys, .object = "settings"}, {0}};

const tool_method evade_jsma = {
    .name = "jsma",
    .title = "JSMA",
    .source = "Papernot et al., EuroS&P 2016",
    .doc = "the most salient pairs of values, in L0",
    .help = "the Jacobian-based saliency map attack: two values of the image at a time grow by "
            "theta, those that raise the target's logit and lower the others the most, until the "
            "target is reached. It needs a target."
            "\v"
            "Example:\n"
            "  trapdoor-evade jsma --model model.safetensors --data mnist:test:0-1000 \\\n"
            "    --target next -o jsma.safetensors",
    .family = &attacks,
    .groups = groups,
    .size = sizeof(jsma_settings),
    .math = &math,
};
