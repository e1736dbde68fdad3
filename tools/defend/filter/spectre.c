/* SPDX-License-Identifier: MIT */
/* SPECTRE: Hayase, Kong, Somani and Oh, "SPECTRE: defending against backdoor attacks using robust
 * statistics", ICML 2021. For each class separately, the values of the last hidden layer along
 * their first k principal directions are whitened by a mean and a covariance that leave out the
 * farthest 2·ε, and scored by quantum entropy (quantum.h): an image stands out along directions in
 * which the whitened images vary more than the kept ones. Of eight k up to 64, the one with the
 * largest tr(SM) / tr M is used. Directions with less than 1 % of the first one's variance are not
 * used: if only a few images excite a unit, nearly all its variance is trimmed, and the class would
 * stand out by them.
 *
 * A class is flagged if its value is an outlier among the classes, and only its 1.5·ε with the
 * highest scores are suspects. The authors assume that the class is known; here none is flagged if
 * all values are similar, as for a clean set. */
#include "base/size.h"
#include "defend/filter/filter.h"
#include "defend/filter/quantum.h"
#include "defend/filter/rank.h"
#include "defend/method.h"
#include <math.h>
#include <string.h>

static const size_t sizes[] = {1, 2, 4, 8, 16, 32, 48, 64};

enum { SIZES = sizeof sizes / sizeof *sizes, MOST = 64, LEAST_IMAGES = 8 };
enum { VALUE, INDEX, DIMENSIONS, LOWEST }; /* figures */

static const double removed = 1.5, trimmed = 2, most_trimmed = 0.5, least_variance = 0.01;

typedef struct spectre_settings {
    double epsilon, index;
    bool exit_code;
} spectre_settings;

static size_t dimensions(const void *own) {
    (void)own;
    return MOST;
}

/* 1.5·ε of `count`, rounded down, tolerating rounding errors in 1.5·ε. */
static size_t count_suspects(const spectre_settings *s, size_t count) {
    return (size_t)(removed * s->epsilon * (double)count + 1e-9);
}

static size_t least_images(const void *own, size_t taken) {
    const spectre_settings *s = own;
    size_t least = (size_t)(1 / (removed * s->epsilon));
    (void)taken;
    while (least < LEAST_IMAGES || count_suspects(s, least) == 0)
        least++;
    return least;
}

static double least_index(const void *own) {
    return ((const spectre_settings *)own)->index;
}

/* The result for one k. */
typedef struct attempt {
    double *mean, *covariance, *white, *m; /* of up to MOST dimensions */
    double *scores;                        /* [count] */
    double value;
} attempt;

static td_status reserve(attempt *a, size_t count, td_arena *arena, td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, MOST, &a->mean, "a mean", error));
    TD_TRY(TD_ARENA_NEW(arena, MOST * MOST, &a->covariance, "a covariance", error));
    TD_TRY(TD_ARENA_NEW(arena, MOST * MOST, &a->m, "weights", error));
    TD_TRY(TD_ARENA_NEW(arena, count * MOST, &a->white, "projections", error));
    return TD_ARENA_NEW(arena, count, &a->scores, "scores", error);
}

/* The second moments of points [count, n]. */
static void moments_of(const double *points, size_t count, size_t n, double *out) {
    memset(out, 0, n * n * sizeof *out);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++)
                out[k * n + j] += points[i * n + k] * points[i * n + j] / (double)count;
}

static td_status attempt_with(const spectre_settings *s, const filter_group *g, size_t k,
                              attempt *a, td_error *error) {
    const size_t out = (size_t)(fmin(trimmed * s->epsilon, most_trimmed) * (double)g->count);
    TD_TRY(quantum_robust(g->positions, g->count, g->dimensions, k, out, a->mean, a->covariance,
                          error));
    TD_TRY(quantum_whiten(g->positions, g->count, g->dimensions, k, a->mean, a->covariance,
                          a->white, error));
    moments_of(a->white, g->count, k, a->covariance);
    TD_TRY(quantum_weights(a->covariance, k, a->m, &a->value, error));
    quantum_scores(a->white, g->count, k, a->m, a->scores);
    return TD_OK;
}

/* Number of directions along which the images vary. */
static size_t count_used(const filter_group *g) {
    size_t used = 0;
    while (used < g->dimensions && g->variances[used] > 0 &&
           g->variances[used] > least_variance * g->variances[0])
        used++;
    return used;
}

static td_status try_all(const spectre_settings *s, const filter_group *g, td_arena *arena,
                         filter_findings *out, td_error *error) {
    const size_t used = count_used(g);
    attempt a;
    TD_TRY(reserve(&a, g->count, arena, error));
    for (size_t i = 0; i < SIZES; i++) {
        if (sizes[i] > used || 2 * sizes[i] > g->count)
            continue;
        TD_TRY(attempt_with(s, g, sizes[i], &a, error));
        if (out->figures[DIMENSIONS] > 0 && a.value <= out->figures[VALUE])
            continue;
        out->figures[VALUE] = a.value;
        out->figures[DIMENSIONS] = (double)sizes[i];
        memcpy(out->scores, a.scores, g->count * sizeof *out->scores);
    }
    return TD_OK;
}

static td_status judge(const void *own, const filter_group *group, filter_findings *out,
                       td_error *error) {
    td_arena arena = {0};
    td_status status = try_all(own, group, &arena, out, error);
    if (status == TD_OK)
        status = rank_top(out->scores, group->count, count_suspects(own, group->count),
                          out->suspects, &out->figures[LOWEST], error);
    td_arena_free(&arena);
    return status;
}

static const filter spectre = {
    .dimensions = dimensions,
    .least_images = least_images,
    .judge = judge,
    .least_index = least_index,
    .scores = true,
    .figures = {{"value", "value", TOOL_REAL},
                {"index", "index", TOOL_REAL, .digits = 2},
                {"dimensions", "dimensions", TOOL_REAL},
                {"lowest_suspect", "lowest suspect", TOOL_REAL}},
};

#define AT(field) offsetof(spectre_settings, field)

static const td_key keys[] = {
    {"epsilon", TD_KEY_REAL, AT(epsilon), .above = true, .most = 0.33, .standard = "0.1",
     .value = "E", .help = "The share of the poisoned class that is assumed to be poisoned"},
    {"index", TD_KEY_REAL, AT(index), .most = INFINITY, .standard = "2", .value = "I",
     .help = "Flag a class only if its value is an outlier with at least this index: so many "
             "deviations, by the median absolute one, above the median of the classes"},
    FILTER_EXIT_CODE(spectre_settings),
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "whitens the values of the last hidden layer of each class's images by a robust covariance, "
    "and scores the images by quantum entropy. A class that stands out beyond the others is "
    "flagged, and the 1.5·E of it with the highest scores are suspects."
    "\v"
    "Examples:\n"
    "  trapdoor-defend spectre --model model.safetensors --data mine \\\n"
    "    -o cleaned.safetensors --exit-code\n"
    "  trapdoor-defend spectre --model model.safetensors --epsilon 0.05 \\\n"
    "    --data sets/poisoned.safetensors --manifest sets/manifest.json";

const tool_method defend_spectre = {
    .name = "spectre",
    .title = "SPECTRE",
    .source = "Hayase et al., ICML 2021",
    .doc = "images that stand out by a robust covariance",
    .help = help,
    .family = &filters,
    .groups = groups,
    .size = sizeof(spectre_settings),
    .math = &spectre,
};
