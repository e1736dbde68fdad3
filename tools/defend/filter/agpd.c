/* SPDX-License-Identifier: MIT */
/* AGPD: Yuan, Zhang, Wei, Wu and Wu, "Activation gradient based poisoned sample detection against
 * backdoor attacks", ICLR 2025. For each image, g is the gradient of its label's logit at every
 * convolution, averaged over positions. In a poisoned class the g of poisoned images point in
 * another direction than those of clean ones (gradients.h): the class's statistic is the spread of
 * its g between the two directions. The convolution at which a class stands out most is used. A
 * class that stands out is flagged, and its suspects are grown from the image least similar to the
 * clean ones.
 *
 * One backward pass of an image gives the gradients of all layers: the sum over positions of the
 * gradient at a layer's output is that of its bias, or follows from that of the next batch norm's
 * bias by the norm's scale. Convolutions without either are not used. The authors' other rule, a
 * gap of 0.3 in the convolutions before the last if no index stands out, is not implemented: it has
 * no defined false-alarm rate. */
#include "base/parallel.h"
#include "base/size.h"
#include "defend/filter/filter_values.h"
#include "defend/filter/gradients.h"
#include "defend/method.h"
#include "nn/channels.h"
#include "nn/feed.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

enum { STATISTIC, INDEX, PLACE }; /* figures */
enum { MOST_LAYERS = 128, LEAST_IMAGES = 3, CLEAN = 10, BIAS = 1 };

typedef struct agpd_settings {
    filter_reference reference;
    double index, tau;
    bool exit_code;
} agpd_settings;

/* A convolution, and where to find the gradient of its output. */
typedef struct layer {
    const char *name;
    size_t bias;            /* the parameter: its bias, or that of the batch norm after it */
    size_t norm;            /* the batch norm's node; 0: none */
    size_t first, channels; /* of an image's row */
} layer;

typedef struct agpd {
    filter_job *job;
    layer layers[MOST_LAYERS];
    size_t layer_count, row;
    td_exec **execs;  /* [threads], of one image */
    float *gradients; /* [threads, weights] */
    size_t threads;
    float *g, *c;       /* [largest, row], [row]: of a class; c: of clean images, the mean */
    float *own;         /* [largest, channels]: of one layer */
    double *statistics; /* [layers, classes] */
    size_t *seeds;      /* the same */
} agpd;

static size_t least_images(const void *own, size_t taken) {
    (void)own, (void)taken;
    return LEAST_IMAGES;
}

static size_t least_clean(const void *own) {
    (void)own;
    return CLEAN;
}

static double least_index(const void *own) {
    return ((const agpd_settings *)own)->index;
}

/* --- layers --- */

static bool is_convolution(const td_node *node) {
    return node->op->takes_fold && !node->op->dense;
}

static void add_layer(agpd *a, const td_net *net, size_t i) {
    const td_node *node = &net->nodes[i];
    const size_t reader = td_channels_reader(net, i);
    layer *to = &a->layers[a->layer_count];
    *to = (layer){.name = node->name, .first = a->row, .channels = node->shape.channels};
    if (node->param_count > BIAS) {
        to->bias = node->params[BIAS];
    } else if (reader > 0 && net->nodes[reader].op->batch_deviation) {
        to->norm = reader;
        to->bias = net->nodes[reader].params[BIAS];
    } else {
        return;
    }
    a->row += to->channels;
    a->layer_count++;
}

static td_status find_layers(agpd *a, td_error *error) {
    const td_net *net = &a->job->model.net;
    const char *only = a->job->settings->layer;
    for (size_t i = 1; i < net->node_count && a->layer_count < MOST_LAYERS; i++)
        if (is_convolution(&net->nodes[i]) && (!only || strcmp(net->nodes[i].name, only) == 0))
            add_layer(a, net, i);
    if (a->layer_count > 0)
        return TD_OK;
    return td_fail(error, TD_ERR_USAGE,
                   "%s: expected %s with a bias or a batch norm after it, found none",
                   a->job->settings->model.path,
                   only ? "--layer to be a convolution" : "a net with a convolution");
}

/* --- gradients --- */

static td_status reserve(agpd *a, td_error *error) {
    filter_job *job = a->job;
    td_arena *arena = &job->run->arena;
    const size_t classes = job->data.images.classes, largest = td_size_max(job->largest, CLEAN);
    a->threads = td_threads();
    TD_TRY(TD_ARENA_NEW(arena, a->threads, &a->execs, "gradients", error));
    TD_TRY(td_arena_alloc(arena, a->threads, job->model.net.weight_count * sizeof *a->gradients,
                          (void **)&a->gradients, "gradients", error));
    TD_TRY(
        td_arena_alloc(arena, largest, a->row * sizeof *a->g, (void **)&a->g, "gradients", error));
    TD_TRY(td_arena_alloc(arena, largest, a->row * sizeof *a->own, (void **)&a->own, "gradients",
                          error));
    TD_TRY(TD_ARENA_NEW(arena, a->row, &a->c, "gradients", error));
    TD_TRY(TD_ARENA_NEW(arena, a->layer_count * classes, &a->statistics, "statistics", error));
    TD_TRY(TD_ARENA_NEW(arena, a->layer_count * classes, &a->seeds, "statistics", error));
    const bool before = td_parallel_alone(true);
    td_status status = TD_OK;
    for (size_t i = 0; i < a->threads && status == TD_OK; i++) {
        status = td_exec_new(&a->execs[i], &job->model.net, 1, TD_BACKWARD, error);
        if (status == TD_OK)
            td_exec_weights(a->execs[i], job->model.weights);
    }
    td_parallel_alone(before);
    return status;
}

static void close_execs(agpd *a) {
    for (size_t i = 0; a->execs && i < a->threads; i++)
        td_exec_free(a->execs[i]);
}

/* Images order[first ...] of a set, of one class. */
typedef struct passing {
    const agpd *a;
    const td_images *images;
    const uint32_t *order;
    size_t first, class;
} passing;

/* The norm's scale, γ / √(variance + ε), of channel k; 1 without a norm. */
static float scale_of(const agpd *a, const layer *l, size_t k) {
    const td_net *net = &a->job->model.net;
    if (l->norm == 0)
        return 1;
    const td_node *norm = &net->nodes[l->norm];
    const float *w = a->job->model.weights;
    const float weight = w[net->params[norm->params[0]].offset + k];
    const float variance = w[net->params[norm->params[3]].offset + k];
    return weight / sqrtf(variance + (float)norm->values[0].number);
}

static void pass_one(const passing *p, size_t i, size_t thread) {
    const agpd *a = p->a;
    const td_net *net = &a->job->model.net;
    td_exec *exec = a->execs[thread];
    float *gradients = a->gradients + thread * net->weight_count, *row = a->g + i * a->row;
    td_feed(p->images, p->order, p->first + i, 1, td_exec_input(exec));
    td_exec_forward(exec, 1);
    float *logits = td_exec_logits_gradient(exec);
    memset(logits, 0, td_net_classes(net) * sizeof *logits);
    logits[p->class] = 1;
    td_exec_backward(exec, gradients);
    for (size_t l = 0; l < a->layer_count; l++) {
        const layer *from = &a->layers[l];
        for (size_t k = 0; k < from->channels; k++)
            row[from->first + k] =
                gradients[net->params[from->bias].offset + k] * scale_of(a, from, k);
    }
}

static void pass_chunk(void *context, size_t begin, size_t end, size_t chunk, size_t thread) {
    (void)chunk;
    for (size_t i = begin; i < end; i++)
        pass_one(context, i, thread);
}

/* a->g of `count` images. */
static void pass(const agpd *a, const td_images *images, const uint32_t *order, size_t first,
                 size_t count, size_t class) {
    passing p = {a, images, order, first, class};
    td_parallel_claim(count, 1, pass_chunk, &p);
}

/* a->c and a->g of a class. */
static void take_class(const agpd *a, const filter_class *of) {
    filter_job *job = a->job;
    pass(a, &job->clean.images, job->clean_order, of->clean_begin, CLEAN, of->number);
    memset(a->c, 0, a->row * sizeof *a->c);
    for (size_t i = 0; i < CLEAN; i++)
        for (size_t k = 0; k < a->row; k++)
            a->c[k] += a->g[i * a->row + k] / CLEAN;
    pass(a, &job->data.images, job->order, of->begin, of->count, of->number);
}

/* --- classes --- */

/* Copies the gradients of one layer, row by row, to a->own. */
static void take_layer(const agpd *a, const layer *l, size_t count) {
    for (size_t i = 0; i < count; i++)
        memcpy(a->own + i * l->channels, a->g + i * a->row + l->first,
               l->channels * sizeof *a->own);
}

static bool is_judged(const filter_class *of) {
    return of->count > 0 && !of->left_out;
}

static td_status measure(agpd *a, td_error *error) {
    filter_job *job = a->job;
    const size_t classes = job->data.images.classes;
    size_t done = 0;
    for (size_t c = 0; c < classes; c++) {
        filter_class *of = &job->classes[c];
        done += of->count;
        if (!is_judged(of))
            continue;
        take_class(a, of);
        for (size_t l = 0; l < a->layer_count; l++) {
            const layer *at = &a->layers[l];
            take_layer(a, at, of->count);
            a->statistics[l * classes + c] = gradients_spread(
                a->own, a->c + at->first, of->count, at->channels, &a->seeds[l * classes + c]);
        }
        TD_TRY(tool_run_go_on(job->run, done, NULL, error));
    }
    return TD_OK;
}

/* The layer at which a class has the largest index, and the classes' figures there. */
static td_status choose_layer(agpd *a, size_t *out, td_error *error) {
    filter_job *job = a->job;
    const size_t classes = job->data.images.classes;
    double largest = -INFINITY;
    *out = 0;
    for (size_t l = 0; l <= a->layer_count; l++) {
        const size_t at = l < a->layer_count ? l : *out; /* finally the chosen one again */
        for (size_t c = 0; c < classes; c++)
            if (is_judged(&job->classes[c]))
                job->classes[c].figures[STATISTIC] = a->statistics[at * classes + c];
        TD_TRY(filter_compare(job, error));
        for (size_t c = 0; c < classes && l < a->layer_count; c++)
            if (is_judged(&job->classes[c]) && job->classes[c].figures[INDEX] > largest) {
                largest = job->classes[c].figures[INDEX];
                *out = l;
            }
    }
    return TD_OK;
}

static td_status grow(agpd *a, size_t l, filter_class *of, td_error *error) {
    filter_job *job = a->job;
    const agpd_settings *s = job->run->own;
    const layer *at = &a->layers[l];
    td_arena arena = {0};
    bool *marked;
    size_t suspects = 0;
    take_class(a, of);
    take_layer(a, at, of->count);
    TD_TRY(TD_ARENA_NEW(&arena, of->count, &marked, "suspects", error));
    td_status status =
        gradients_grow(a->own, a->c + at->first, of->count, at->channels,
                       a->seeds[l * job->data.images.classes + of->number], s->tau, marked, error);
    for (size_t i = 0; status == TD_OK && i < of->count; i++) {
        job->suspect[job->order[of->begin + i]] = marked[i];
        suspects += marked[i];
    }
    of->figures[PLACE] = (double)suspects / (double)of->count;
    td_arena_free(&arena);
    return status;
}

static td_status judge_all(agpd *a, td_error *error) {
    filter_job *job = a->job;
    const double least = least_index(job->run->own);
    size_t l;
    TD_TRY(find_layers(a, error));
    TD_TRY(reserve(a, error));
    tool_run_begin(job->run, job->run->method->name, "images", job->data.images.count);
    TD_TRY(measure(a, error));
    TD_TRY(choose_layer(a, &l, error));
    for (size_t c = 0; c < job->data.images.classes; c++)
        if (is_judged(&job->classes[c]) && job->classes[c].figures[INDEX] >= least)
            TD_TRY(grow(a, l, &job->classes[c], error));
    tool_run_end(job->run);
    job->layer = a->layers[l].name;
    job->features = a->layers[l].channels;
    return TD_OK;
}

static td_status find(filter_job *job, td_error *error) {
    agpd a = {.job = job};
    td_status status = judge_all(&a, error);
    close_execs(&a);
    return status;
}

static const filter agpd_filter = {
    .least_images = least_images,
    .find = find,
    .least_index = least_index,
    .least_clean = least_clean,
    .reduction = "gradients",
    .figures = {{"spread", "spread", TOOL_REAL},
                {"index", "index", TOOL_REAL, .digits = 2},
                {"grown_share", "share grown", TOOL_REAL, .digits = 4}},
};

#define AT(field) offsetof(agpd_settings, field)

static const td_key keys[] = {
    FILTER_CLEAN,
    {"index", TD_KEY_REAL, AT(index), .most = INFINITY, .standard = "7.38905609893065",
     .value = "I",
     .help = "Flag a class whose gradients' spread is an outlier among the classes with at least "
             "this index (e²)"},
    {"tau", TD_KEY_REAL, AT(tau), .most = 1, .standard = "0.01", .value = "T",
     .help = "Each round the images up to this share of the way from the nearest to the furthest "
             "become suspects"},
    FILTER_EXIT_CODE(agpd_settings),
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "compares the gradients of each image's logit at the convolutions with those of clean images "
    "of its class. It flags a class whose gradients spread more between two directions than those "
    "of other classes; its suspects grow from the image that is least like the clean ones."
    "\v"
    "It needs ten correctly classified clean images of each class. --layer names one convolution "
    "instead of all. A smaller --tau grows the suspects in finer steps and ends with more of "
    "them. In nets with few channels the gradients separate less well.\n"
    "\n"
    "Example:\n"
    "  trapdoor-defend agpd --model model.safetensors \\\n"
    "    --clean fashion-mnist:test:0-500 --data sets/poisoned.safetensors \\\n"
    "    --manifest sets/manifest.json -o cleaned.safetensors";

const tool_method defend_agpd = {
    .name = "agpd",
    .title = "AGPD",
    .source = "Yuan et al., ICLR 2025",
    .doc = "images whose gradients point elsewhere",
    .help = help,
    .usage = "--model MODEL --clean DATA --data DATA [-o CLEANED]",
    .family = &filters,
    .groups = groups,
    .size = sizeof(agpd_settings),
    .math = &agpd_filter,
};
