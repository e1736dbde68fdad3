/* SPDX-License-Identifier: MIT */
#include "defend/inspect/cleanse_search.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include "defend/inspect/backward.h"
#include "nn/exec.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PLACES_A_CHUNK = 64, /* whose gradients are summed in a row */
    MOST_CHANNELS = 3,
    DRAW_START = 0, /* indices of TD_FOR_CLEANSE */
    DRAW_CONFIRMING = 1,
    DRAW_ORDERS = 2,
};

static const float PIXEL_RANGE = 255;
static const float INSIDE = 0.999999F; /* keeps the optimised variables finite */
static const double SMALLER = 0.97;    /* of the kept size: worth confirming */

/* --- the schedule --- */

static const double FIRST_COST = 1e-3, RAISE = 2, PROGRESS = 0.99;
static const size_t STALE_PATIENCES = 5;

cleanse_schedule cleanse_schedule_start(size_t patience) {
    return (cleanse_schedule){.patience = patience, .smallest = INFINITY};
}

static void change_cost(cleanse_schedule *s) {
    const bool begins = s->cost == 0;
    if (s->up == s->patience) {
        s->cost = begins ? FIRST_COST : s->cost * RAISE;
        s->raised |= !begins;
        s->up = 0;
    } else if (s->down == s->patience) {
        s->cost /= RAISE * sqrt(RAISE);
        s->lowered |= !begins;
        s->down = 0;
    }
}

bool cleanse_schedule_step(cleanse_schedule *s, bool success, double smallest) {
    s->up = success ? s->up + 1 : 0;
    s->down = success ? 0 : s->down + 1;
    change_cost(s);
    if (isinf(smallest))
        return false;
    s->stale = smallest >= PROGRESS * s->smallest ? s->stale + success : 0;
    s->smallest = fmin(s->smallest, smallest);
    return s->raised && s->lowered && s->stale >= STALE_PATIENCES * s->patience;
}

/* --- the search --- */

/* The last mask of a run of successes, with its pattern. */
typedef struct candidate {
    bool stands;
    double size;
    float *mask, *pattern;
} candidate;

struct cleanse_search {
    tool_run *run;
    const td_net *net;
    const td_images *images;
    cleanse_settings settings;
    td_exec *gradient, *forward;
    size_t places, values; /* of the mask, of the pattern */
    size_t target;
    uint32_t *others; /* images of other classes, in the order of the set */
    size_t other_count;
    uint32_t *confirming; /* the same in a random order */
    uint32_t *order;      /* a random order of `others` */
    size_t next;          /* place in it */
    uint32_t orders;      /* number of orders drawn so far */
    uint32_t *batch;
    int32_t *labels;       /* [batch]: the target */
    float *w, *slope;      /* [places + values]: the variables, and their gradient */
    float *state;          /* Adam's */
    float *mask, *pattern; /* of this step */
    size_t *hits, window;  /* [window]: of the last steps */
    candidate candidate;
};

/* --- the trigger on images --- */

typedef struct application {
    const td_images *images;
    const uint32_t *order;
    const float *mask, *pattern;
    float *out;
} application;

static void apply_one(void *context, size_t i) {
    const application *a = context;
    const size_t size = td_image_size(a->images), channels = a->images->channels;
    const uint8_t *from = td_image(a->images, a->order[i]);
    float *to = a->out + i * size;
    for (size_t k = 0; k < size; k++) {
        const float x = from[k];
        to[k] = x + a->mask[k / channels] * (a->pattern[k] - x);
    }
}

void cleanse_apply(const td_images *images, const uint32_t *order, size_t count, const float *mask,
                   const float *pattern, float *out) {
    application a = {images, order, mask, pattern, out};
    td_parallel_each(count, apply_one, &a);
}

double cleanse_mask_size(const float *mask, size_t places) {
    double size = 0;
    for (size_t i = 0; i < places; i++)
        size += (double)mask[i];
    return size;
}

/* --- the start --- */

static td_status allocate(cleanse_search *s, td_error *error) {
    static const char what[] = "a trigger";
    const size_t count = s->images->count, both = s->places + s->values;
    td_arena *arena = &s->run->arena;
    TD_TRY(TD_ARENA_NEW(arena, count, &s->others, what, error));
    TD_TRY(TD_ARENA_NEW(arena, count, &s->confirming, what, error));
    TD_TRY(TD_ARENA_NEW(arena, count, &s->order, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->settings.batch, &s->batch, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->settings.batch, &s->labels, what, error));
    TD_TRY(TD_ARENA_NEW(arena, both, &s->w, what, error));
    TD_TRY(TD_ARENA_NEW(arena, both, &s->slope, what, error));
    TD_TRY(TD_ARENA_NEW(arena, 2 * both, &s->state, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->places, &s->mask, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->values, &s->pattern, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->window, &s->hits, what, error));
    TD_TRY(TD_ARENA_NEW(arena, s->places, &s->candidate.mask, what, error));
    return TD_ARENA_NEW(arena, s->values, &s->candidate.pattern, what, error);
}

td_status cleanse_search_new(cleanse_search **out, tool_run *run, const td_net *net,
                             const float *weights, const td_images *clean,
                             const cleanse_settings *settings, td_error *error) {
    cleanse_search *s = *out = NULL;
    TD_TRY(TD_ARENA_NEW(&run->arena, 1, &s, "a search", error));
    *out = s;
    s->run = run;
    s->net = net;
    s->images = clean;
    s->settings = *settings;
    s->settings.batch = td_size_min(settings->batch, clean->count);
    s->window = td_chunks(CLEANSE_WINDOW, s->settings.batch);
    s->places = clean->height * clean->width;
    s->values = td_image_size(clean);
    TD_TRY(allocate(s, error));
    TD_TRY(td_exec_new(&s->gradient, net, s->settings.batch, TD_BACKWARD_IMAGE, error));
    TD_TRY(td_exec_new(&s->forward, net, s->settings.batch, TD_FORWARD, error));
    td_exec_weights(s->gradient, weights);
    td_exec_weights(s->forward, weights);
    return TD_OK;
}

void cleanse_search_free(cleanse_search *s) {
    if (!s)
        return;
    td_exec_free(s->gradient);
    td_exec_free(s->forward);
}

/* Computes mask and pattern from the variables. */
static void show_trigger(cleanse_search *s) {
    for (size_t i = 0; i < s->places; i++)
        s->mask[i] = (tanhf(s->w[i]) + 1) / 2;
    for (size_t i = 0; i < s->values; i++)
        s->pattern[i] = PIXEL_RANGE * (tanhf(s->w[s->places + i]) + 1) / 2;
}

static void draw_order(cleanse_search *s, uint32_t draw) {
    td_random random =
        td_random_for(s->run->common->seed, TD_FOR_CLEANSE, (uint32_t)s->target, draw);
    td_random_permutation(&random, s->order, (uint32_t)s->other_count);
}

static void list_others(cleanse_search *s) {
    s->other_count = 0;
    for (size_t i = 0; i < s->images->count; i++)
        if ((size_t)s->images->labels[i] != s->target)
            s->others[s->other_count++] = (uint32_t)i;
    draw_order(s, DRAW_CONFIRMING);
    for (size_t i = 0; i < s->other_count; i++)
        s->confirming[i] = s->others[s->order[i]];
    s->next = s->other_count;
    s->orders = 0;
}

/* Uniform random mask and pattern. */
static void start(cleanse_search *s, size_t target) {
    const size_t both = s->places + s->values;
    td_random random =
        td_random_for(s->run->common->seed, TD_FOR_CLEANSE, (uint32_t)target, DRAW_START);
    for (size_t i = 0; i < both; i++)
        s->w[i] = atanhf((2 * td_random_unit(&random) - 1) * INSIDE);
    memset(s->state, 0, 2 * both * sizeof *s->state);
    memset(s->hits, 0, s->window * sizeof *s->hits);
    s->candidate.stands = false;
    s->target = target;
    list_others(s);
    for (size_t i = 0; i < s->settings.batch; i++)
        s->labels[i] = (int32_t)target;
    show_trigger(s);
}

/* --- a step --- */

/* The next images, in an order that is redrawn when all have been used. */
static size_t draw_batch(cleanse_search *s) {
    const size_t count = td_size_min(s->settings.batch, s->other_count);
    for (size_t i = 0; i < count; i++) {
        if (s->next == s->other_count) {
            draw_order(s, DRAW_ORDERS + s->orders++);
            s->next = 0;
        }
        s->batch[i] = s->others[s->order[s->next++]];
    }
    return count;
}

typedef struct slopes {
    const cleanse_search *search;
    const float *gradient; /* of x', [count, values] */
    size_t count;
    float cost;
} slopes;

static void slope_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    const slopes *g = context;
    const cleanse_search *s = g->search;
    const size_t channels = s->images->channels, first = begin * channels;
    const size_t width = (end - begin) * channels;
    float by_mask[PLACES_A_CHUNK * MOST_CHANNELS] = {0}, sum[PLACES_A_CHUNK * MOST_CHANNELS] = {0};
    const float *pattern = s->pattern + first;
    (void)chunk, (void)thread;
    for (size_t i = 0; i < g->count; i++) {
        const float *slope = g->gradient + i * s->values + first;
        const uint8_t *x = td_image(s->images, s->batch[i]) + first;
        for (size_t k = 0; k < width; k++) {
            by_mask[k] += slope[k] * (pattern[k] - (float)x[k]);
            sum[k] += slope[k];
        }
    }
    for (size_t i = begin; i < end; i++) {
        const float m = s->mask[i];
        float total = g->cost;
        for (size_t c = 0; c < channels; c++) {
            const size_t k = i * channels + c;
            const float p = s->pattern[k] / PIXEL_RANGE;
            total += by_mask[k - first];
            s->slope[s->places + k] = PIXEL_RANGE * 2 * p * (1 - p) * m * sum[k - first];
        }
        s->slope[i] = 2 * m * (1 - m) * total; /* d(tanh w + 1)/2 = 2m(1 − m) dw */
    }
}

/* Adam's step down the loss of the last forward pass. */
static void descend(cleanse_search *s, size_t count, size_t number, cleanse_found *found) {
    const td_step step = {.lr = 0.1, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-8, .number = number};
    const size_t both = s->places + s->values;
    slopes g = {s, inspect_backward(s->gradient, count * s->values, &found->has_gradient), count,
                (float)found->cost};
    td_parallel_for(s->places, PLACES_A_CHUNK, slope_chunk, &g);
    td_adam(&step, s->w, s->slope, s->state, s->state + both, both);
    show_trigger(s);
}

/* --- the attack rate --- */

/* How many of up to `most` other images go to the target; stops after more than `misses` failures.
 */
static td_rate attack(cleanse_search *s, const float *mask, const float *pattern, size_t most,
                      size_t misses) {
    const size_t classes = td_net_classes(s->net);
    size_t hits = 0, done = 0;
    while (done < most && done - hits <= misses) {
        const size_t count = td_size_min(s->settings.batch, most - done);
        cleanse_apply(s->images, s->confirming + done, count, mask, pattern,
                      td_exec_input(s->forward));
        const float *logits = td_exec_forward(s->forward, count);
        for (size_t i = 0; i < count; i++)
            hits += (size_t)td_argmax(logits + i * classes, classes) == s->target;
        done += count;
    }
    return td_rate_of(hits, done);
}

static bool meets(const cleanse_search *s, size_t hits, size_t trials) {
    return (double)hits >= s->settings.attack_rate * (double)trials;
}

/* Whether the last steps together met the rate, including this one with `hits` of `count`. */
static bool succeeds(cleanse_search *s, size_t step, size_t hits, size_t count) {
    size_t sum = 0;
    s->hits[step % s->window] = hits;
    for (size_t i = 0; i < s->window; i++)
        sum += s->hits[i];
    return step >= s->window && meets(s, sum, s->window * count);
}

static bool confirm(cleanse_search *s, const float *mask, const float *pattern) {
    const size_t most = td_size_min(s->other_count, CLEANSE_CONFIRM);
    const size_t misses = (size_t)((1 - s->settings.attack_rate) * (double)most + 1e-9);
    td_rate rate = attack(s, mask, pattern, most, misses);
    return rate.trials == most && meets(s, rate.hits, most);
}

static void copy_trigger(const cleanse_search *s, const float *mask, const float *pattern,
                         float *to_mask, float *to_pattern) {
    memcpy(to_mask, mask, s->places * sizeof *mask);
    memcpy(to_pattern, pattern, s->values * sizeof *pattern);
}

static void nominate(cleanse_search *s) {
    candidate *c = &s->candidate;
    copy_trigger(s, s->mask, s->pattern, c->mask, c->pattern);
    c->size = cleanse_mask_size(c->mask, s->places);
    c->stands = true;
}

/* Keeps or drops the candidate. */
static void settle(cleanse_search *s, cleanse_found *found) {
    candidate *c = &s->candidate;
    const bool stands = c->stands;
    c->stands = false;
    if (!stands || (found->found && c->size > SMALLER * found->size) ||
        !confirm(s, c->mask, c->pattern))
        return;
    found->found = true;
    found->size = c->size;
    copy_trigger(s, c->mask, c->pattern, found->mask, found->pattern);
}

static td_status search(cleanse_search *s, size_t before, cleanse_found *found, td_error *error) {
    const size_t classes = td_net_classes(s->net);
    char note[48];
    cleanse_schedule schedule = cleanse_schedule_start(s->settings.patience);
    bool over = false;
    snprintf(note, sizeof note, "class %zu", s->target);
    while (!over && found->steps < s->settings.steps) {
        const size_t count = draw_batch(s);
        cleanse_apply(s->images, s->batch, count, s->mask, s->pattern, td_exec_input(s->gradient));
        const float *logits = td_exec_forward(s->gradient, count);
        td_loss loss = td_cross_entropy(logits, s->labels, count, classes,
                                        td_exec_logits_gradient(s->gradient));
        found->steps++;
        found->cost = schedule.cost;
        if (!isfinite(loss.sum))
            return td_fail(error, TD_ERR_NUMERIC,
                           "class %zu, step %zu: expected a finite loss, found %g", s->target,
                           found->steps, loss.sum);
        const bool success = succeeds(s, found->steps, loss.correct, count);
        if (success)
            nominate(s);
        over = cleanse_schedule_step(&schedule, success, found->found ? found->size : INFINITY);
        if (schedule.up == 0) /* the run of successes is over, or long enough to change the cost */
            settle(s, found);
        descend(s, count, found->steps, found);
        TD_TRY(tool_run_go_on(s->run, before + found->steps, note, error));
    }
    return TD_OK;
}

td_status cleanse_search_class(cleanse_search *s, size_t target, size_t before,
                               cleanse_found *found, td_error *error) {
    *found = (cleanse_found){.mask = found->mask, .pattern = found->pattern};
    start(s, target);
    if (s->other_count < CLEANSE_LEAST)
        return td_fail(error, TD_ERR_USAGE,
                       "expected at least %d clean images of other classes than %zu, found %zu",
                       CLEANSE_LEAST, target, s->other_count);
    TD_TRY(search(s, before, found, error));
    settle(s, found);
    if (!found->found)
        copy_trigger(s, s->mask, s->pattern, found->mask, found->pattern);
    found->asr = attack(s, found->mask, found->pattern, s->other_count, s->other_count);
    return TD_OK;
}
