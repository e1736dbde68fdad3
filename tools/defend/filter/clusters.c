/* SPDX-License-Identifier: MIT */
#include "defend/filter/clusters.h"

#include "base/parallel.h"
#include "base/random.h"
#include "base/size.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { ROUNDS = 300, START = 1 /* epoch of k-means' draws */ };

static double squared_distance(const double *a, const double *b, size_t dimension) {
    double sum = 0;
    for (size_t i = 0; i < dimension; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* One run of k-means. */
typedef struct two_means {
    const double *points;
    size_t count, dimension;
    double *means[2], *sums[2]; /* [dimension] */
    double *far;                /* [count]: squared distance to the first mean */
    uint8_t *member;            /* [count] */
    td_arena arena;
} two_means;

static td_status start(two_means *t, td_error *error) {
    for (int k = 0; k < 2; k++) {
        TD_TRY(TD_ARENA_NEW(&t->arena, t->dimension, &t->means[k], "clusters", error));
        TD_TRY(TD_ARENA_NEW(&t->arena, t->dimension, &t->sums[k], "clusters", error));
    }
    TD_TRY(TD_ARENA_NEW(&t->arena, t->count, &t->far, "clusters", error));
    return TD_ARENA_NEW(&t->arena, t->count, &t->member, "clusters", error);
}

/* k-means++: one mean is any point, the other a point drawn with probability proportional to its
 * squared distance from the first. False if all points are equal. */
static bool draw_means(two_means *t, td_random *random) {
    const size_t first = td_random_below(random, (uint32_t)t->count), bytes = t->dimension * 8;
    double total = 0;
    memcpy(t->means[0], t->points + first * t->dimension, bytes);
    for (size_t i = 0; i < t->count; i++) {
        t->far[i] = squared_distance(t->points + i * t->dimension, t->means[0], t->dimension);
        total += t->far[i];
    }
    double left = total * (double)td_random_unit(random);
    size_t second = t->count;
    for (size_t i = 0; i < t->count && left >= 0; i++)
        if (t->far[i] > 0) {
            second = i;
            left -= t->far[i];
        }
    if (second == t->count)
        return false;
    memcpy(t->means[1], t->points + second * t->dimension, bytes);
    return true;
}

/* Assigns each point to the nearer mean, the first of equals. Returns how many changed; *inertia:
 * the sum of squared distances. */
static size_t assign(two_means *t, double *inertia) {
    size_t changed = 0;
    *inertia = 0;
    for (size_t i = 0; i < t->count; i++) {
        const double *point = t->points + i * t->dimension;
        const double to[2] = {squared_distance(point, t->means[0], t->dimension),
                              squared_distance(point, t->means[1], t->dimension)};
        const uint8_t nearer = to[1] < to[0];
        changed += nearer != t->member[i];
        t->member[i] = nearer;
        *inertia += to[nearer];
    }
    return changed;
}

/* A cluster without points keeps its mean. */
static void move_means(two_means *t) {
    size_t sizes[2] = {0};
    for (int k = 0; k < 2; k++)
        memset(t->sums[k], 0, t->dimension * sizeof *t->sums[k]);
    for (size_t i = 0; i < t->count; i++) {
        double *sum = t->sums[t->member[i]];
        sizes[t->member[i]]++;
        for (size_t d = 0; d < t->dimension; d++)
            sum[d] += t->points[i * t->dimension + d];
    }
    for (int k = 0; k < 2; k++)
        for (size_t d = 0; d < t->dimension && sizes[k] > 0; d++)
            t->means[k][d] = t->sums[k][d] / (double)sizes[k];
}

/* Returns the final inertia of one start; INFINITY if all points are equal. */
static double run(two_means *t, td_random random) {
    double inertia = INFINITY;
    if (!draw_means(t, &random))
        return inertia;
    memset(t->member, 0, t->count);
    for (size_t round = 0; round < ROUNDS; round++) {
        if (assign(t, &inertia) == 0 && round > 0)
            break;
        move_means(t);
    }
    return inertia;
}

/* Numbers the clusters so that 1 is the smaller one. */
static size_t number_clusters(uint8_t *member, size_t count) {
    size_t ones = 0;
    for (size_t i = 0; i < count; i++)
        ones += member[i];
    const bool turn = ones > count - ones || (2 * ones == count && member[0] == 1);
    for (size_t i = 0; i < count && turn; i++)
        member[i] = !member[i];
    return turn ? count - ones : ones;
}

td_status clusters_split(const double *points, size_t count, size_t dimension, uint64_t seed,
                         uint32_t number, uint8_t *member, size_t *smaller, td_error *error) {
    two_means t = {.points = points, .count = count, .dimension = dimension};
    double best = INFINITY;
    memset(member, 0, count);
    td_status status = start(&t, error);
    for (uint32_t i = 0; i < CLUSTERS_STARTS && status == TD_OK; i++) {
        double inertia =
            run(&t, td_random_for(seed, TD_FOR_FILTER, START, number * CLUSTERS_STARTS + i));
        if (inertia < best) {
            best = inertia;
            memcpy(member, t.member, count);
        }
    }
    *smaller = number_clusters(member, count);
    td_arena_free(&t.arena);
    return status;
}

typedef struct silhouettes {
    const double *points;
    const uint8_t *member;
    size_t count, dimension, taken;
    size_t sizes[2]; /* of the clusters, of the points taken */
    double *scores;  /* [taken] */
} silhouettes;

/* The index of point `i` of those used, which are fewer than 2^15. */
static size_t place(const silhouettes *s, size_t i) {
    return i * s->count / s->taken;
}

static double score(const silhouettes *s, size_t number) {
    const size_t at = place(s, number), own = s->member[at];
    double sums[2] = {0};
    for (size_t i = 0; i < s->taken; i++) {
        const size_t other = place(s, i);
        sums[s->member[other]] += sqrt(squared_distance(
            s->points + at * s->dimension, s->points + other * s->dimension, s->dimension));
    }
    if (s->sizes[own] < 2)
        return 0;
    const double a = sums[own] / (double)(s->sizes[own] - 1);
    const double b = sums[1 - own] / (double)s->sizes[1 - own];
    return a == b ? 0 : (b - a) / fmax(a, b);
}

static void set_score(void *context, size_t i) {
    const silhouettes *s = context;
    s->scores[i] = score(s, i);
}

td_status clusters_silhouette(const double *points, const uint8_t *member, size_t count,
                              size_t dimension, double *out, td_error *error) {
    silhouettes s = {.points = points, .member = member, .count = count, .dimension = dimension};
    td_arena arena = {0};
    *out = 0;
    s.taken = td_size_min(count, CLUSTERS_MOST_PAIRED);
    for (size_t i = 0; i < s.taken; i++)
        s.sizes[member[place(&s, i)]]++;
    if (s.sizes[0] == 0 || s.sizes[1] == 0)
        return TD_OK;
    TD_TRY(TD_ARENA_NEW(&arena, s.taken, &s.scores, "silhouettes", error));
    td_parallel_each(s.taken, set_score, &s);
    for (size_t i = 0; i < s.taken; i++)
        *out += s.scores[i] / (double)s.taken;
    td_arena_free(&arena);
    return TD_OK;
}
