/* SPDX-License-Identifier: MIT */
#include "defend/filter/gradients.h"

#include "base/arena.h"
#include "base/parallel.h"
#include "base/size.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { BINS = 100, WINDOW = 10, ROUNDS = 500 };

static const double deviations = 5, nearer_to_clean = 0.5;

double gradients_cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

double gradients_spread(const float *g, const float *c, size_t count, size_t n, size_t *seed) {
    double least = INFINITY, sum = 0;
    *seed = 0;
    for (size_t i = 0; i < count; i++) {
        const double cosine = gradients_cosine(g + i * n, c, n);
        if (cosine < least) {
            least = cosine;
            *seed = i;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const double off =
            gradients_cosine(g + i * n, c, n) - gradients_cosine(g + i * n, g + *seed * n, n);
        sum += i == *seed ? 0 : off * off;
    }
    return count > 1 ? sqrt(sum / (double)(count - 1)) : 0;
}

double gradients_divergence(const size_t *a, const size_t *b, size_t bins) {
    double totals[2] = {0}, sum = 0;
    for (size_t i = 0; i < bins; i++) {
        totals[0] += (double)a[i];
        totals[1] += (double)b[i];
    }
    if (totals[0] == 0 || totals[1] == 0)
        return 0;
    for (size_t i = 0; i < bins; i++) {
        const double p = (double)a[i] / totals[0], q = (double)b[i] / totals[1], m = (p + q) / 2;
        sum += (p > 0 ? p * log2(p / m) : 0) + (q > 0 ? q * log2(q / m) : 0);
    }
    return sum / 2;
}

/* --- growing --- */

typedef struct growing {
    const float *g, *c;
    size_t count, n;
    double tau;
    double *to_clean, *r; /* [count]: 1 - cos(g, c); the share */
    float *p;             /* [n]: the sum of the suspects */
    size_t *round; /* [count]: the round in which an image became a suspect; SIZE_MAX: not yet */
    size_t histograms[2][BINS];
    double divergences[ROUNDS]; /* of round i from i - 1 */
} growing;

static void take_share(void *context, size_t i) {
    const growing *w = context;
    const double to_poison = 1 - gradients_cosine(w->g + i * w->n, w->p, w->n);
    const double both = to_poison + w->to_clean[i];
    w->r[i] = both > 0 ? to_poison / both : 0;
}

static void add(growing *w, size_t image, size_t round) {
    w->round[image] = round;
    for (size_t k = 0; k < w->n; k++)
        w->p[k] += w->g[image * w->n + k];
}

/* One round; false once all remaining images are nearer to the clean direction. */
static bool grow(growing *w, size_t round) {
    double low = INFINITY, high = -INFINITY;
    size_t *now = w->histograms[round % 2];
    td_parallel_each(w->count, take_share, w);
    for (size_t i = 0; i < w->count; i++)
        if (w->round[i] == SIZE_MAX) {
            low = fmin(low, w->r[i]);
            high = fmax(high, w->r[i]);
        }
    if (low > high || low >= nearer_to_clean)
        return false;
    memset(now, 0, sizeof w->histograms[0]);
    for (size_t i = 0; i < w->count; i++)
        now[td_size_min((size_t)(w->r[i] * BINS), BINS - 1)]++;
    w->divergences[round] =
        round > 0 ? gradients_divergence(now, w->histograms[(round + 1) % 2], BINS) : 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->round[i] == SIZE_MAX && w->r[i] - low <= w->tau * (high - low) &&
            w->r[i] < nearer_to_clean)
            add(w, i, round);
    return true;
}

/* The round, out of `rounds`, after which growth stops. */
static size_t choose_round(const growing *w, size_t rounds) {
    const size_t window = td_size_min(WINDOW, rounds);
    double best = INFINITY;
    size_t chosen = 0;
    for (size_t first = 0; first + window <= rounds; first++) {
        double mean = 0, squares = 0;
        for (size_t i = first; i < first + window; i++)
            mean += w->divergences[i] / (double)window;
        for (size_t i = first; i < first + window; i++)
            squares += (w->divergences[i] - mean) * (w->divergences[i] - mean) / (double)window;
        const double value = mean + deviations * sqrt(squares);
        if (value <= best) { /* the last of equals: more have grown */
            best = value;
            chosen = first;
        }
    }
    return chosen;
}

static td_status reserve(growing *w, td_arena *arena, td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, w->count, &w->to_clean, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, w->count, &w->r, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, w->count, &w->round, "gradients", error));
    return TD_ARENA_NEW(arena, w->n, &w->p, "gradients", error);
}

td_status gradients_grow(const float *g, const float *c, size_t count, size_t n, size_t seed,
                         double tau, bool *marked, td_error *error) {
    growing w = {.g = g, .c = c, .count = count, .n = n, .tau = tau};
    td_arena arena = {0};
    size_t rounds = 0;
    td_status status = reserve(&w, &arena, error);
    if (status == TD_OK) {
        for (size_t i = 0; i < count; i++) {
            w.to_clean[i] = 1 - gradients_cosine(g + i * n, c, n);
            w.round[i] = SIZE_MAX;
        }
        add(&w, seed, 0);
        while (rounds < ROUNDS && grow(&w, rounds))
            rounds++;
        const size_t last = choose_round(&w, rounds);
        for (size_t i = 0; i < count; i++)
            marked[i] = w.round[i] <= last;
    }
    td_arena_free(&arena);
    return status;
}
