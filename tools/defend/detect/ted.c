/* SPDX-License-Identifier: MIT */
/* TED: Mo, Zhang, Zhang, Xu, Tian, Zhang, Guo and Luo, "Robust backdoor detection for deep learning
 * via topological evolution dynamics", IEEE S&P 2024. At each layer (convolutions wider than one
 * pixel, activations, dense layers) the clean images are ranked by their distance from the input,
 * which gives the rank of the nearest with the input's class, 0 for the nearest of all. A clean
 * input is near its class's images at all layers; one with a trigger only at late layers. The ranks
 * of the layers are scored by a principal component outlier model of clean images:
 * Σ (z·v)² / λ over the eigenvectors v of the covariance of the standardised ranks z.
 *
 * Half of the clean images are ranked and define that model, each ranked among the others; the
 * other half calibrate. Classes are the model's predictions; labels are not used. An input whose
 * class no ranked image has ranks last at every layer. */
#include "defend/detect/ted.h"

#include "base/parallel.h"
#include "base/size.h"
#include "defend/detect/detect.h"
#include "defend/filter/eigen.h"
#include "defend/method.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include "nn/op.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 32, LANES = 16, LEAST = 4 };

static const size_t most_bytes = (size_t)4 << 30; /* of the ranked images' values */
static const double least_share = 1e-3;           /* of the largest eigenvalue */

typedef struct ted_settings {
    detect_own shared;
    size_t references;
} ted_settings;

typedef struct layer {
    size_t first, count; /* values of an image's row */
} layer;

typedef struct ted {
    td_net net; /* its outputs are the values of all layers, concatenated */
    td_exec *exec;
    layer layers[TD_NODE_INPUTS];
    size_t layer_count, row, logits; /* row: values of an image; logits: the first of them */
    float *pool;                     /* [pool_count, row] */
    int32_t *classes;                /* [pool_count] */
    size_t pool_count;
    double *distances;      /* of each thread [pool_count] */
    double *mean, *inverse; /* [layer_count]: of ranks; 1 / deviation */
    double *axes;           /* [layer_count, layer_count]: eigenvectors over √λ */
    double *ranks;          /* [DETECT_SLICE, layer_count] */
} ted;

/* --- the net --- */

static bool is_wide(const td_node *node) {
    for (size_t k = 0; k < TD_NODE_VALUES && node->op->keys[k].name; k++)
        if (strcmp(node->op->keys[k].name, "kernel") == 0)
            return node->values[k].pair.first > 1 || node->values[k].pair.second > 1;
    return false;
}

static bool is_ranked(const td_net *net, size_t i) {
    const td_node *node = &net->nodes[i];
    const bool conv = node->op->takes_fold && !node->op->dense;
    return i + 1 == net->node_count || node->op->activation || node->op->dense ||
           (conv && is_wide(node));
}

/* The net's text with a node that joins the flattened values of the ranked layers. */
static td_status write_text(detect_job *job, ted *t, char **out, td_error *error) {
    const td_net *net = &job->model.net;
    char *text;
    size_t length = 0, size, names = 0;
    TD_TRY(td_net_text(net, &job->run->arena, &text, error));
    for (size_t i = 0; i < net->node_count; i++)
        names += strlen(net->nodes[i].name);
    size = strlen(text) + names + 96 * net->node_count + 96;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, size, out, "a net", error));
    length += (size_t)snprintf(*out, size, "%s", text);
    for (size_t i = 1; i < net->node_count; i++) {
        if (!is_ranked(net, i))
            continue;
        if (t->layer_count == TD_NODE_INPUTS)
            return td_fail(error, TD_ERR_USAGE, "%s: expected a net of at most %d layers",
                           job->settings->model.path, TD_NODE_INPUTS);
        t->layers[t->layer_count] = (layer){t->row, td_shape_size(net->nodes[i].shape)};
        t->logits = t->row;
        t->row += t->layers[t->layer_count].count;
        length += (size_t)snprintf(*out + length, size - length, "ted.%zu = flatten(%s)\n",
                                   t->layer_count++, net->nodes[i].name);
    }
    if (t->layer_count == 1) /* which is the last node then */
        return TD_OK;
    length += (size_t)snprintf(*out + length, size - length, "ted.all = concat(");
    for (size_t i = 0; i < t->layer_count; i++)
        length += (size_t)snprintf(*out + length, size - length, "%sted.%zu", i ? ", " : "", i);
    snprintf(*out + length, size - length, ")\n");
    return TD_OK;
}

static td_status open_net(detect_job *job, ted *t, td_error *error) {
    char *text;
    TD_TRY(write_text(job, t, &text, error));
    TD_TRY(td_net_parse(&t->net, text, NULL, error));
    TD_TRY(td_exec_new(&t->exec, &t->net, BATCH, TD_FORWARD, error));
    td_exec_weights(t->exec, job->model.weights); /* the nodes added have none */
    return TD_OK;
}

/* --- ranks --- */

/* Separate lanes let the compiler use vectors. */
static double squared_distance(const float *restrict a, const float *restrict b, size_t count) {
    float lanes[LANES] = {0};
    double sum = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++) {
            const float d = a[i + k] - b[i + k];
            lanes[k] += d * d;
        }
    for (; i < count; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    for (size_t k = 0; k < LANES; k++)
        sum += (double)lanes[k];
    return sum;
}

size_t ted_rank(const double *distances, const int32_t *classes, size_t count, int32_t class) {
    double nearest = INFINITY;
    size_t nearer = 0;
    for (size_t k = 0; k < count; k++)
        if (classes[k] == class && distances[k] < nearest)
            nearest = distances[k];
    for (size_t k = 0; k < count; k++)
        nearer += distances[k] < nearest;
    return nearer;
}

/* Rows to rank, of classes[]; `self`: they are the ranked images, and not compared with themselves.
 */
typedef struct ranking {
    const ted *t;
    const float *rows;
    const int32_t *classes;
    bool self;
    double *ranks; /* [rows, layer_count] */
} ranking;

static double rank_at(const ranking *r, size_t i, const layer *at, double *distances) {
    const ted *t = r->t;
    for (size_t k = 0; k < t->pool_count; k++)
        distances[k] = r->self && k == i
                           ? INFINITY
                           : squared_distance(r->rows + i * t->row + at->first,
                                              t->pool + k * t->row + at->first, at->count);
    return (double)ted_rank(distances, t->classes, t->pool_count, r->classes[i]);
}

static void rank_row(void *context, size_t i) {
    const ranking *r = context;
    const ted *t = r->t;
    for (size_t l = 0; l < t->layer_count; l++)
        r->ranks[i * t->layer_count + l] =
            rank_at(r, i, &t->layers[l], t->distances + td_thread() * t->pool_count);
}

static int32_t class_of(const detect_job *job, const ted *t, const float *row) {
    return td_argmax(row + t->logits, td_net_classes(&job->model.net));
}

/* --- the outlier model --- */

/* A layer at which all ranks are equal contributes the difference itself. */
static void standardise(ted *t, const double *ranks) {
    const size_t n = t->layer_count;
    for (size_t l = 0; l < n; l++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < t->pool_count; i++)
            sum += ranks[i * n + l];
        t->mean[l] = sum / (double)t->pool_count;
        for (size_t i = 0; i < t->pool_count; i++)
            squares += (ranks[i * n + l] - t->mean[l]) * (ranks[i * n + l] - t->mean[l]);
        t->inverse[l] = squares > 0 ? sqrt((double)t->pool_count / squares) : 1;
    }
}

static td_status fit(detect_job *job, ted *t, const double *ranks, td_error *error) {
    const size_t n = t->layer_count;
    td_arena *arena = &job->run->arena;
    double *covariance, *values;
    TD_TRY(TD_ARENA_NEW(arena, n, &t->mean, "ranks", error));
    TD_TRY(TD_ARENA_NEW(arena, n, &t->inverse, "ranks", error));
    TD_TRY(TD_ARENA_NEW(arena, n * n, &t->axes, "ranks", error));
    TD_TRY(TD_ARENA_NEW(arena, n * n, &covariance, "ranks", error));
    TD_TRY(TD_ARENA_NEW(arena, n, &values, "ranks", error));
    standardise(t, ranks);
    for (size_t i = 0; i < t->pool_count; i++)
        for (size_t l = 0; l < n; l++)
            for (size_t k = 0; k < n; k++)
                covariance[l * n + k] += (ranks[i * n + l] - t->mean[l]) * t->inverse[l] *
                                         (ranks[i * n + k] - t->mean[k]) * t->inverse[k] /
                                         (double)t->pool_count;
    TD_TRY(eigen_top(covariance, n, n, values, t->axes, error));
    for (size_t l = 0; l < n; l++) {
        const double value = fmax(values[l], values[0] > 0 ? least_share * values[0] : 1);
        for (size_t k = 0; k < n; k++)
            t->axes[l * n + k] /= sqrt(value);
    }
    return TD_OK;
}

static double outlying(const ted *t, const double *ranks) {
    const size_t n = t->layer_count;
    double score = 0;
    for (size_t l = 0; l < n; l++) {
        double along = 0;
        for (size_t k = 0; k < n; k++)
            along += (ranks[k] - t->mean[k]) * t->inverse[k] * t->axes[l * n + k];
        score += along * along;
    }
    return score;
}

/* --- the detector --- */

static td_status fill_pool(detect_job *job, ted *t, const uint32_t *numbers, td_error *error) {
    td_arena *arena = &job->run->arena;
    double *ranks;
    size_t bytes;
    if (!td_size_mul(t->pool_count, t->row * sizeof *t->pool, &bytes) || bytes > most_bytes)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected at most %zu MiB of values at its layers, found %zu values of "
                       "each of %zu images; --references takes fewer",
                       job->settings->model.path, most_bytes >> 20, t->row, t->pool_count);
    TD_TRY(td_arena_alloc(arena, t->pool_count, t->row * sizeof *t->pool, (void **)&t->pool,
                          "values", error));
    TD_TRY(TD_ARENA_NEW(arena, t->pool_count, &t->classes, "classes", error));
    TD_TRY(TD_ARENA_NEW(arena, td_threads() * t->pool_count, &t->distances, "distances", error));
    TD_TRY(TD_ARENA_NEW(arena, t->pool_count * t->layer_count, &ranks, "ranks", error));
    for (size_t first = 0; first < t->pool_count; first += BATCH) {
        const size_t count = td_size_min(BATCH, t->pool_count - first);
        td_feed(&job->clean.images, numbers, first, count, td_exec_input(t->exec));
        memcpy(t->pool + first * t->row, td_exec_forward(t->exec, count),
               count * t->row * sizeof *t->pool);
    }
    for (size_t i = 0; i < t->pool_count; i++)
        t->classes[i] = class_of(job, t, t->pool + i * t->row);
    ranking r = {t, t->pool, t->classes, true, ranks};
    td_parallel_each(t->pool_count, rank_row, &r);
    return fit(job, t, ranks, error);
}

static td_status prepare(detect_job *job, td_error *error) {
    const ted_settings *s = job->run->own;
    uint32_t *numbers;
    ted *t;
    if (job->sets[0].count < 2 * LEAST)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected at least %d clean images, half of them to compare with, found "
                       "%zu",
                       job->clean.name, 2 * LEAST, job->sets[0].count);
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &t, "ranks", error));
    job->state = t;
    TD_TRY(detect_take_half(job, &numbers, &t->pool_count, error));
    TD_TRY(detect_check_count(job, error));
    TD_TRY(open_net(job, t, error));
    TD_TRY(
        TD_ARENA_NEW(&job->run->arena, DETECT_SLICE * t->layer_count, &t->ranks, "ranks", error));
    t->pool_count = td_size_min(t->pool_count, s->references);
    job->column_count = 1;
    job->columns[0] = (detect_column){.name = "ted"};
    return fill_pool(job, t, numbers, error);
}

static void close_detector(detect_job *job) {
    ted *t = job->state;
    if (!t)
        return;
    td_exec_free(t->exec);
    td_net_free(&t->net);
}

static td_status score(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error) {
    const ted *t = job->state;
    (void)numbers, (void)stride;
    for (size_t first = 0; first < images->count; first += BATCH) {
        const size_t count = td_size_min(BATCH, images->count - first);
        int32_t classes[BATCH];
        td_feed(images, NULL, first, count, td_exec_input(t->exec));
        const float *rows = td_exec_forward(t->exec, count);
        for (size_t i = 0; i < count; i++)
            classes[i] = class_of(job, t, rows + i * t->row);
        ranking r = {t, rows, classes, false, t->ranks};
        td_parallel_each(count, rank_row, &r);
        for (size_t i = 0; i < count; i++)
            scores[first + i] = outlying(t, t->ranks + i * t->layer_count);
        TD_TRY(detect_advance(job, count, error));
    }
    return TD_OK;
}

static void describe(const detect_job *job, json_t *calibration) {
    const ted *t = job->state;
    td_json *json = &job->run->record.json;
    td_json_set(json, calibration, "references", td_json_count(json, t->pool_count));
    td_json_set(json, calibration, "layers", td_json_count(json, t->layer_count));
}

static const detector ted_detector = {.score_name = "outlyingness of ranks",
                                      .sign = 1,
                                      .rates = {0.01, 0.05, 0.1, 0.2},
                                      .prepare = prepare,
                                      .close = close_detector,
                                      .score = score,
                                      .calibrate = detect_calibrate_above,
                                      .describe = describe};

static const td_key keys[] = {
    DETECT_FPR("0.05"),
    {"references", TD_KEY_COUNT, offsetof(ted_settings, references), .least = LEAST,
     .most = 1000000, .standard = "1000", .value = "N",
     .help = "Most clean images to compare inputs with, of half of --clean"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "ranks clean images by their distance from an input, layer by layer. It flags inputs that "
    "come close to the images of their class at other layers than clean ones do."
    "\v"
    "Half of the clean images are references, the other half calibrate. Memory holds their values "
    "at all layers.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend ted --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-1000 --benign fashion-mnist:test:1000-2000 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255";

const tool_method defend_ted = {
    .name = "ted",
    .title = "TED",
    .source = "Mo et al., IEEE S&P 2024",
    .doc = "inputs close to their class at unusual layers",
    .help = help,
    .family = &detectors,
    .groups = groups,
    .size = sizeof(ted_settings),
    .math = &ted_detector,
};
