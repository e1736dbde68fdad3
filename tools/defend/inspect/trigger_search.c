/* SPDX-License-Identifier: MIT */
#include "defend/inspect/trigger_search.h"

#include "base/parallel.h"
#include "base/random.h"
#include "data/planes.h"
#include "defend/inspect/backward.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    START_PART = 5,     /* share of the steps for the start */
    CONTROL_EVERY = 10, /* steps */
    JUDGE_EVERY = 25,
    MOST_JUDGED = 128, /* images, of each class's triggers */
};

static const float RANGE = 255;
static const double pi = 3.14159265358979324;
static const double CONTROL = 1.15; /* the factor of g2 */
static const double G1 = 1, FIRST_G2 = 0.02, LEARNING_RATE = 0.005;

static float clip(float value) {
    return value < 0 ? 0 : value > RANGE ? RANGE : value;
}

/* --- the start of the search --- */

/* A backdoor reacts to a pattern, and almost nothing of it shows in the gradient where no part of
 * the pattern is present, so a search by gradients alone misses it. Therefore images are stamped
 * with random blocks, some lighter and some darker, and for each class the pixels are chosen whose
 * change covaries with its probability. */

enum { SCREENED = 32 }; /* batches */

static const float CHANGED = 0.3F; /* the share of blocks that change */
static const float CHANGE = 0.8F;  /* by how much, in units of the pixel range */
static const float START = 0.6F;   /* the largest initial change */
static const double CLEAR = 0.5;   /* of the largest covariance: the threshold for a pixel */

/* Accumulates Σ p·change by class and pixel in the search's `starts`. */
typedef struct screening {
    search *search;
    size_t batch;
    double *sums, *count; /* [classes]: Σ p; images of other classes */
    double *changes;      /* [size]: Σ change */
} screening;

/* Blocks of a 14th, a 7th or a quarter of the smaller side, at any position. */
static size_t block_side(const screening *v, size_t number) {
    static const size_t parts[] = {14, 7, 4, 7};
    const td_shape s = v->search->generator.image;
    const size_t side = s.height < s.width ? s.height : s.width, block = side / parts[number % 4];
    return block < 1 ? 1 : block;
}

static void fill_block(float *change, td_shape s, size_t top, size_t left, size_t side,
                       const float *value) {
    for (size_t y = top; y < top + side && y < s.height; y++)
        for (size_t x = left; x < left + side && x < s.width; x++)
            memcpy(change + (y * s.width + x) * s.channels, value, s.channels * sizeof *value);
}

static void draw_blocks(const screening *v, size_t i, td_random *random, float *change) {
    enum { MOST_CHANNELS = 3 };
    const td_shape s = v->search->generator.image;
    const size_t side = block_side(v, i);
    const size_t down = td_random_below(random, (uint32_t)side);
    const size_t right = td_random_below(random, (uint32_t)side);
    memset(change, 0, td_shape_size(s) * sizeof *change);
    for (size_t y = 0; y < s.height + side; y += side)
        for (size_t x = 0; x < s.width + side; x += side) {
            float value[MOST_CHANNELS];
            const bool changed = td_random_unit(random) < CHANGED;
            for (size_t c = 0; c < s.channels; c++)
                value[c] = RANGE * (td_random_below(random, 2) ? CHANGE : -CHANGE);
            /* The grid begins above and left of the image; its first blocks are moved inside. */
            const size_t top = y > down ? y - down : 0, first = x > right ? x - right : 0;
            if (changed)
                fill_block(change, s, top, first, side, value);
        }
}

static void stamp_blocks(void *context, size_t i) {
    const screening *v = context;
    search *s = v->search;
    const float *clean = s->clean + i * s->size;
    float *change = s->change + i * s->size, *input = td_exec_input(s->model) + i * s->size;
    td_random random = td_random_for(s->run->common->seed, TD_FOR_GENERATE, 0,
                                     (uint32_t)(2 * (v->batch * SEARCH_BATCH + i)));
    draw_blocks(v, i, &random, change);
    for (size_t k = 0; k < s->size; k++)
        input[k] = clip(clean[k] + change[k]);
}

/* Adds the batch's contribution for class t. */
static void gather(void *context, size_t t) {
    const screening *v = context;
    const search *s = v->search;
    float *start = s->starts + t * s->size;
    for (size_t i = 0; i < SEARCH_BATCH; i++) {
        const float p = s->probabilities[i * s->classes + t];
        const float *change = s->change + i * s->size;
        if ((size_t)s->images->labels[s->sources[i]] == t)
            continue;
        for (size_t k = 0; k < s->size; k++)
            start[k] += p * change[k];
        v->sums[t] += (double)p;
        v->count[t]++;
    }
}

static void run_batch(screening *v) {
    search *s = v->search;
    for (uint32_t i = 0; i < SEARCH_BATCH; i++) {
        td_random random = td_random_for(s->run->common->seed, TD_FOR_GENERATE, 0,
                                         2 * ((uint32_t)v->batch * SEARCH_BATCH + i) + 1);
        s->sources[i] = td_random_below(&random, (uint32_t)s->images->count);
    }
    td_feed(s->images, s->sources, 0, SEARCH_BATCH, s->clean);
    td_parallel_each(SEARCH_BATCH, stamp_blocks, v);
    td_softmax(td_exec_forward(s->model, SEARCH_BATCH), SEARCH_BATCH, s->classes, s->probabilities);
    td_parallel_each(s->classes, gather, v);
    for (size_t i = 0; i < SEARCH_BATCH; i++)
        for (size_t k = 0; k < s->size; k++)
            v->changes[k] += (double)s->change[i * s->size + k];
}

/* Converts sums to covariances, and these to a start. */
static void finish_class(const screening *v, size_t t) {
    const search *s = v->search;
    float *start = s->starts + t * s->size;
    double most = 0;
    for (size_t k = 0; k < s->size; k++) {
        const double all = v->changes[k] / (SCREENED * SEARCH_BATCH);
        const double covariance =
            v->count[t] > 0 ? ((double)start[k] - v->sums[t] * all) / v->count[t] : 0;
        start[k] = (float)covariance;
        most = fmax(most, fabs(covariance));
    }
    for (size_t k = 0; k < s->size; k++) {
        const double part = most > 0 ? (double)start[k] / most : 0;
        start[k] = fabs(part) >= CLEAR ? START * (float)part : 0;
    }
}

static td_status screen(search *s, td_error *error) {
    static const char what[] = "the search for triggers";
    td_arena *arena = &s->run->arena;
    screening v = {.search = s};
    TD_TRY(TD_ARENA_NEW(arena, s->classes, &v.sums, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->classes, &v.count, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->size, &v.changes, what, error));
    for (v.batch = 0; v.batch < SCREENED; v.batch++) {
        run_batch(&v);
        TD_TRY(tool_run_go_on(s->run, 0, NULL, error));
    }
    for (size_t t = 0; t < s->classes; t++)
        finish_class(&v, t);
    return TD_OK;
}

/* --- start and end --- */

static td_status allocate(search *s, td_error *error) {
    static const char what[] = "the search for triggers";
    td_arena *arena = &s->run->arena;
    float **arrays[] = {&s->change, &s->clean, &s->shown};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TD_TRY(TD_ARENA_NEW(arena, SEARCH_BATCH * s->size, arrays[i], what, error));
    TD_TRY(TD_ARENA_NEW(arena, SEARCH_BATCH * s->classes, &s->probabilities, what, error));
    TD_TRY(td_arena_alloc(arena, s->classes, s->size * sizeof *s->starts, (void **)&s->starts, what,
                          error));
    for (size_t t = 0; t < s->classes; t++) {
        s->found[t] = (search_class){.g2 = FIRST_G2};
        TD_TRY(
            TD_ARENA_NEW(arena, SEARCH_KEPT * s->size, &s->found[t].triggers, "triggers", error));
    }
    return TD_OK;
}

static td_status open(search *s, const td_net *net, const float *weights, td_error *error) {
    if (s->classes < 2)
        return td_fail(error, TD_ERR_FORMAT, "expected a model of two classes or more, found %zu",
                       s->classes);
    TD_TRY(allocate(s, error));
    TD_TRY(generator_open(&s->generator, td_net_input(net), s->classes, SEARCH_BATCH,
                          s->run->common->seed, error));
    TD_TRY(td_exec_new(&s->model, net, SEARCH_BATCH, TD_BACKWARD_IMAGE, error));
    td_exec_weights(s->model, weights);
    return screen(s, error);
}

td_status search_open(search *s, tool_run *run, const td_net *net, const float *weights,
                      const td_images *images, const search_settings *settings,
                      search_class *classes, td_error *error) {
    *s = (search){.run = run,
                  .settings = settings,
                  .images = images,
                  .size = td_image_size(images),
                  .classes = td_net_classes(net),
                  .found = classes};
    td_status status = open(s, net, weights, error);
    if (status != TD_OK)
        search_close(s);
    return status;
}

void search_close(search *s) {
    td_exec_free(s->model);
    generator_close(&s->generator);
    *s = (search){0};
}

/* --- a step --- */

/* The number of the i-th image that is not of class t. */
static uint32_t other_image(const search *s, int32_t t, uint32_t i) {
    const uint32_t own = (uint32_t)(s->images->count / s->classes);
    return i < (uint32_t)t * own ? i : i + own;
}

static uint32_t others(const search *s) {
    return (uint32_t)(s->images->count - s->images->count / s->classes);
}

void search_draw(search *s, size_t step) {
    const uint64_t seed = s->run->common->seed;
    for (uint32_t i = 0; i < SEARCH_BATCH; i++) {
        td_random random = td_random_for(seed, TD_FOR_GENERATE, (uint32_t)step, SEARCH_BATCH + i);
        const int32_t t = (int32_t)((step * SEARCH_BATCH + i) % s->classes);
        s->targets[i] = t;
        s->sources[i] = other_image(s, t, td_random_below(&random, others(s)));
    }
    generator_feed(&s->generator, seed, (uint32_t)step, s->targets, SEARCH_BATCH,
                   td_exec_input(s->generator.training));
    td_feed(s->images, s->sources, 0, SEARCH_BATCH, s->clean);
}

/* x' from the generator's values, and the size of the change. */
static void show(void *context, size_t i) {
    search *s = context;
    float *change = s->change + i * s->size, *shown = s->shown + i * s->size;
    const float *clean = s->clean + i * s->size;
    float *input = td_exec_input(s->model) + i * s->size;
    double sum = 0;
    td_planes_join(s->values + i * s->size, s->generator.image, change);
    for (size_t k = 0; k < s->size; k++) {
        sum += (double)fabsf(change[k]);
        change[k] *= RANGE;
        shown[k] = clean[k] + change[k];
        input[k] = clip(shown[k]);
    }
    s->sizes[i] = sum;
}

/* Backpropagates from x' to the generator's values. A clipped value passes the gradient only if it
 * leads back into the range: otherwise a change below black could never learn that white works
 * there. */
static void lead_back(void *context, size_t i) {
    search *s = context;
    const float *slope = s->slope + i * s->size, *change = s->change + i * s->size;
    float *shown = s->shown + i * s->size;
    const bool large = s->sizes[i] > s->settings->gamma;
    const float cost = large ? (float)(s->found[s->targets[i]].g2 / SEARCH_BATCH) : 0;
    for (size_t k = 0; k < s->size; k++) {
        const bool inside = shown[k] < 0 ? slope[k] < 0 : shown[k] <= RANGE || slope[k] > 0;
        const float sign = change[k] > 0 ? 1 : change[k] < 0 ? -1 : 0;
        shown[k] = (inside ? RANGE * slope[k] : 0) + cost * sign;
    }
    td_planes_split(shown, s->generator.image,
                    td_exec_logits_gradient(s->generator.training) + i * s->size);
}

/* The model's part of the loss, and its gradient with respect to the logits. */
static double answer_loss(search *s, const float *logits) {
    float *gradient = td_exec_logits_gradient(s->model);
    td_loss nll = td_cross_entropy(logits, s->targets, SEARCH_BATCH, s->classes, gradient);
    double loss = nll.sum;
    td_softmax(logits, SEARCH_BATCH, s->classes, s->probabilities);
    for (size_t i = 0; i < SEARCH_BATCH; i++) {
        const size_t own = (size_t)s->targets[i];
        const float *p = s->probabilities + i * s->classes;
        const double lack = 1 - (double)p[own];
        const double slope = -2 * G1 * lack * (double)p[own] / SEARCH_BATCH;
        loss += G1 * lack * lack;
        for (size_t c = 0; c < s->classes; c++)
            gradient[i * s->classes + c] += (float)(slope * ((c == own) - (double)p[c]));
        s->found[own].hits += (size_t)td_argmax(p, s->classes) == own;
        s->found[own].trials++;
    }
    return loss / SEARCH_BATCH;
}

double search_loss(search *s) {
    generator *g = &s->generator;
    td_exec_weights(g->training, g->weights);
    s->values = td_exec_forward(g->training, SEARCH_BATCH);
    td_parallel_each(SEARCH_BATCH, show, s);
    double loss = answer_loss(s, td_exec_forward(s->model, SEARCH_BATCH));
    for (size_t i = 0; i < SEARCH_BATCH; i++)
        loss +=
            s->found[s->targets[i]].g2 * fmax(0, s->sizes[i] - s->settings->gamma) / SEARCH_BATCH;
    s->slope = inspect_backward(s->model, SEARCH_BATCH * s->size, &s->has_gradient);
    td_parallel_each(SEARCH_BATCH, lead_back, s);
    td_exec_backward(g->training, g->gradient);
    return loss;
}

static void control(search *s) {
    for (size_t t = 0; t < s->classes; t++) {
        search_class *found = &s->found[t];
        const bool enough = (double)found->hits >= s->settings->rate * (double)found->trials;
        if (found->trials > 0)
            found->g2 *= enough ? CONTROL : 1 / CONTROL;
        found->hits = found->trials = 0;
    }
}

/* The triggers of class t, into `change`, whole pixel values; returns their mean size. */
static double generate(search *s, int32_t t) {
    generator *g = &s->generator;
    double sum = 0;
    for (size_t i = 0; i < SEARCH_KEPT; i++)
        s->targets[i] = t;
    generator_feed(g, s->run->common->seed, UINT32_MAX, s->targets, SEARCH_KEPT,
                   td_exec_input(g->judging));
    const float *values = td_exec_forward(g->judging, SEARCH_KEPT);
    for (size_t i = 0; i < SEARCH_KEPT; i++)
        td_planes_join(values + i * s->size, g->image, s->change + i * s->size);
    for (size_t k = 0; k < SEARCH_KEPT * s->size; k++) {
        s->change[k] = rintf(RANGE * s->change[k]);
        sum += (double)fabsf(s->change[k]);
    }
    return sum / (double)RANGE / SEARCH_KEPT;
}

static void stamp(void *context, size_t i) {
    search *s = context;
    const float *clean = s->clean + i * s->size, *change = s->change + i % SEARCH_KEPT * s->size;
    float *input = td_exec_input(s->model) + i * s->size;
    for (size_t k = 0; k < s->size; k++)
        input[k] = clip(clean[k] + change[k]);
}

/* How often the triggers in `change` send images of other classes to t. */
static td_rate judge(search *s, int32_t t) {
    const uint32_t all = others(s), judged = all < MOST_JUDGED ? all : MOST_JUDGED;
    size_t hits = 0;
    for (uint32_t first = 0; first < judged; first += SEARCH_BATCH) {
        const uint32_t left = judged - first, count = left < SEARCH_BATCH ? left : SEARCH_BATCH;
        for (uint32_t i = 0; i < count; i++)
            s->sources[i] = other_image(s, t, (uint32_t)((uint64_t)(first + i) * all / judged));
        td_feed(s->images, s->sources, 0, count, s->clean);
        td_parallel_each(count, stamp, s);
        const float *logits = td_exec_forward(s->model, count);
        for (size_t i = 0; i < count; i++)
            hits += td_argmax(logits + i * s->classes, s->classes) == t;
    }
    return td_rate_of(hits, judged);
}

/* Keeps the better triggers: those that reach the rate and are smaller or, as long as none reaches
 * it, succeed more often. */
static void judge_all(search *s) {
    td_exec_weights(s->generator.judging, s->generator.weights);
    for (size_t t = 0; t < s->classes; t++) {
        search_class *found = &s->found[t];
        const double size = generate(s, (int32_t)t);
        const td_rate asr = judge(s, (int32_t)t);
        const bool reached = asr.value >= s->settings->rate;
        const bool better = reached ? !found->reached || size < found->size
                                    : !found->reached && asr.value >= found->asr.value;
        if (!better)
            continue;
        found->reached = reached;
        found->size = size;
        found->asr = asr;
        memcpy(found->triggers, s->change, SEARCH_KEPT * s->size * sizeof *s->change);
    }
}

/* The same for the start: only the gradient of the generator's values. */
static void approach_start(void *context, size_t i) {
    search *s = context;
    const float *start = s->starts + (size_t)s->targets[i] * s->size;
    float *change = s->change + i * s->size;
    td_planes_join(s->values + i * s->size, s->generator.image, change);
    s->sizes[i] = 0;
    for (size_t k = 0; k < s->size; k++) {
        const float off = change[k] - start[k];
        s->sizes[i] += (double)(off * off);
        change[k] = 2 * off / SEARCH_BATCH;
    }
    td_planes_split(change, s->generator.image,
                    td_exec_logits_gradient(s->generator.training) + i * s->size);
}

double search_start_loss(search *s) {
    generator *g = &s->generator;
    double loss = 0;
    td_exec_weights(g->training, g->weights);
    s->values = td_exec_forward(g->training, SEARCH_BATCH);
    td_parallel_each(SEARCH_BATCH, approach_start, s);
    for (size_t i = 0; i < SEARCH_BATCH; i++)
        loss += s->sizes[i] / SEARCH_BATCH;
    td_exec_backward(g->training, g->gradient);
    return loss;
}

td_status search_run(search *s, td_error *error) {
    const search_settings *o = s->settings;
    const size_t starting = o->steps / START_PART;
    char note[48];
    for (size_t step = 1; step <= o->steps; step++) {
        const double part = (double)(step - 1) / (double)o->steps;
        search_draw(s, step);
        td_exec_training(s->generator.training, s->run->common->seed, (uint32_t)step);
        const double loss = step <= starting ? search_start_loss(s) : search_loss(s);
        if (!isfinite(loss))
            return td_fail(error, TD_ERR_NUMERIC, "step %zu: the generator's loss is not finite",
                           step);
        generator_step(&s->generator, LEARNING_RATE * 0.5 * (1 + cos(pi * part)), step);
        if (step % CONTROL_EVERY == 0)
            control(s);
        if ((step > starting && step % JUDGE_EVERY == 0) || step == o->steps)
            judge_all(s);
        snprintf(note, sizeof note, "loss %.4f", loss);
        TD_TRY(tool_run_go_on(s->run, step, note, error));
    }
    return TD_OK;
}
