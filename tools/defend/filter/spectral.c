/* Spectral signatures: Tran, Li and Madry, "Spectral signatures in backdoor attacks", NeurIPS 2018,
 * algorithm 1. Of each class by itself: the values of the last hidden layer are centred, and an
 * image's score is its squared projection on the top right singular vector, the direction of most
 * variance, along which poisoned images stand apart. The 1.5·ε of the class with the highest scores
 * are suspects, ε being the share of it that is assumed to be poisoned: by default the larger one
 * of the paper's experiments, 10 %. */
#include "base/size.h"
#include "defend/method.h"
#include "defend/filter/filter.h"
#include "measure/mad.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double removed = 1.5; /* times ε */

typedef struct spectral_options {
    filter_options filter;
    double epsilon;
} spectral_options;

static double epsilon_of(const filter_job *job) {
    return ((const spectral_options *)job->settings)->epsilon;
}

static size_t directions(const filter_job *job) {
    (void)job;
    return 1;
}

/* How many of `count` are 1.5·ε of them, rounded down, but for rounding in 1.5·ε. */
static size_t count_suspects(const filter_job *job, size_t count) {
    return (size_t)(removed * epsilon_of(job) * (double)count + 1e-9);
}

/* So many that one of them can be a suspect. */
static size_t least_images(const filter_job *job) {
    size_t least = (size_t)(1 / (removed * epsilon_of(job)));
    while (least < 2 || count_suspects(job, least) == 0)
        least++;
    return least;
}

typedef struct entry {
    double score;
    uint32_t image;
} entry;

/* The highest score first, the lower index first of two alike. */
static int compare(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

static td_status judge(filter_job *job, filter_class *group, double *scores, td_error *error) {
    td_arena arena = {0};
    entry *entries;
    double *scratch;
    TD_TRY(TD_ARENA_NEW(&arena, group->count, &entries, "scores", error));
    td_status status = TD_ARENA_NEW(&arena, group->count, &scratch, "scores", error);
    if (status == TD_OK) {
        for (size_t i = 0; i < group->count; i++) {
            scores[i] = group->positions[i] * group->positions[i];
            entries[i] = (entry){scores[i], job->order[group->begin + i]};
        }
        qsort(entries, group->count, sizeof *entries, compare);
        group->suspects = count_suspects(job, group->count);
        for (size_t i = 0; i < group->suspects; i++)
            job->suspect[entries[i].image] = true;
        group->figures[0] = group->variance > 0 ? group->values[0] / group->variance : 0;
        group->figures[1] = td_median(scores, group->count, scratch);
        group->figures[2] = entries[group->suspects - 1].score;
    }
    td_arena_free(&arena);
    return status;
}

static const filter spectral = {
    .directions = directions,
    .least_images = least_images,
    .judge = judge,
    .ranks = true,
    .figures = {"variance_share", "median_score", "lowest_suspect"},
};

enum { KEY_EPSILON = FILTER_OPTION_BASE };

static const struct argp_option rows[] = {
    {"epsilon", KEY_EPSILON, "E", 0,
     "The share of each class that is assumed to be poisoned, above 0 and at most 0.5 (0.1)", 0},
    {0},
};

static const char doc[] =
    "Spectral signatures (Tran, Li and Madry, NeurIPS 2018): of each class, the 1.5·E of the "
    "images that stand out most along the direction in which the values of the last hidden layer "
    "vary most are suspects. It takes them from every class, poisoned or not, and does not tell "
    "which class is."
    "\v"
    "Examples:\n"
    "  trapdoor-defend spectral --model model.safetensors --data mine \\\n"
    "    -o cleaned.safetensors\n"
    "  trapdoor-defend spectral --model model.safetensors --epsilon 0.05 \\\n"
    "    --data sets/poisoned.safetensors --manifest sets/manifest.json";

static error_t parse(int key, char *text, struct argp_state *state) {
    spectral_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->filter;
        return 0;
    case KEY_EPSILON:
        o->epsilon = tool_real_above("--epsilon", text, 0, 0.5, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static spectral_options read_options(int argc, char **argv) {
    spectral_options o = {.filter = {.method = "spectral"}, .epsilon = 0.1};
    const struct argp argp = {rows, parse, filter_usage, doc, filter_children, NULL, NULL};
    filter_parse(&argp, argc, argv, &o, &o.filter);
    return o;
}

static json_t *settings_json(const spectral_options *o) {
    return json_pack("{sf}", "epsilon", o->epsilon);
}

static int spectral_main(int argc, char **argv) {
    const spectral_options o = read_options(argc, argv);
    return filter_main(&spectral, &o.filter, &o, settings_json(&o));
}

static json_t *spectral_asked(int argc, char **argv) {
    const spectral_options o = read_options(argc, argv);
    return filter_asked(&o.filter, settings_json(&o));
}

const tool_method defend_spectral = {
    .name = "spectral",
    .doc = "training images that stand out within their class",
    .legacy = &(const tool_legacy){.main = spectral_main, .family = "sieve", .asked = spectral_asked},
};
