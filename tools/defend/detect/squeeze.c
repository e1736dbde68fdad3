/* SPDX-License-Identifier: MIT */
/* Feature squeezing: Xu, Evans and Qi, NDSS 2018. The score of an input is the L1 distance between
 * the model's softmax outputs for the original and the squeezed input, the largest over several
 * squeezers. A score above the threshold, which the given share of clean images exceeds, is
 * flagged. */
#include "base/parallel.h"
#include "base/size.h"
#include "defend/detect/detect.h"
#include "defend/detect/squeezer.h"
#include "defend/method.h"
#include "nn/feed.h"
#include "nn/loss.h"
#include <math.h>

enum { MOST = DETECT_COLUMNS - 1 };

/* The best joint detectors of the paper, for MNIST and for CIFAR-10 (its table's 13-3-2). */
static const char grey_default[] = "bit=1,median=2", colour_default[] = "bit=5,median=2,nlm=13-3-2";

typedef struct squeeze_settings {
    detect_own shared;
    const char *squeezers; /* LIST, or NULL for the default */
} squeeze_settings;

typedef struct squeeze {
    squeezer squeezers[MOST];
    size_t count;
    float *as_is, *squeezed; /* probabilities [DETECT_BATCH, classes] */
} squeeze;

static void name_columns(detect_job *job, const squeeze *s) {
    for (size_t i = 0; i < s->count; i++)
        job->columns[i].name = s->squeezers[i].name;
    job->column_count = s->count;
    if (s->count > 1)
        job->columns[job->column_count++].name = "joint";
}

static td_status prepare(detect_job *job, td_error *error) {
    const td_shape shape = td_net_input(&job->model.net);
    const char *list = ((const squeeze_settings *)job->run->own)->squeezers;
    const size_t classes = td_net_classes(&job->model.net);
    squeeze *s;
    TD_TRY(detect_check_count(job, error));
    if (!list)
        list = shape.channels == 1 ? grey_default : colour_default;
    TD_TRY(TD_ARENA_NEW(&job->run->arena, 1, &s, "squeezers", error));
    TD_TRY(squeezers_parse(list, shape, MOST, &job->run->arena, s->squeezers, &s->count, error));
    TD_TRY(TD_ARENA_NEW(&job->run->arena, DETECT_BATCH * classes, &s->as_is, "predictions", error));
    TD_TRY(
        TD_ARENA_NEW(&job->run->arena, DETECT_BATCH * classes, &s->squeezed, "predictions", error));
    name_columns(job, s);
    job->state = s;
    return TD_OK;
}

typedef struct batch {
    const squeezer *squeezer;
    const td_images *images;
    size_t first;
    float *out;
} batch;

static void squeeze_image(void *context, size_t i) {
    const batch *b = context;
    b->squeezer->kind->apply(b->squeezer, td_image(b->images, b->first + i),
                             b->out + i * td_image_size(b->images));
}

static void add_distances(const squeeze *s, size_t classes, size_t count, size_t number,
                          size_t stride, double *scores) {
    for (size_t i = 0; i < count; i++) {
        double distance = 0;
        for (size_t c = i * classes; c < (i + 1) * classes; c++)
            distance += fabs((double)s->as_is[c] - (double)s->squeezed[c]);
        scores[number * stride + i] = distance;
        if (s->count > 1) {
            double *joint = &scores[s->count * stride + i];
            *joint = number == 0 ? distance : fmax(*joint, distance);
        }
    }
}

static td_status score(detect_job *job, const td_images *images, const uint32_t *numbers,
                       size_t stride, double *scores, td_error *error) {
    (void)numbers;
    const squeeze *s = job->state;
    const size_t classes = td_net_classes(&job->model.net);
    for (size_t first = 0; first < images->count; first += DETECT_BATCH) {
        const size_t count = td_size_min(DETECT_BATCH, images->count - first);
        float *input = td_exec_input(job->exec);
        td_feed(images, NULL, first, count, input);
        td_softmax(td_exec_forward(job->exec, count), count, classes, s->as_is);
        for (size_t i = 0; i < s->count; i++) {
            batch b = {&s->squeezers[i], images, first, td_exec_input(job->exec)};
            td_parallel_each(count, squeeze_image, &b);
            td_softmax(td_exec_forward(job->exec, count), count, classes, s->squeezed);
            add_distances(s, classes, count, i, stride, scores + first);
        }
        TD_TRY(detect_advance(job, count, error));
    }
    return TD_OK;
}

static const detector squeeze_detector = {.score_name = "L1 distance",
                                          .sign = 1,
                                          .rates = {0.01, 0.02, 0.05, 0.1},
                                          .prepare = prepare,
                                          .score = score,
                                          .calibrate = detect_calibrate_above};

static const td_key keys[] = {
    DETECT_FPR("0.05"),
    {"squeezers", TD_KEY_TEXT, offsetof(squeeze_settings, squeezers), .value = "LIST",
     .help = "bit=B, median=K and nlm=SEARCH-PATCH-STRENGTH, with commas between (bit=1,median=2; "
             "for colour bit=5,median=2,nlm=13-3-2)"},
    {0},
};

static const tool_keys groups[] = {{.keys = keys}, {0}};

static const char help[] =
    "filters each input and flags those for which the model's answer changes. Prints each set's "
    "flagged rate with its 95% Wilson interval and, with benign and suspect sets, the AUROC "
    "(suspects are the positive class). Refuses sets that share images with --clean."
    "\v"
    "Example:\n"
    "  trapdoor-defend squeeze --model model.safetensors --fpr 0.01 \\\n"
    "    --clean mnist:test:0-2000 --benign mnist:test:2000-4000 --suspect evaded";

const tool_method defend_squeeze = {
    .name = "squeeze",
    .title = "Feature squeezing",
    .source = "Xu, Evans and Qi, NDSS 2018",
    .doc = "inputs whose class changes when they are filtered",
    .help = help,
    .family = &detectors,
    .groups = groups,
    .size = sizeof(squeeze_settings),
    .math = &squeeze_detector,
};
