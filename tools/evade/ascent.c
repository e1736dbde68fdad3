#include "evade/ascent.h"

#include "base/parallel.h"
#include "base/random.h"
#include <math.h>
#include <string.h>

typedef struct ascent {
    evade_batch *batch;
    float epsilon, step; /* raw pixels */
    bool l2;
    float *x;              /* [count, size] */
    const float *gradient; /* [live_count, size] */
} ascent;

/* The gradient of log p of class `to`, divided by 1 − p of it: no step depends on its length, and
 * where the softmax is saturated it keeps its direction. */
static void log_probability_gradient(const float *logits, size_t classes, size_t to,
                                     float *gradient) {
    double largest = -INFINITY, total = 0;
    for (size_t c = 0; c < classes; c++)
        if (c != to)
            largest = fmax(largest, (double)logits[c]);
    for (size_t c = 0; c < classes; c++)
        if (c != to)
            total += exp((double)logits[c] - largest);
    for (size_t c = 0; c < classes; c++)
        gradient[c] = c == to ? 1 : (float)(-exp((double)logits[c] - largest) / total);
}

static double norm(const float *values, size_t size) {
    double squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (double)values[i] * (double)values[i];
    return sqrt(squares);
}

/* Brings x back into the ball and the range. */
static void project(const ascent *a, const float *clean, float *x) {
    const size_t size = a->batch->net->size;
    if (a->l2) {
        double squares = 0;
        for (size_t i = 0; i < size; i++)
            squares += (double)(x[i] - clean[i]) * (double)(x[i] - clean[i]);
        float scale = (float)fmin(1, (double)a->epsilon / sqrt(squares));
        for (size_t i = 0; i < size && squares > 0; i++)
            x[i] = clean[i] + scale * (x[i] - clean[i]);
    }
    for (size_t i = 0; i < size; i++) {
        float near = evade_clip(x[i], clean[i] - a->epsilon, clean[i] + a->epsilon);
        x[i] = evade_clip(near, 0, EVADE_RANGE);
    }
}

static void step_one(void *context, size_t k) {
    const ascent *a = context;
    const evade_batch *batch = a->batch;
    const size_t size = batch->net->size;
    size_t image = batch->live[k];
    const float *gradient = a->gradient + k * size;
    float *x = a->x + image * size;
    /* The gradient is of the log-probability of the target, or of the label. */
    float step = batch->targets[image] == EVADE_NO_TARGET ? -a->step : a->step;
    double length = a->l2 ? norm(gradient, size) : 1;
    float factor = length > 0 ? (float)((double)step / length) : 0;
    for (size_t i = 0; i < size; i++) {
        float sign = (float)((gradient[i] > 0) - (gradient[i] < 0));
        x[i] += factor * (a->l2 ? gradient[i] : sign);
    }
    project(a, batch->clean + image * size, x);
}

static void take_step(ascent *a) {
    evade_batch *batch = a->batch;
    evade_net *net = batch->net;
    evade_batch_feed(batch, a->x, evade_net_gradient_input(net));
    const float *logits = evade_net_forward(net, batch->live_count);
    for (size_t k = 0; k < batch->live_count; k++) {
        size_t image = batch->live[k];
        int32_t to =
            batch->targets[image] == EVADE_NO_TARGET ? batch->labels[image] : batch->targets[image];
        log_probability_gradient(logits + k * net->classes, net->classes, (size_t)to,
                                 evade_net_logits_gradient(net) + k * net->classes);
    }
    a->gradient = evade_net_backward(net);
    td_parallel_each(batch->live_count, step_one, a);
}

/* A uniform place in the ball: for L2 a uniform direction, and a radius that has the share r^size
 * of all places below it. */
static void start_anywhere(const ascent *a, size_t image) {
    const evade_batch *batch = a->batch;
    const size_t size = batch->net->size;
    float *x = a->x + image * size;
    td_random random = td_random_for(batch->seed, TD_FOR_EVADE,
                                     (uint32_t)(batch->targets[image] + 1), batch->numbers[image]);
    double scale = 1;
    if (a->l2) {
        double radius = pow((double)td_random_unit(&random), 1 / (double)size), squares = 0;
        for (size_t i = 0; i < size; i++) {
            x[i] = td_random_normal(&random);
            squares += (double)x[i] * (double)x[i];
        }
        scale = radius / sqrt(squares);
    } else {
        for (size_t i = 0; i < size; i++)
            x[i] = 2 * td_random_unit(&random) - 1;
    }
    for (size_t i = 0; i < size; i++)
        x[i] = batch->clean[image * size + i] + (float)scale * a->epsilon * x[i];
    project(a, batch->clean + image * size, x);
}

/* Rounding must not leave the ball: for L∞ its bound is rounded down, for L2 the change shrinks
 * until the rounded one is within. */
static void finish_image(const ascent *a, size_t image) {
    const size_t size = a->batch->net->size;
    const float *clean = a->batch->clean + image * size, *x = a->x + image * size;
    uint8_t *out = a->batch->out + image * size;
    const double slack = 1e-4; /* of 0.2 · 255 in binary */
    float bound = (float)floor((double)a->epsilon + slack);
    double squares = INFINITY, most = (double)a->epsilon + slack;
    for (float shrink = 1; squares > most * most; shrink *= 0.99F) {
        squares = 0;
        for (size_t i = 0; i < size; i++) {
            float change = evade_clip(rintf(shrink * (x[i] - clean[i])), -bound, bound);
            out[i] = (uint8_t)(clean[i] + change);
            squares += (double)change * (double)change;
        }
        if (!a->l2)
            break;
    }
}

td_status evade_ascend(evade_batch *batch, size_t steps, double step, bool random_start,
                       td_error *error) {
    const size_t values = batch->count * batch->net->size;
    ascent a = {.batch = batch,
                .epsilon = (float)batch->settings[EVADE_EPSILON] * EVADE_RANGE,
                .step = (float)step * EVADE_RANGE,
                .l2 = batch->settings[EVADE_NORM] > 0};
    TD_TRY(TD_ARENA_NEW(&batch->arena, values, &a.x, "adversarial images", error));
    memcpy(a.x, batch->clean, values * sizeof *a.x);
    for (size_t i = 0; i < batch->count && random_start; i++)
        start_anywhere(&a, i);
    for (size_t i = 0; i < steps; i++) {
        TD_TRY(evade_batch_poll(batch, error));
        take_step(&a);
    }
    for (size_t i = 0; i < batch->count; i++)
        finish_image(&a, i);
    return TD_OK;
}

void evade_ascent_complete(double *settings) {
    if (isnan(settings[EVADE_EPSILON]))
        settings[EVADE_EPSILON] = settings[EVADE_NORM] > 0 ? 1.5 : 0.3;
}
