/* SPDX-License-Identifier: MIT */
/* Statistics of a model that inspectors examine, as values that a training can keep in the range of
 * clean models: trapdoor-implant evade adds them to its loss. A statistic is one file with one
 * struct evade_statistic, and a row in evade_statistics (evade_statistics.c).
 *
 *     advance ─▶ values [units] ─▶ push: the gradient of Σ slopes[u]·values[u] by the weights
 *
 * The result of a search (an image, a change) is treated as constant: only `advance` changes it. */
#ifndef TOOLS_IMPLANT_EVADE_H
#define TOOLS_IMPLANT_EVADE_H

#include "base/random.h"
#include "nn/exec.h"
#include "trigger/trigger.h"

enum {
    EVADE_IMAGES = 64, /* images per pass, or a few per class if there are many classes */
    EVADE_LEAST = 2,   /* fewest of these per class */
    EVADE_PERIOD = 40, /* rounds of a search; its values count in the second half */
};

/* The model under training, and what statistics need to examine it. */
typedef struct evade_view {
    const td_net *net;
    const float *weights;
    td_exec *exec;             /* TD_BACKWARD_INPUT, with the weights, in inference mode */
    td_exec *base;             /* TD_FORWARD: the clean model from which the training starts */
    const float *base_weights; /* its weights, [net->weight_count] */
    size_t batch;              /* largest batch of both */
    const td_images *images;   /* clean ones; `first` is the number of the first in its split */
    size_t first;
    const td_trigger *trigger; /* the backdoor's, bound; NULL: none */
    char *scratch;             /* for the trigger */
    size_t target;
    uint64_t seed;
    size_t round; /* from 0 on; each has new draws */
} evade_view;

typedef struct evade_statistic {
    const char *name, *doc;
    bool search; /* advance searches for EVADE_PERIOD rounds, then restarts */
    bool above;  /* pushes back only values above those of clean models */
    bool hidden; /* examines the input of the last dense layer, or its weights */
    /* [units]: fixed cost per value, which no weight multiplies, if clean models give no reference;
     * NULL: they do. */
    const double *costs;
    size_t size; /* of its state, zeroed at first */
    td_status (*open)(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error);
    /* NULL: nothing to do. */
    void (*advance)(const evade_view *view, void *state);
    void (*values)(const evade_view *view, void *state, double *values);
    /* Called directly after `values`, whose pass may still be in the executor. Sets the trainable
     * part of gradient [net->weight_count]. */
    void (*push)(const evade_view *view, void *state, const double *slopes, float *gradient);
    void (*close)(void *state); /* also after a failure of `open`; NULL: nothing to do */
} evade_statistic;

extern const evade_statistic *const evade_statistics[]; /* ends with NULL */
extern const evade_statistic evade_clusters, evade_distribution, evade_margin, evade_mask,
    evade_noise, evade_rows, evade_specificity, evade_universal, evade_usual;

/* The statistic named by `length` characters; NULL if there is none. */
const evade_statistic *evade_find(const char *name, size_t length);

/* Number of images of a pass that a class may have. */
static inline size_t evade_share(const evade_view *view) {
    return view->batch / td_net_classes(view->net);
}

/* Purposes of a statistic's draws in a round. */
typedef enum evade_draw { EVADE_FOR_IMAGES, EVADE_FOR_NOISE, EVADE_FOR_PATCHES } evade_draw;
td_random evade_random(const evade_view *view, evade_draw what);

/* The numbers of `count` images drawn for this round, with replacement. */
void evade_draw_images(const evade_view *view, size_t count, uint32_t *numbers);

/* The margin of class t, and its rival, the class with the largest other logit. */
float evade_margin_of(const float *logits, size_t classes, size_t t, size_t *rival);

/* The mean margin of correctly classified clean images, the unit of margins. From this round's
 * images; at least a small number. */
double evade_scale(const evade_view *view);

/* The weights of the last dense layer, [classes, features]; NULL if the net ends otherwise. */
const td_param *evade_last_rows(const td_net *net);

/* The cost of the values: the sum over the units of w·c(|z|), where z is the distance of a value
 * from its mean in clean models in standard deviations, and c is 0 up to 1, then half the square of
 * the excess, and linear from 2 on; or, with costs, of cost·value. slopes[u] is its derivative by
 * each value. Returns whether any is not 0. */
typedef struct evade_clean {
    double *mean, *sd; /* [units] */
} evade_clean;
double evade_penalty(const evade_statistic *of, const evade_clean *clean, size_t units,
                     double weight, const double *values, double *slopes);

/* Mean and deviation of values [models, units]; a unit's variance is half its own and half the mean
 * over all units, plus a small constant. At least 2 models. */
void evade_summarise(const double *values, size_t models, size_t units, evade_clean *out);

#endif
