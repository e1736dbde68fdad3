/* SPDX-License-Identifier: MIT */
/* Beatrix: Ma, Wang, Sun, Zhu, Wang and Zhang, "The Beatrix resurrections: robust backdoor
 * detection via Gram matrices", NDSS 2023. An image is described by the Gram matrices of orders 1
 * to 8 of its feature map (gram.h). Clean images of the class (the model's prediction) give bounds;
 * an image's score is how far it exceeds them, averaged over entries and orders. Held-out clean
 * images, in five folds, give the class's threshold, which the share --fpr of them exceeds. Then
 * each class's images above it are compared with its others by their maximum mean discrepancy, over
 * at most 500 of each, times mn / (m + n) with their full numbers: a class whose discrepancy is an
 * outlier among the classes is flagged, and its images above the threshold are suspects.
 *
 * If half of the clean images have the same value of an entry, such as 0, its bounds are this
 * value: the denominator of deviations is therefore at least 1 % of the class's mean entry of that
 * order; the authors divide by |bound| + 1e-6. */
#include "base/parallel.h"
#include "base/size.h"
#include "defend/filter/filter_values.h"
#include "defend/filter/gram.h"
#include "defend/method.h"
#include "nn/channels.h"
#include <math.h>
#include <string.h>

enum { STATISTIC, INDEX, THRESHOLD, SHARE }; /* figures */
enum {
    FOLDS = 5,
    LEAST_CLEAN = 10,
    MOST_CLEAN = 100, /* of a class */
    MOST_COMPARED = 500,
    MOST_CHANNELS = 512,
    CLEAN_BYTES = 512 << 20, /* of the entries of a class's clean images, at one order */
};

static const double least_scale = 0.01;

typedef struct beatrix_settings {
    filter_reference reference;
    double fpr, index;
    bool exit_code;
} beatrix_settings;

typedef struct beatrix {
    filter_job *job;
    filter_values values;
    size_t channels, positions, entries;
    size_t most_clean;
    float *maps;                             /* [most_clean, values] */
    double *grams;                           /* [most_clean, entries] */
    gram_bounds bounds[GRAM_ORDERS], *folds; /* folds: [FOLDS], of one order */
    double *scratch;                         /* of each thread */
    size_t scratch_each;
    double *clean_scores; /* [most_clean] */
    double *thresholds;   /* [classes] */
    float *means;         /* [images, channels] */
    float *block;         /* [FILTER_BATCH, values] */
} beatrix;

static size_t least_images(const void *own, size_t taken) {
    (void)own, (void)taken;
    return 1;
}

static size_t least_clean(const void *own) {
    (void)own;
    return LEAST_CLEAN;
}

static double least_index(const void *own) {
    return ((const beatrix_settings *)own)->index;
}

/* --- allocation --- */

static const char *choose_layer(const filter_job *job, td_error *error) {
    size_t node;
    if (job->settings->layer)
        return job->settings->layer;
    if (td_channels_find(&job->model.net, NULL, &node, error) != TD_OK)
        return NULL;
    return job->model.net.nodes[node].name;
}

static td_status set_shape(beatrix *b, td_error *error) {
    const td_net *net = &b->job->model.net;
    for (size_t i = 0; i < net->node_count; i++)
        if (strcmp(net->nodes[i].name, b->values.layer) == 0)
            b->channels = net->nodes[i].shape.channels;
    b->positions = b->values.count / b->channels;
    b->entries = gram_count(b->channels);
    if (b->channels <= MOST_CHANNELS)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: %s: expected a layer of at most %d channels, whose products are taken, "
                   "found %zu; --layer says which to take",
                   b->job->settings->model.path, b->values.layer, MOST_CHANNELS, b->channels);
}

static td_status new_bounds(gram_bounds *bounds, size_t entries, td_arena *arena, td_error *error) {
    TD_TRY(TD_ARENA_NEW(arena, entries, &bounds->low, "bounds", error));
    return TD_ARENA_NEW(arena, entries, &bounds->high, "bounds", error);
}

static td_status reserve(beatrix *b, td_error *error) {
    td_arena *arena = &b->job->run->arena;
    const size_t row = b->values.count * sizeof(float);
    const size_t entry_row = b->entries * sizeof(double);
    b->most_clean = td_size_max(LEAST_CLEAN, td_size_min(MOST_CLEAN, CLEAN_BYTES / entry_row));
    b->scratch_each = b->channels * (b->positions + b->channels) + b->entries + 2 * b->most_clean;
    TD_TRY(td_arena_alloc(arena, b->most_clean, row, (void **)&b->maps, "values", error));
    TD_TRY(td_arena_alloc(arena, b->most_clean, entry_row, (void **)&b->grams, "Gram matrices",
                          error));
    TD_TRY(td_arena_alloc(arena, td_threads(), b->scratch_each * sizeof *b->scratch,
                          (void **)&b->scratch, "Gram matrices", error));
    TD_TRY(TD_ARENA_NEW(arena, FOLDS, &b->folds, "bounds", error));
    for (size_t i = 0; i < GRAM_ORDERS; i++)
        TD_TRY(new_bounds(&b->bounds[i], b->entries, arena, error));
    for (size_t i = 0; i < FOLDS; i++)
        TD_TRY(new_bounds(&b->folds[i], b->entries, arena, error));
    TD_TRY(TD_ARENA_NEW(arena, b->most_clean, &b->clean_scores, "scores", error));
    TD_TRY(TD_ARENA_NEW(arena, b->job->data.images.classes, &b->thresholds, "thresholds", error));
    TD_TRY(td_arena_alloc(arena, b->job->data.images.count, b->channels * sizeof *b->means,
                          (void **)&b->means, "values", error));
    return td_arena_alloc(arena, FILTER_BATCH, row, (void **)&b->block, "values", error);
}

static double *scratch_of(const beatrix *b) {
    return b->scratch + td_thread() * b->scratch_each;
}

/* --- the clean images of a class --- */

typedef struct work {
    const beatrix *b;
    size_t count;   /* clean images */
    unsigned order; /* 1 ... GRAM_ORDERS */
    double *scores; /* [count] */
} work;

static void take_gram(void *context, size_t i) {
    const work *w = context;
    const beatrix *b = w->b;
    gram_of(b->maps + i * b->values.count, b->channels, b->positions, w->order, scratch_of(b),
            b->grams + i * b->entries);
}

static void take_bounds(void *context, size_t entry) {
    const work *w = context;
    const beatrix *b = w->b;
    const gram_bounds *all = &b->bounds[w->order - 1];
    const double *column = b->grams + entry;
    gram_bound(column, w->count, b->entries, FOLDS, FOLDS, &all->low[entry], &all->high[entry],
               scratch_of(b));
    for (size_t f = 0; f < FOLDS; f++)
        gram_bound(column, w->count, b->entries, f, FOLDS, &b->folds[f].low[entry],
                   &b->folds[f].high[entry], scratch_of(b));
}

static void add_deviation(void *context, size_t i) {
    const work *w = context;
    const beatrix *b = w->b;
    w->scores[i] += gram_deviation(b->grams + i * b->entries, b->entries, &b->folds[i % FOLDS]) /
                    (double)(b->entries * GRAM_ORDERS);
}

/* 1 % of the mean entry, computed from the centres of the bounds; 1 if all are 0. */
static void set_floors(beatrix *b, unsigned order) {
    gram_bounds *bounds = &b->bounds[order - 1];
    double sum = 0;
    for (size_t i = 0; i < b->entries; i++)
        sum += fabs(bounds->low[i] + bounds->high[i]) / 2;
    bounds->floor = sum > 0 ? least_scale * sum / (double)b->entries : 1;
    for (size_t f = 0; f < FOLDS; f++)
        b->folds[f].floor = bounds->floor;
}

/* Sets the bounds of all orders, and the threshold from the clean images' scores under the bounds
 * of the other folds. */
static td_status learn(beatrix *b, const filter_class *of, td_error *error) {
    work w = {.b = b, .count = td_size_min(of->clean_count, b->most_clean)};
    w.scores = b->clean_scores;
    TD_TRY(filter_values_take(&b->values, &b->job->clean, b->job->clean_order, of->clean_begin,
                              w.count, b->maps, error));
    memset(w.scores, 0, w.count * sizeof *w.scores);
    for (w.order = 1; w.order <= GRAM_ORDERS; w.order++) {
        td_parallel_each(w.count, take_gram, &w);
        td_parallel_each(b->entries, take_bounds, &w);
        set_floors(b, w.order);
        td_parallel_each(w.count, add_deviation, &w);
    }
    b->thresholds[of->number] =
        td_threshold_above(w.scores, w.count, ((const beatrix_settings *)b->job->run->own)->fpr);
    return TD_OK;
}

/* --- the images of the set --- */

typedef struct scoring {
    const beatrix *b;
    size_t first; /* place in the order */
} scoring;

static void score_image(void *context, size_t i) {
    const scoring *s = context;
    const beatrix *b = s->b;
    const uint32_t image = b->job->order[s->first + i];
    const float *map = b->block + i * b->values.count;
    double *scratch = scratch_of(b);
    double *entries = scratch + b->channels * (b->positions + b->channels), sum = 0;
    for (unsigned order = 1; order <= GRAM_ORDERS; order++) {
        gram_of(map, b->channels, b->positions, order, scratch, entries);
        sum += gram_deviation(entries, b->entries, &b->bounds[order - 1]);
    }
    b->job->scores[image] = sum / (double)(b->entries * GRAM_ORDERS);
    for (size_t c = 0; c < b->channels; c++) {
        double mean = 0;
        for (size_t p = 0; p < b->positions; p++)
            mean += (double)map[c * b->positions + p] / (double)b->positions;
        b->means[image * b->channels + c] = (float)mean;
    }
}

static td_status score_class(beatrix *b, const filter_class *of, td_error *error) {
    for (size_t done = 0; done < of->count; done += FILTER_BATCH) {
        const size_t count = td_size_min(FILTER_BATCH, of->count - done);
        scoring s = {b, of->begin + done};
        TD_TRY(filter_values_take(&b->values, &b->job->data, b->job->order, s.first, count,
                                  b->block, error));
        td_parallel_each(count, score_image, &s);
        TD_TRY(tool_run_go_on(b->job->run, of->begin + done + count, NULL, error));
    }
    return TD_OK;
}

/* --- classes --- */

/* The channel means of up to MOST_COMPARED evenly spaced suspects of the class, or of its others.
 */
static size_t sample(const beatrix *b, const filter_class *of, bool suspects, size_t total,
                     float *out) {
    const filter_job *job = b->job;
    const size_t taken = td_size_min(total, MOST_COMPARED);
    size_t seen = 0, next = 0;
    for (size_t i = of->begin; i < of->begin + of->count && next < taken; i++) {
        const uint32_t image = job->order[i];
        if (job->suspect[image] != suspects)
            continue;
        if (seen++ == next * total / taken)
            memcpy(out + next++ * b->channels, b->means + image * b->channels,
                   b->channels * sizeof *out);
    }
    return next;
}

static void compare(beatrix *b, filter_class *of, float *points) {
    filter_job *job = b->job;
    const double threshold = b->thresholds[of->number];
    size_t above = 0;
    for (size_t i = of->begin; i < of->begin + of->count; i++) {
        const uint32_t image = job->order[i];
        job->suspect[image] = job->scores[image] > threshold;
        above += job->suspect[image];
    }
    float *others = points + MOST_COMPARED * b->channels;
    const size_t m = sample(b, of, true, above, points);
    const size_t n = sample(b, of, false, of->count - above, others);
    of->figures[STATISTIC] = gram_discrepancy(points, m, others, n, b->channels) * (double)above *
                             (double)(of->count - above) / (double)of->count;
    of->figures[THRESHOLD] = threshold;
    of->figures[SHARE] = (double)above / (double)of->count;
}

static td_status judge_all(beatrix *b, td_error *error) {
    filter_job *job = b->job;
    float *points;
    TD_TRY(set_shape(b, error));
    TD_TRY(reserve(b, error));
    TD_TRY(td_arena_alloc(&job->run->arena, 2 * MOST_COMPARED, b->channels * sizeof *points,
                          (void **)&points, "values", error));
    tool_run_begin(job->run, job->run->method->name, "images", job->data.images.count);
    for (size_t c = 0; c < job->data.images.classes; c++) {
        const filter_class *of = &job->classes[c];
        if (of->count == 0 || of->left_out)
            continue;
        TD_TRY(learn(b, of, error));
        TD_TRY(score_class(b, of, error));
    }
    tool_run_end(job->run);
    for (size_t c = 0; c < job->data.images.classes; c++)
        if (job->classes[c].count > 0 && !job->classes[c].left_out)
            compare(b, &job->classes[c], points);
    job->layer = b->values.layer;
    job->features = b->values.count;
    return TD_OK;
}

static td_status find(filter_job *job, td_error *error) {
    beatrix b = {.job = job};
    const char *layer = choose_layer(job, error);
    if (!layer)
        return td_fail_within(error, TD_ERR_USAGE, "%s", job->settings->model.path);
    td_status status = filter_values_open(&b.values, job, layer, false, error);
    if (status == TD_OK)
        status = judge_all(&b, error);
    filter_values_close(&b.values);
    return status;
}

static const filter beatrix_filter = {
    .least_images = least_images,
    .find = find,
    .least_index = least_index,
    .least_clean = least_clean,
    .reduction = "gram",
    .by_model = true,
    .scores = true,
    .figures = {{"discrepancy", "discrepancy", TOOL_REAL},
                {"index", "index", TOOL_REAL, .digits = 2},
                {"threshold", "threshold", TOOL_REAL},
                {"share_above", "share above", TOOL_REAL, .digits = 4}},
};

#define AT(field) offsetof(beatrix_settings, field)

static const td_key keys[] = {
    FILTER_CLEAN,
    {"fpr", TD_KEY_REAL, AT(fpr), .above = true, .below = true, .most = 1, .standard = "0.05",
     .value = "R", .help = "The share of clean images that may be above the threshold"},
    {"index", TD_KEY_REAL, AT(index), .most = INFINITY, .standard = "7.38905609893065",
     .value = "I",
     .help = "Flag a class whose discrepancy is an outlier among the classes with at least this "
             "index (e²)"},
    FILTER_EXIT_CODE(beatrix_settings),
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "compares the products of an image's feature maps, up to their eighth powers, with those of "
    "clean images of its class. Images above the clean ones' threshold are suspects, in classes "
    "whose images above and below it differ in kind."
    "\v"
    "The default layer is the activation of the last convolution. The class of an image, also of "
    "a clean one, is the model's answer, not its label. It needs ten clean images of a class and "
    "uses up to 100.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend beatrix --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-2000 --data sets/poisoned.safetensors \\\n"
    "    --manifest sets/manifest.json -o cleaned.safetensors";

const tool_method defend_beatrix = {
    .name = "beatrix",
    .title = "Beatrix",
    .source = "Ma et al., NDSS 2023",
    .doc = "images whose feature maps correlate unusually",
    .help = help,
    .usage = "--model MODEL --clean DATA --data DATA [-o CLEANED]",
    .family = &filters,
    .groups = groups,
    .size = sizeof(beatrix_settings),
    .math = &beatrix_filter,
};
