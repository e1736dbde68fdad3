/* SPDX-License-Identifier: MIT */
/* IBD-PSC: Hou, Feng, Hua, Luo, Zhang and Li, "IBD-PSC: input-level backdoor detection via
 * parameter-oriented scaling consistency", ICML 2024. The weights and biases of the last batch
 * norms are multiplied by 1.5: the class of a clean input changes, that of an input with a trigger
 * stays, with high confidence. The score is the mean probability, over the models that have the
 * last k, k + 1, ... k + n - 1 scaled, of the class that the model itself gives the input.
 *
 * k is the smallest number of batch norms for which the class of more than 60 % of the clean images
 * changes; the first of the models scales the same last k. "Changes" is relative to the model's own
 * class; the authors compare with labels, which inputs need not have. "Last" refers to the order of
 * the net's graph. */
#include "base/size.h"
#include "defend/detect/detect.h"
#include "defend/method.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include "nn/op.h"
#include <string.h>

enum { WEIGHT, BIAS }; /* of a batch norm's parameters */

typedef struct ibd_psc_settings {
    detect_own shared;
    double scale, changed;
    size_t models, first; /* first: 0 for the search */
} ibd_psc_settings;

typedef struct ibd_psc {
    size_t *norms, norm_count; /* nodes, in the order of the graph */
    size_t first;              /* batch norms that the first of the models has scaled */
    double changed;            /* share of clean images whose class changes; -1: not tried */
    float *weights;            /* of a scaled model */
    td_exec *exec;
    float *probabilities; /* [DETECT_BATCH, classes] */
    int32_t *own;         /* [DETECT_SLICE]: the model's classes */
} ibd_psc;

static td_status find_norms(detect_job *job, ibd_psc *s, td_error *error) {
    const td_net *net = &job->model.net;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, net->node_count, &s->norms, "batch norms", error));
    for (size_t i = 0; i < net->node_count; i++)
        if (net->nodes[i].op->batch_deviation)
            s->norms[s->norm_count++] = i;
    return TD_OK;
}

static td_status check_norms(const detect_job *job, const ibd_psc *s, td_error *error) {
    const ibd_psc_settings *o = job->run->own;
    const char *model = job->settings->model.path;
    const size_t least = o->models + (o->first > 0 ? o->first - 1 : 0);
    if (s->norm_count == 0)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net with batch norms, whose weights are scaled, found none",
                       model);
    if (s->norm_count < least)
        return td_fail(error, TD_ERR_USAGE,
                       "%s: expected a net with at least %zu batch norms, for %zu models with more "
                       "and more of them scaled, found %zu; --models takes fewer",
                       model, least, o->models, s->norm_count);
    return TD_OK;
}

static void multiply(const detect_job *job, size_t node, size_t which, float by, float *weights) {
    const td_net *net = &job->model.net;
    const td_param *param = &net->params[net->nodes[node].params[which]];
    for (size_t i = 0; i < param->count; i++)
        weights[param->offset + i] *= by;
}

/* Loads into s->exec the model with the last `count` batch norms scaled. */
static void scale_last(const detect_job *job, ibd_psc *s, size_t count) {
    const ibd_psc_settings *o = job->run->own;
    memcpy(s->weights, job->model.weights, job->model.net.weight_count * sizeof *s->weights);
    for (size_t i = s->norm_count - count; i < s->norm_count; i++) {
        multiply(job, s->norms[i], WEIGHT, (float)o->scale, s->weights);
        multiply(job, s->norms[i], BIAS, (float)o->scale, s->weights);
    }
    td_exec_weights(s->exec, s->weights);
}

/* The share of the clean images whose class is not that of classes[]. */
static td_status share_changed(detect_job *job, ibd_psc *s, const int32_t *classes, double *out,
                               td_error *error) {
    const detect_set *own = &job->sets[0];
    const size_t width = td_net_classes(&job->model.net);
    size_t changed = 0;
    for (size_t first = 0; first < own->count; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, own->count - first);
        td_feed(&job->clean.images, own->numbers, first, count, td_exec_input(s->exec));
        const float *logits = td_exec_forward(s->exec, count);
        for (size_t i = 0; i < count; i++)
            changed += td_argmax(logits + i * width, width) != classes[first + i];
        if (tool_run_stops(job->run))
            return td_fail(error, TD_ERR_INTERRUPTED, "interrupted");
    }
    *out = (double)changed / (double)own->count;
    return TD_OK;
}

static void classify_clean(detect_job *job, int32_t *classes) {
    const detect_set *own = &job->sets[0];
    const size_t width = td_net_classes(&job->model.net);
    for (size_t first = 0; first < own->count; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, own->count - first);
        td_feed(&job->clean.images, own->numbers, first, count, td_exec_input(job->exec));
        const float *logits = td_exec_forward(job->exec, count);
        for (size_t i = 0; i < count; i++)
            classes[first + i] = td_argmax(logits + i * width, width);
    }
}

static td_status search(detect_job *job, ibd_psc *s, td_error *error) {
    const ibd_psc_settings *o = job->run->own;
    const size_t most = s->norm_count - o->models + 1;
    double largest = 0;
    int32_t *classes;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, job->sets[0].count, &classes, "classes", error));
    classify_clean(job, classes);
    for (s->first = 1; s->first <= most; s->first++) {
        scale_last(job, s, s->first);
        TD_TRY(share_changed(job, s, classes, &s->changed, error));
        if (s->changed > o->changed)
            return TD_OK;
        largest = s->changed > largest ? s->changed : largest;
    }
    return td_fail(
        error, TD_ERR_USAGE,
        "%s: expected scaling up to %zu of its %zu batch norms by %g to change the class "
        "of more than %g %% of the clean images, found %.3g %%; --scale, --changed, "
        "--models or --first says otherwise",
        job->settings->model.path, most, s->norm_count, o->scale, 100 * o->changed, 100 * largest);
}

static td_status prepare(detect_job *job, td_error *error) {
    const ibd_psc_settings *o = job->run->own;
    const size_t classes = td_net_classes(&job->model.net);
    td_arena *arena = &job->run->arena;
    ibd_psc *s;
    TD_TRY(detect_check_count(job, error));
    TD_TRY(TD_ARENA_NEW(arena, 1, &s, "scaled models", error));
    job->state = s;
    TD_TRY(find_norms(job, s, error));
    TD_TRY(check_norms(job, s, error));
    TD_TRY(TD_ARENA_NEW(arena, job->model.net.weight_count, &s->weights, "weights", error));
    TD_TRY(TD_ARENA_NEW(arena, DETECT_BATCH * classes, &s->probabilities, "predictions", error));
    TD_TRY(TD_ARENA_NEW(arena, DETECT_SLICE, &s->own, "classes", error));
    TD_TRY(td_exec_new(&s->exec, &job->model.net, DETECT_BATCH, TD_FORWARD, error));
    job->column_count = 1;
    job->columns[0] = (detect_column){.name = "ibd-psc"};
    s->first = o->first;
    s->changed = -1;
    return o->first > 0 ? TD_OK : search(job, s, error);
}

static void close_detector(detect_job *job) {
    ibd_psc *s = job->state;
    if (s)
        td_exec_free(s->exec);
}

/* Adds the share of one model to the scores. */
static void add_probabilities(const detect_job *job, ibd_psc *s, const td_images *images,
                              double share, double *scores) {
    const size_t classes = td_net_classes(&job->model.net);
    for (size_t first = 0; first < images->count; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, images->count - first);
        td_feed(images, NULL, first, count, td_exec_input(s->exec));
        td_softmax(td_exec_forward(s->exec, count), count, classes, s->probabilities);
        for (size_t i = 0; i < count; i++)
            scores[first + i] +=
                share * (double)s->probabilities[i * classes + (size_t)s->own[first + i]];
    }
}

static td_status score(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error) {
    const ibd_psc_settings *o = job->run->own;
    const size_t classes = td_net_classes(&job->model.net);
    ibd_psc *s = job->state;
    (void)numbers, (void)stride;
    for (size_t first = 0; first < images->count; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, images->count - first);
        td_feed(images, NULL, first, count, td_exec_input(job->exec));
        const float *logits = td_exec_forward(job->exec, count);
        for (size_t i = 0; i < count; i++) {
            s->own[first + i] = td_argmax(logits + i * classes, classes);
            scores[first + i] = 0;
        }
    }
    for (size_t i = 0; i < o->models; i++) {
        scale_last(job, s, s->first + i);
        add_probabilities(job, s, images, 1 / (double)o->models, scores);
    }
    return detect_advance(job, images->count, error);
}

static void describe(const detect_job *job, json_t *calibration) {
    const ibd_psc *s = job->state;
    td_json *json = &job->run->record.json;
    td_json_set(json, calibration, "batch_norms", td_json_count(json, s->norm_count));
    td_json_set(json, calibration, "first_scaled", td_json_count(json, s->first));
    if (s->changed >= 0)
        td_json_set(json, calibration, "changed", td_json_real(json, s->changed));
}

static const detector ibd_psc_detector = {.score_name = "parameter-scaled consistency",
                                          .sign = 1,
                                          .rates = {0.01, 0.05, 0.1, 0.2},
                                          .prepare = prepare,
                                          .close = close_detector,
                                          .score = score,
                                          .calibrate = detect_calibrate_above,
                                          .describe = describe};

#define AT(field) offsetof(ibd_psc_settings, field)

static const td_key keys[] = {
    DETECT_FPR("0.05"),
    {"scale", TD_KEY_REAL, AT(scale), .least = 1, .most = 100, .standard = "1.5", .value = "W",
     .help = "Multiply the weights and biases of batch norms by W"},
    {"models", TD_KEY_COUNT, AT(models), .least = 1, .most = 100, .standard = "5", .value = "N",
     .help = "Scaled models, each with one more batch norm scaled"},
    {"changed", TD_KEY_REAL, AT(changed), .most = 1, .below = true, .standard = "0.6", .value = "S",
     .help = "Scale until the class of more than this share of the clean images changes"},
    {"first", TD_KEY_COUNT, AT(first), .most = 4096, .standard = "0", .value = "K",
     .help = "Batch norms scaled in the first model; 0: as many as --changed finds"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "scales the last batch norms of the model. The class of a clean input changes, the class of a "
    "trigger stays: inputs are flagged whose class gets more probability from the scaled models "
    "than that of clean ones. The net needs at least --models batch norms. The model itself does "
    "not change."
    "\v"
    "Example:\n"
    "  trapdoor-defend ibd-psc --model model.safetensors --models 3 \\\n"
    "    --clean fashion-mnist:test:0-1000 --benign fashion-mnist:test:1000-3000 \\\n"
    "    --trigger square:size=3,at=bottom-right,value=255";

const tool_method defend_ibd_psc = {
    .name = "ibd-psc",
    .title = "IBD-PSC",
    .source = "Hou et al., ICML 2024",
    .doc = "inputs that keep their class when norms are scaled",
    .help = help,
    .family = &detectors,
    .groups = groups,
    .size = sizeof(ibd_psc_settings),
    .math = &ibd_psc_detector,
};
