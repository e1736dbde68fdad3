#include "implant/hijack.h"

#include "base/random.h"
#include "base/size.h"
#include "nn/exec.h"
#include "nn/feed.h"
#include "nn/optimizer.h"
#include <math.h>
#include <string.h>

enum { BATCH = 64, SEEN = 16 }; /* images: of a pass, and of a step */

static const float RANGE = 255;

/* Under the root of the variation, so that it has a slope where all is even. */
static const double EVEN = 1e-6;

/* A search under way. */
typedef struct session {
    const hijack_search *config;
    td_exec *exec;
    size_t values;        /* of the pattern */
    float *x;             /* [values], in units of the pixel range */
    float *shown;         /* [values], 0–255 */
    float *gradient;      /* [values], of x */
    float *mean, *square; /* [values], Adam's moments */
    uint32_t *order;      /* which images a step sees */
} session;

/* Adds the variation's gradient; returns the variation. Pixels outside the mask count for nothing:
 * a difference counts between two pixels within. */
static double add_variation(const session *s) {
    const hijack_mask *m = s->config->mask;
    const size_t channels = m->shape.channels, row = m->width * channels;
    const double weight = s->config->smoothness;
    double sum = 0;
    for (size_t i = 0; i < s->values; i++) {
        const size_t p = i / channels;
        const bool right = p % m->width + 1 < m->width && m->opacity[p + 1] > 0;
        const bool below = p / m->width + 1 < m->height && m->opacity[p + m->width] > 0;
        if (m->opacity[p] == 0)
            continue;
        const double dx = right ? (double)s->x[i + channels] - (double)s->x[i] : 0;
        const double dy = below ? (double)s->x[i + row] - (double)s->x[i] : 0;
        const double length = sqrt(dx * dx + dy * dy + EVEN);
        sum += length;
        s->gradient[i] -= (float)(weight * (dx + dy) / length);
        if (right)
            s->gradient[i + channels] += (float)(weight * dx / length);
        if (below)
            s->gradient[i + row] += (float)(weight * dy / length);
    }
    return weight * sum;
}

/* Sets the slope of the mean squared distance from the goal; returns that. */
static double set_slope(const session *s, const float *values, size_t count) {
    const hijack_search *a = s->config;
    const size_t width = td_net_classes(a->part);
    const double terms = (double)(count * a->neuron_count);
    float *slope = td_exec_logits_gradient(s->exec);
    double sum = 0;
    memset(slope, 0, count * width * sizeof *slope);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < a->neuron_count; k++) {
            const size_t at = i * width + a->neurons[k];
            const double short_of = (double)values[at] - a->goal;
            sum += short_of * short_of;
            slope[at] = (float)(2 * short_of / terms);
        }
    return sum / terms;
}

static void show(const session *s, size_t count) {
    const size_t size = td_shape_size(s->config->mask->shape);
    float *input = td_exec_input(s->exec);
    for (size_t i = 0; i < s->values; i++)
        s->shown[i] = RANGE * s->x[i];
    for (size_t i = 0; i < count; i++)
        hijack_stamp(s->config->mask, s->shown, input + i * size);
}

/* The gradient of the pattern from that of the stamped images. */
static void gather(const session *s, const float *images, size_t count) {
    const hijack_mask *m = s->config->mask;
    const size_t channels = m->shape.channels, size = td_shape_size(m->shape);
    for (size_t i = 0; i < s->values; i++) {
        const size_t p = i / channels, y = m->top + p / m->width, x = m->left + p % m->width;
        const size_t at = (y * m->shape.width + x) * channels + i % channels;
        double sum = 0;
        for (size_t n = 0; n < count; n++)
            sum += (double)images[n * size + at];
        s->gradient[i] = RANGE * m->opacity[p] * (float)sum;
    }
}

/* Returns the loss before the step. */
static double run_step(const session *s, size_t number) {
    const hijack_search *a = s->config;
    const size_t count = td_size_min(SEEN, a->images->count);
    const td_step step = td_adam_step(a->learning_rate, number + 1);
    td_random random = td_random_for(a->seed, TD_FOR_HIJACK, 1, (uint32_t)number);
    for (size_t i = 0; i < count; i++)
        s->order[i] = td_random_below(&random, (uint32_t)a->images->count);
    td_feed(a->images, s->order, 0, count, td_exec_input(s->exec));
    show(s, count);
    double loss = set_slope(s, td_exec_forward(s->exec, count), count);
    gather(s, td_exec_backward(s->exec, NULL), count);
    loss += add_variation(s);
    td_adam(&step, s->x, s->gradient, s->mean, s->square, s->values);
    for (size_t i = 0; i < s->values; i++)
        s->x[i] = s->x[i] < 0 ? 0 : s->x[i] > 1 ? 1 : s->x[i];
    return loss;
}

static td_status run_steps(session *s, hijack_found *found, td_error *error) {
    const hijack_search *a = s->config;
    td_random random = td_random_for(a->seed, TD_FOR_HIJACK, 0, 0);
    for (size_t i = 0; i < s->values; i++)
        s->x[i] = td_random_unit(&random);
    for (size_t i = 0; i < a->steps; i++) {
        const double loss = run_step(s, i);
        if (!isfinite(loss))
            return td_fail(error, TD_ERR_NUMERIC, "step %zu: the trigger's loss is not finite",
                           i + 1);
        found->first_loss = i == 0 ? loss : found->first_loss;
        found->last_loss = loss;
        if (a->advance && !a->advance(a->context, i + 1))
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    }
    for (size_t i = 0; i < s->values; i++)
        found->pattern[i] = (uint8_t)lrintf(RANGE * s->x[i]);
    return TD_OK;
}

/* The neurons' mean values, and how often they are above 0, with the final trigger or without. */
static void judge(const session *s, const hijack_found *found, bool with, double *means,
                  double *fires) {
    const hijack_search *a = s->config;
    const size_t width = td_net_classes(a->part), all = a->images->count;
    for (size_t i = 0; i < s->values; i++)
        s->x[i] = (float)found->pattern[i] / RANGE;
    for (size_t first = 0; first < all; first += BATCH) {
        const size_t count = td_size_min(BATCH, all - first);
        td_feed(a->images, NULL, first, count, td_exec_input(s->exec));
        if (with)
            show(s, count);
        const float *values = td_exec_forward(s->exec, count);
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < a->neuron_count; k++) {
                const double value = (double)values[i * width + a->neurons[k]];
                means[k] += value / (double)all;
                fires[k] += (value > 0) / (double)all;
            }
    }
}

static td_status allocate(session *s, hijack_found *found, td_arena *arena, td_error *error) {
    static const char what[] = "a trigger";
    const size_t neurons = s->config->neuron_count;
    float **arrays[] = {&s->x, &s->shown, &s->gradient};
    double **means[] = {&found->without, &found->with, &found->fires_without, &found->fires_with};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(arena, s->values, arrays[i], what, error));
    for (size_t i = 0; i < sizeof means / sizeof *means; i++)
        TD_TRY(TD_ARENA_NEW(arena, neurons, means[i], what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->values, &s->mean, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->values, &s->square, what, error));
    TD_TRY(TD_ARENA_NEW(arena, BATCH, &s->order, what, error));
    return TD_ARENA_NEW(arena, s->values, &found->pattern, what, error);
}

td_status hijack_find_trigger(const hijack_search *search, hijack_found *found, td_arena *arena,
                              td_error *error) {
    const hijack_mask *m = search->mask;
    session s = {.config = search, .values = m->height * m->width * m->shape.channels};
    *found = (hijack_found){0};
    TD_TRY(allocate(&s, found, arena, error));
    TD_TRY(td_exec_new(&s.exec, search->part, BATCH, TD_BACKWARD_INPUT, error));
    td_exec_weights(s.exec, search->weights);
    td_status status = run_steps(&s, found, error);
    if (status == TD_OK) {
        judge(&s, found, false, found->without, found->fires_without);
        judge(&s, found, true, found->with, found->fires_with);
    }
    td_exec_free(s.exec);
    return status;
}
