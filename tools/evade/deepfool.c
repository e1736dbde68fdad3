/* SPDX-License-Identifier: MIT */
/* DeepFool (Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool: a simple and accurate method to fool
 * deep neural networks", CVPR 2016, Algorithm 2, L2): the net is linearised around the image, which
 * moves to the nearest boundary with another class until it has crossed one. As in the authors'
 * program, only the ten likeliest classes are considered, and every step is evaluated with its
 * overshoot. Unlike there, images stay in the range of pixels: a value at a limit does not move
 * further, and does not count in distances.
 *
 * An image this near to the boundary may fall back when it is rounded; then its overshoot is
 * doubled until it no longer does. */
#include "base/parallel.h"
#include "evade/attack.h"
#include <math.h>
#include <string.h>

enum { CLASSES = 10 };

typedef struct deepfool_settings {
    evade_own shared;
    size_t iterations;
    double overshoot;
} deepfool_settings;

/* The nearest boundary so far: at |difference| / ‖normal‖. */
typedef struct boundary {
    double distance, difference, squares; /* distance in raw pixels; squares: ‖normal‖² */
} boundary;

typedef struct deepfool {
    evade_batch *batch;
    double overshoot;
    float *change;                      /* [count, size], without overshoot, raw pixels */
    float *normal, *way;                /* [count, size]: of one boundary, of the nearest */
    float *x;                           /* [count, size] */
    size_t rival[EVADE_BATCH][CLASSES]; /* other classes, the likeliest first */
    size_t rivals;                      /* how many of them */
    size_t number;                      /* of the rival that is looked at */
    boundary nearest[EVADE_BATCH];
    double difference[EVADE_BATCH]; /* of one rival's logit and the label's */
    const float *slope;             /* of that, [live_count, size] */
} deepfool;

static void place_one(void *context, size_t k) {
    const deepfool *d = context;
    const size_t size = d->batch->net->size;
    const float factor = (float)(1 + d->overshoot);
    size_t first = d->batch->live[k] * size;
    for (size_t i = first; i < first + size; i++)
        d->x[i] = evade_clip(d->batch->clean[i] + factor * d->change[i], 0, EVADE_RANGE);
}

static const float *ask(deepfool *d) {
    td_parallel_each(d->batch->live_count, place_one, d);
    return evade_batch_ask(d->batch, d->x);
}

static void rank_rivals(deepfool *d) {
    const evade_net *net = d->batch->net;
    const float *logits = ask(d);
    d->rivals = (net->classes < CLASSES ? net->classes : CLASSES) - 1;
    for (size_t k = 0; k < d->batch->live_count; k++, logits += net->classes) {
        size_t image = d->batch->live[k], *rival = d->rival[image], found = 0;
        for (size_t c = 0; c < net->classes; c++) {
            if (c == (size_t)d->batch->labels[image])
                continue;
            size_t place = found < d->rivals ? found++ : d->rivals;
            for (; place > 0 && logits[c] > logits[rival[place - 1]]; place--)
                if (place < d->rivals)
                    rival[place] = rival[place - 1];
            if (place < d->rivals)
                rival[place] = c;
        }
    }
}

/* The normal of an image's boundary with a rival, the gradient of the rival's logit minus the
 * label's, without components that would leave the range. Returns ‖normal‖². */
static double clear_slope(const float *x, const float *slope, size_t size, float *normal) {
    double squares = 0;
    for (size_t i = 0; i < size; i++) {
        bool leaves = slope[i] < 0 ? x[i] <= 0 : x[i] >= EVADE_RANGE;
        normal[i] = leaves ? 0 : slope[i];
        squares += (double)normal[i] * (double)normal[i];
    }
    return squares;
}

static void compare_one(void *context, size_t k) {
    deepfool *d = context;
    const size_t size = d->batch->net->size;
    size_t image = d->batch->live[k];
    float *normal = d->normal + image * size;
    double difference = fabs(d->difference[image]);
    double squares = clear_slope(d->x + image * size, d->slope + k * size, size, normal);
    if (squares > 0 && difference / sqrt(squares) < d->nearest[image].distance) {
        d->nearest[image] = (boundary){difference / sqrt(squares), difference, squares};
        memcpy(d->way + image * size, normal, size * sizeof *normal);
    }
}

/* The difference of the rival's logit and the label's. */
static void follow(void *context, size_t image, const float *logits, float *gradient) {
    deepfool *d = context;
    const size_t rival = d->rival[image][d->number], label = (size_t)d->batch->labels[image];
    d->difference[image] = (double)logits[rival] - (double)logits[label];
    for (size_t c = 0; c < d->batch->net->classes; c++)
        gradient[c] = (float)(c == rival) - (float)(c == label);
}

static void move_one(void *context, size_t k) {
    deepfool *d = context;
    const size_t size = d->batch->net->size;
    size_t image = d->batch->live[k];
    const boundary *b = &d->nearest[image];
    if (isinf(b->distance))
        return;
    float factor = (float)(b->difference / b->squares);
    for (size_t i = image * size; i < (image + 1) * size; i++)
        d->change[i] += factor * d->way[i];
}

static td_status approach(deepfool *d, td_error *error) {
    evade_batch *batch = d->batch;
    const size_t iterations = ((const deepfool_settings *)batch->settings)->iterations;
    rank_rivals(d);
    for (size_t i = 0; i < iterations && batch->live_count > 0; i++) {
        TD_TRY(evade_batch_poll(batch, error));
        for (size_t k = 0; k < batch->live_count; k++)
            d->nearest[batch->live[k]].distance = INFINITY;
        for (d->number = 0; d->number < d->rivals; d->number++) {
            d->slope = evade_batch_gradient(batch, d->x, follow, d);
            td_parallel_each(batch->live_count, compare_one, d);
        }
        td_parallel_each(batch->live_count, move_one, d);
        evade_batch_drop_reached(batch, ask(d));
    }
    return TD_OK;
}

/* Rounds, with more overshoot if the rounded image falls back, up to twice the change. */
static td_status settle(deepfool *d, td_error *error) {
    evade_batch *batch = d->batch;
    const size_t size = batch->net->size;
    bool failed[EVADE_BATCH] = {false};
    for (size_t k = 0; k < batch->live_count; k++)
        failed[batch->live[k]] = true;
    evade_batch_restart(batch);
    for (; d->overshoot <= 1 && batch->live_count > 0; d->overshoot *= 2) {
        TD_TRY(evade_batch_poll(batch, error));
        td_parallel_each(batch->live_count, place_one, d);
        for (size_t k = 0; k < batch->live_count; k++) {
            uint8_t *out = batch->out + batch->live[k] * size;
            float *x = d->x + batch->live[k] * size;
            evade_round(x, size, out);
            for (size_t i = 0; i < size; i++)
                x[i] = out[i];
        }
        evade_batch_drop_reached(batch, evade_batch_ask(batch, d->x));
        for (size_t k = 0; k < batch->live_count; k++)
            batch->done[batch->live[k]] = failed[batch->live[k]];
        evade_batch_compact(batch);
    }
    return TD_OK;
}

static td_status run(evade_batch *batch, td_error *error) {
    const size_t values = batch->count * batch->net->size;
    deepfool *d;
    TD_TRY(TD_ARENA_NEW(&batch->arena, 1, &d, "adversarial images", error));
    d->batch = batch;
    d->overshoot = ((const deepfool_settings *)batch->settings)->overshoot;
    TD_TRY(TD_ARENA_NEW(&batch->arena, values, &d->change, "adversarial images", error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, values, &d->normal, "adversarial images", error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, values, &d->way, "adversarial images", error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, values, &d->x, "adversarial images", error));
    TD_TRY(approach(d, error));
    return settle(d, error);
}

static const attack math = {.gradients = true, .at_once = EVADE_BATCH, .run = run};

#define AT(field) offsetof(deepfool_settings, field)

static const td_key keys[] = {
    {"iterations", TD_KEY_COUNT, AT(iterations), .least = 1, .most = 1e6, .standard = "50",
     .value = "N", .help = "Most iterations"},
    {"overshoot", TD_KEY_REAL, AT(overshoot), .most = 1, .above = true, .standard = "0.02",
     .value = "S", .help = "Share by which to go beyond the boundary"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys, .object = "settings"}, {0}};

const tool_method evade_deepfool = {
    .name = "deepfool",
    .title = "DeepFool",
    .source = "Moosavi-Dezfooli et al., CVPR 2016",
    .doc = "the nearest boundary, in L2, by linear steps",
    .help = "moves to the nearest class boundary of the net linearised around the image, and "
            "repeats until the class changes. It takes no target.\vExample:\n  trapdoor-evade "
            "deepfool --model model.safetensors --data mnist:test:0-1000 \\\n    -o "
            "deepfool.safetensors",
    .family = &attacks,
    .groups = groups,
    .size = sizeof(deepfool_settings),
    .math = &math,
};
