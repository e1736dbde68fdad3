/* SPDX-License-Identifier: MIT */
/* SCAn: Tang, Wang, Tang and Zhang, "Demon in the variant: statistical analysis of DNNs for robust
 * backdoor contamination detection", USENIX Security 2021. The covariances of the last hidden
 * layer's values within and between classes are estimated from clean images (contamination.h). The
 * images of a class are divided into two by 2-means in the metric of the variation within classes;
 * the likelihood ratio J of two kinds against one is the class's statistic. A class is flagged if
 * its J is an outlier among the classes by an index of at least e², and the part with fewer clean
 * images is taken to be the poisoned one.
 *
 * It is called scan-filter here because scan audits a folder of models. */
#include "base/size.h"
#include "defend/filter/clusters.h"
#include "defend/filter/contamination.h"
#include "defend/filter/filter_values.h"
#include "defend/method.h"
#include <math.h>

enum { STATISTIC, INDEX, SIZE, CLEAN }; /* figures */
enum { MOST_VALUES = 1024, LEAST_IMAGES = 4, LEAST_CLEAN = 2 };

typedef struct scan_settings {
    filter_reference reference;
    double index;
    bool exit_code;
} scan_settings;

typedef struct scanning {
    filter_job *job;
    filter_values values;
    contamination c;
    float *rows;     /* [most images of a class, values] */
    double *points;  /* the same, placed */
    uint8_t *member; /* [most images of a class] */
    double *scratch; /* [3, dimensions] */
    size_t most;
} scanning;

static size_t least_images(const void *own, size_t taken) {
    (void)own, (void)taken;
    return LEAST_IMAGES;
}

static size_t least_clean(const void *own) {
    (void)own;
    return LEAST_CLEAN;
}

static double least_index(const void *own) {
    return ((const scan_settings *)own)->index;
}

/* Estimates from the clean images of the examined classes. */
static td_status learn(scanning *s, td_error *error) {
    filter_job *job = s->job;
    const size_t classes = job->data.images.classes, n = s->values.count;
    td_arena *arena = &job->run->arena;
    size_t *begins, count = 0;
    float *clean;
    TD_TRY(TD_ARENA_NEW(arena, classes + 1, &begins, "classes", error));
    TD_TRY(td_arena_alloc(arena, job->clean_count, n * sizeof *clean, (void **)&clean, "values",
                          error));
    for (size_t c = 0; c < classes; c++) {
        const filter_class *of = &job->classes[c];
        const bool judged = of->count > 0 && !of->left_out;
        begins[c] = count;
        if (!judged)
            continue;
        TD_TRY(filter_values_take(&s->values, &job->clean, job->clean_order, of->clean_begin,
                                  of->clean_count, clean + count * n, error));
        count += of->clean_count;
    }
    begins[classes] = count;
    td_status status = contamination_fit(&s->c, clean, begins, classes, n, arena, error);
    return status == TD_OK ? TD_OK : td_fail_within(error, status, "%s", job->clean.name);
}

static td_status reserve(scanning *s, td_error *error) {
    filter_job *job = s->job;
    td_arena *arena = &job->run->arena;
    s->most = job->largest;
    for (size_t c = 0; c < job->data.images.classes; c++)
        s->most = td_size_max(s->most, job->classes[c].clean_count);
    TD_TRY(td_arena_alloc(arena, s->most, s->values.count * sizeof *s->rows, (void **)&s->rows,
                          "values", error));
    TD_TRY(td_arena_alloc(arena, s->most, s->c.dimensions * sizeof *s->points, (void **)&s->points,
                          "values", error));
    TD_TRY(TD_ARENA_NEW(arena, s->most, &s->member, "clusters", error));
    return TD_ARENA_NEW(arena, 3 * s->c.dimensions, &s->scratch, "means", error);
}

static double squared_distance(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* The means of the two parts, into scratch[2, dimensions]. */
static void take_means(const scanning *s, size_t count, size_t smaller) {
    const size_t n = s->c.dimensions, sizes[2] = {count - smaller, smaller};
    for (size_t i = 0; i < 2 * n; i++)
        s->scratch[i] = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < n; d++)
            s->scratch[s->member[i] * n + d] += s->points[i * n + d] / (double)sizes[s->member[i]];
}

/* Numbers the part with fewer clean images (the smaller one of equals) as 1; *share is the share of
 * clean images nearer to its mean. Overwrites the points with those of the clean images. */
static td_status find_poisoned(scanning *s, const filter_class *of, size_t smaller, uint8_t *part,
                               double *share, td_error *error) {
    const size_t n = s->c.dimensions;
    size_t nearer = 0;
    take_means(s, of->count, smaller);
    TD_TRY(filter_values_take(&s->values, &s->job->clean, s->job->clean_order, of->clean_begin,
                              of->clean_count, s->rows, error));
    contamination_place(&s->c, s->rows, of->clean_count, s->points);
    for (size_t i = 0; i < of->clean_count; i++) {
        const double *x = s->points + i * n;
        nearer += squared_distance(x, s->scratch + n, n) < squared_distance(x, s->scratch, n);
    }
    *part = 2 * nearer <= of->clean_count;
    *share = (double)(*part ? nearer : of->clean_count - nearer) / (double)of->clean_count;
    return TD_OK;
}

static td_status judge(scanning *s, filter_class *of, td_error *error) {
    filter_job *job = s->job;
    size_t smaller;
    uint8_t part;
    TD_TRY(filter_values_take(&s->values, &job->data, job->order, of->begin, of->count, s->rows,
                              error));
    contamination_place(&s->c, s->rows, of->count, s->points);
    TD_TRY(clusters_split(s->points, of->count, s->c.dimensions, job->run->common->seed,
                          (uint32_t)of->number, s->member, &smaller, error));
    of->figures[STATISTIC] =
        contamination_statistic(&s->c, s->points, s->member, of->count, s->scratch);
    if (smaller == 0) {
        of->figures[SIZE] = of->figures[CLEAN] = 0;
        return TD_OK;
    }
    TD_TRY(find_poisoned(s, of, smaller, &part, &of->figures[CLEAN], error));
    of->figures[SIZE] = (double)(part ? smaller : of->count - smaller) / (double)of->count;
    for (size_t i = 0; i < of->count; i++)
        job->suspect[job->order[of->begin + i]] = s->member[i] == part;
    return TD_OK;
}

static td_status judge_all(scanning *s, td_error *error) {
    filter_job *job = s->job;
    size_t done = 0;
    if (s->values.count > MOST_VALUES)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: %s: expected a layer of at most %d values, found %zu; --layer says "
                       "which to take",
                       job->settings->model.path, s->values.layer, MOST_VALUES, s->values.count);
    TD_TRY(learn(s, error));
    TD_TRY(reserve(s, error));
    tool_run_begin(job->run, job->run->method->name, "images", job->data.images.count);
    for (size_t c = 0; c < job->data.images.classes; c++) {
        filter_class *of = &job->classes[c];
        if (of->count > 0 && !of->left_out)
            TD_TRY(judge(s, of, error));
        done += of->count;
        TD_TRY(tool_run_go_on(job->run, done, NULL, error));
    }
    tool_run_end(job->run);
    job->layer = s->values.layer;
    job->features = s->values.count;
    return TD_OK;
}

static td_status find(filter_job *job, td_error *error) {
    scanning s = {.job = job};
    td_status status = filter_values_open(&s.values, job, job->settings->layer, true, error);
    if (status == TD_OK)
        status = judge_all(&s, error);
    filter_values_close(&s.values);
    return status;
}

static const filter scan_filter = {
    .least_images = least_images,
    .find = find,
    .least_index = least_index,
    .least_clean = least_clean,
    .reduction = "whitened",
    .figures = {{"likelihood_ratio", "likelihood ratio", TOOL_REAL},
                {"index", "index", TOOL_REAL, .digits = 2},
                {"relative_size", "relative size", TOOL_REAL},
                {"clean_share", "clean share", TOOL_REAL}},
};

static const td_key keys[] = {
    FILTER_CLEAN,
    {"index", TD_KEY_REAL, offsetof(scan_settings, index), .most = INFINITY,
     .standard = "7.38905609893065", .value = "I",
     .help = "Flag a class whose likelihood ratio is an outlier among the classes with at least "
             "this index (e²)"},
    FILTER_EXIT_CODE(scan_settings),
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "splits the images of each class in two by the values of the last hidden layer, in the metric "
    "of clean images, and computes the likelihood ratio of two kinds of images against one. It "
    "flags a class whose ratio is an outlier among the classes; the part with fewer clean images "
    "are suspects."
    "\v"
    "Only correctly classified clean images count. A layer with more values needs more of them: "
    "with fewer images than values, directions without variance are left out. Classes are "
    "compared with each other, so nothing can be flagged in a set of two.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend scan-filter --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-2000 --data sets/poisoned.safetensors \\\n"
    "    --manifest sets/manifest.json -o cleaned.safetensors";

const tool_method defend_scan_filter = {
    .name = "scan-filter",
    .title = "SCAn",
    .source = "Tang et al., USENIX Security 2021",
    .doc = "SCAn: two kinds of images under one label",
    .help = help,
    .usage = "--model MODEL --clean DATA --data DATA [-o CLEANED]",
    .family = &filters,
    .groups = groups,
    .size = sizeof(scan_settings),
    .math = &scan_filter,
};
