/* SPDX-License-Identifier: MIT */
/* Spectral signatures: Tran, Li and Madry, "Spectral signatures in backdoor attacks", NeurIPS 2018,
 * algorithm 1. For each class separately, the values of the last hidden layer are centred, and an
 * image's score is its squared projection on the top right singular vector, the direction of
 * largest variance, which separates poisoned images. The share 1.5·ε of the class with the highest
 * scores are suspects, where ε is the assumed share of poisoned images: by default the larger value
 * of the paper's experiments, 10 %. */
#include "base/size.h"
#include "defend/filter/filter.h"
#include "defend/filter/rank.h"
#include "defend/method.h"
#include "measure/mad.h"

static const double removed = 1.5; /* times ε */

typedef struct spectral_settings {
    double epsilon;
} spectral_settings;

static size_t dimensions(const void *own) {
    (void)own;
    return 1;
}

/* 1.5·ε of `count`, rounded down, tolerating rounding errors in 1.5·ε. */
static size_t count_suspects(const spectral_settings *s, size_t count) {
    return (size_t)(removed * s->epsilon * (double)count + 1e-9);
}

/* The fewest images that allow one suspect. */
static size_t least_images(const void *own, size_t taken) {
    const spectral_settings *s = own;
    size_t least = (size_t)(1 / (removed * s->epsilon));
    (void)taken;
    while (least < 2 || count_suspects(s, least) == 0)
        least++;
    return least;
}

static td_status judge(const void *own, const filter_group *group, filter_findings *out,
                       td_error *error) {
    td_arena arena = {0};
    double *scratch;
    TD_TRY(TD_ARENA_NEW(&arena, group->count, &scratch, "scores", error));
    for (size_t i = 0; i < group->count; i++)
        out->scores[i] = group->positions[i] * group->positions[i];
    td_status status = rank_top(out->scores, group->count, count_suspects(own, group->count),
                                out->suspects, &out->figures[2], error);
    out->figures[0] = group->variance > 0 ? group->variances[0] / group->variance : 0;
    out->figures[1] = td_median(out->scores, group->count, scratch);
    td_arena_free(&arena);
    return status;
}

static const filter spectral = {
    .dimensions = dimensions,
    .least_images = least_images,
    .judge = judge,
    .ranks = true,
    .figures = {{"variance_share", "share of variance", TOOL_REAL},
                {"median_score", "median score", TOOL_REAL},
                {"lowest_suspect", "lowest suspect", TOOL_REAL}},
};

static const td_key keys[] = {
    {"epsilon", TD_KEY_REAL, offsetof(spectral_settings, epsilon), .above = true, .most = 0.5,
     .standard = "0.1", .value = "E",
     .help = "The share of each class that is assumed to be poisoned"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "marks the 1.5·E of each class as suspects that stand out most along the direction of largest "
    "variance of the last hidden layer. It marks images of every class, poisoned or not."
    "\v"
    "Examples:\n"
    "  trapdoor-defend spectral --model model.safetensors --data mine \\\n"
    "    -o cleaned.safetensors\n"
    "  trapdoor-defend spectral --model model.safetensors --epsilon 0.05 \\\n"
    "    --data sets/poisoned.safetensors --manifest sets/manifest.json";

const tool_method defend_spectral = {
    .name = "spectral",
    .title = "Spectral signatures",
    .source = "Tran, Li and Madry, NeurIPS 2018",
    .doc = "training images that stand out within their class",
    .help = help,
    .family = &filters,
    .groups = groups,
    .size = sizeof(spectral_settings),
    .math = &spectral,
};
