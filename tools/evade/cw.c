#include "evade/cw.h"

#include "base/parallel.h"
#include "nn/optimizer.h"
#include <math.h>
#include <string.h>

static const float INSIDE = 0.999999F; /* keeps w finite */

static size_t size_of(const cw *attack) {
    return attack->batch->net->size;
}

static size_t place_of(const cw *attack, size_t image, size_t value) {
    const size_t channels = attack->batch->shape.channels;
    return image * (size_of(attack) / channels) + value / channels;
}

void cw_restart(cw *attack, size_t image, const float *from) {
    const size_t size = size_of(attack), first = image * size;
    for (size_t i = 0; i < size; i++)
        attack->w[first + i] = atanhf((2 * from[i] / EVADE_RANGE - 1) * INSIDE);
    memset(attack->mean + first, 0, size * sizeof *attack->mean);
    memset(attack->square + first, 0, size * sizeof *attack->square);
    attack->images[image].iteration = attack->images[image].adam = 0;
    attack->images[image].checked = INFINITY;
}

bool cw_succeeded(const cw *attack, size_t image) {
    double gap = attack->images[image].gap;
    return gap < 0 && gap <= -attack->batch->settings[EVADE_CONFIDENCE];
}

void cw_keep(cw *attack, size_t image) {
    const size_t size = size_of(attack);
    const float *shown = attack->shown + image * size;
    memcpy(attack->kept + image * size, shown, size * sizeof *shown);
    evade_round(shown, size, attack->batch->out + image * size);
}

bool cw_is_stuck(cw *attack, size_t image) {
    const size_t most = (size_t)attack->batch->settings[EVADE_ITERATIONS];
    const size_t tenth = most < 10 ? 1 : most / 10;
    cw_image *state = &attack->images[image];
    if (++state->iteration >= most)
        return true;
    if (most < 10 || state->iteration % tenth != 0)
        return false;
    bool stuck = state->loss > 0.9999 * state->checked;
    state->checked = state->loss;
    return stuck;
}

double cw_squared_distance(const cw *attack, size_t image, float *gradient) {
    const size_t size = size_of(attack);
    const float *x = attack->x + image * size, *clean = attack->batch->clean + image * size;
    double sum = 0;
    for (size_t i = 0; i < size; i++) {
        float change = (x[i] - clean[i]) / EVADE_RANGE;
        sum += (double)change * (double)change;
        gradient[i] += 2 * change;
    }
    return sum;
}

/* x' from w; row k of the net's input gets it rounded. */
static void show_one(void *context, size_t k) {
    cw *attack = context;
    const evade_batch *batch = attack->batch;
    const size_t size = size_of(attack);
    size_t image = batch->live[k];
    for (size_t i = image * size; i < (image + 1) * size; i++) {
        attack->x[i] = attack->fixed[place_of(attack, image, i - image * size)]
                           ? batch->clean[i]
                           : EVADE_RANGE * (tanhf(attack->w[i]) + 1) / 2;
        attack->shown[i] = evade_clip(rintf(attack->x[i]), 0, EVADE_RANGE);
    }
}

/* The gap of one image, and its gradient by the logits. */
static double gap_of(const evade_batch *batch, size_t image, const float *logits, float *gradient) {
    const size_t classes = batch->net->classes;
    const bool targeted = batch->targets[image] != EVADE_NO_TARGET;
    const size_t own = (size_t)(targeted ? batch->targets[image] : batch->labels[image]);
    size_t rival = own == 0 ? 1 : 0;
    for (size_t c = 0; c < classes; c++)
        if (c != own && logits[c] > logits[rival])
            rival = c;
    const float sign = targeted ? 1 : -1;
    memset(gradient, 0, classes * sizeof *gradient);
    gradient[rival] = sign;
    gradient[own] = -sign;
    return (double)sign * ((double)logits[rival] - (double)logits[own]);
}

/* One pass of the net for all live images. */
static const float *pass(cw *attack) {
    evade_batch *batch = attack->batch;
    evade_net *net = batch->net;
    td_parallel_each(batch->live_count, show_one, attack);
    evade_batch_feed(batch, attack->shown, evade_net_gradient_input(net));
    const float *logits = evade_net_forward(net, batch->live_count);
    float *wanted = evade_net_logits_gradient(net);
    for (size_t k = 0; k < batch->live_count; k++) {
        size_t image = batch->live[k];
        attack->images[image].gap =
            gap_of(batch, image, logits + k * net->classes, wanted + k * net->classes);
    }
    return evade_net_backward(net);
}

/* Adam on w. `gradient`: with respect to x' before, to w afterwards. */
static void step(cw *attack, size_t image, float *gradient) {
    const size_t size = size_of(attack), first = image * size;
    const td_step adam =
        td_adam_step(attack->batch->settings[EVADE_LEARNING_RATE], ++attack->images[image].adam);
    const float *x = attack->x + first;
    for (size_t i = 0; i < size; i++) {
        const float t = 2 * x[i] / EVADE_RANGE - 1; /* tanh w */
        gradient[i] = gradient[i] * (1 - t) * (1 + t) / 2;
    }
    td_adam(&adam, attack->w + first, gradient, attack->mean + first, attack->square + first, size);
}

typedef struct turn {
    cw *attack;
    const float *gradient; /* of the gaps by raw pixels, [live_count, size] */
} turn;

static void turn_one(void *context, size_t k) {
    const turn *t = context;
    cw *attack = t->attack;
    const evade_batch *batch = attack->batch;
    const size_t size = size_of(attack);
    const double confidence = batch->settings[EVADE_CONFIDENCE];
    size_t image = batch->live[k];
    cw_image *state = &attack->images[image];
    float *slope = attack->slope + image * size, *sum = attack->scratch + image * size;
    float weight = state->gap > -confidence ? (float)state->constant : 0;
    for (size_t i = 0; i < size; i++) {
        slope[i] = EVADE_RANGE * t->gradient[k * size + i];
        sum[i] = weight * slope[i];
    }
    state->distance = attack->kind->distance(attack, image, sum);
    state->loss = state->distance + state->constant * fmax(state->gap + confidence, 0);
    if (attack->kind->advance(attack, image))
        step(attack, image, sum);
}

static td_status allocate(cw *attack, td_error *error) {
    static const char what[] = "adversarial images";
    evade_batch *batch = attack->batch;
    const size_t values = batch->count * size_of(attack);
    float **arrays[] = {&attack->w,     &attack->mean,  &attack->square,  &attack->x,
                        &attack->shown, &attack->slope, &attack->scratch, &attack->kept};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(&batch->arena, values, arrays[i], what, error));
    TD_TRY(TD_ARENA_NEW(&batch->arena, batch->count, &attack->images, what, error));
    return TD_ARENA_NEW(&batch->arena, values / batch->shape.channels, &attack->fixed, what, error);
}

td_status cw_run(evade_batch *batch, const cw_kind *kind, td_error *error) {
    cw attack = {.batch = batch, .kind = kind};
    TD_TRY(allocate(&attack, error));
    memcpy(attack.kept, batch->clean, batch->count * batch->net->size * sizeof *attack.kept);
    for (size_t i = 0; i < batch->count; i++) {
        attack.images[i] = (cw_image){.constant = batch->settings[EVADE_CONSTANT],
                                      .best = INFINITY,
                                      .upper = INFINITY,
                                      .bound = (size_t)EVADE_RANGE};
        cw_restart(&attack, i, batch->clean + i * batch->net->size);
    }
    while (batch->live_count > 0) {
        TD_TRY(evade_batch_poll(batch, error));
        turn t = {&attack, pass(&attack)};
        td_parallel_each(batch->live_count, turn_one, &t);
        evade_batch_compact(batch);
    }
    return TD_OK;
}
