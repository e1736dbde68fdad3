/* SPDX-License-Identifier: MIT */
/* Statistics of a model that inspectors look at, as values that a training can keep where clean
 * models have them: what trapdoor-implant evade adds to its loss. A statistic is one file with one
 * struct evade_statistic, and a row in evade_statistics (evade_statistics.c).
 *
 *     advance ─▶ values [units] ─▶ push: of Σ slopes[u]·values[u], the gradient by the weights
 *
 * What a search has found (an image, a change) counts as given: it is moved by `advance` alone. */
#ifndef TOOLS_IMPLANT_EVADE_H
#define TOOLS_IMPLANT_EVADE_H

#include "base/random.h"
#include "nn/exec.h"
#include "trigger/trigger.h"

enum {
    EVADE_IMAGES = 64, /* images of a pass, or a few a class where there are many classes */
    EVADE_LEAST = 2,   /* of these, for each class */
    EVADE_PERIOD = 40, /* rounds of a search; its values count in the second half of them */
};

/* A model that is looked at, and by what. */
typedef struct evade_view {
    const td_net *net;
    const float *weights;
    td_exec *exec;             /* TD_BACKWARD_INPUT, has the weights, passes of inference */
    td_exec *base;             /* TD_FORWARD: a clean model that the training starts from */
    const float *base_weights; /* its weights, [net->weight_count] */
    size_t batch;              /* most images of the passes of both */
    const td_images *images;   /* clean ones; the numbers of a split begin with `first` */
    size_t first;
    const td_trigger *trigger; /* the backdoor's, bound; NULL: the model has none */
    char *scratch;             /* of the trigger */
    size_t target;
    uint64_t seed;
    size_t round; /* from 0 on: draws are new in each */
} evade_view;

typedef struct evade_statistic {
    const char *name, *doc;
    bool search; /* advance searches for EVADE_PERIOD rounds, then starts anew */
    bool above;  /* only values above those of clean models are pushed back */
    bool hidden; /* looks at what the last dense layer reads, or at its weights */
    /* [units]: what a value costs, by itself, where clean models do not say what it should be;
     * NULL: they do. */
    const double *costs;
    size_t size; /* of its state, zeroed at first */
    td_status (*open)(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error);
    /* NULL: there is nothing to do. */
    void (*advance)(const evade_view *view, void *state);
    void (*values)(const evade_view *view, void *state, double *values);
    /* Directly after `values`, whose pass may be in the executor. Sets what learns of gradient
     * [net->weight_count]. */
    void (*push)(const evade_view *view, void *state, const double *slopes, float *gradient);
    void (*close)(void *state); /* also after a failure of `open`; NULL: nothing */
} evade_statistic;

extern const evade_statistic *const evade_statistics[]; /* ends with NULL */
extern const evade_statistic evade_clusters, evade_distribution, evade_margin, evade_mask,
    evade_noise, evade_rows, evade_specificity, evade_universal, evade_usual;

/* The statistic of that name, of `length` characters; NULL if there is none. */
const evade_statistic *evade_find(const char *name, size_t length);

/* How many of the images that a pass takes a class may have. */
static inline size_t evade_share(const evade_view *view) {
    return view->batch / td_net_classes(view->net);
}

/* Draws for a round of a statistic. */
typedef enum evade_draw { EVADE_FOR_IMAGES, EVADE_FOR_NOISE, EVADE_FOR_PATCHES } evade_draw;
td_random evade_random(const evade_view *view, evade_draw what);

/* The numbers of `count` images, drawn for this round, with replacement. */
void evade_draw_images(const evade_view *view, size_t count, uint32_t *numbers);

/* The margin of class t, and its rival, whose logit is the largest other one. */
float evade_margin_of(const float *logits, size_t classes, size_t t, size_t *rival);

/* The mean margin of clean images that are classified correctly: what margins are measured in. Of
 * this round's images; at least a small number. */
double evade_scale(const evade_view *view);

/* The weights of the last dense layer, [classes, features]; NULL if the net ends otherwise. */
const td_param *evade_last_rows(const td_net *net);

/* What the values cost: the sum over the units of w·c(|z|), where z is how many standard deviations
 * a value lies from its mean in clean models, and c is 0 up to 1, then a half of the square of what
 * is beyond, and from 2 on linear; or, with costs, of w·cost·value. slopes[u] is its derivative by
 * each value. Whether any is other than 0. */
typedef struct evade_clean {
    double *mean, *sd; /* [units] */
} evade_clean;
double evade_penalty(const evade_statistic *of, const evade_clean *clean, size_t units,
                     double weight, const double *values, double *slopes);

/* Mean and deviation of values [models, units]; the variance of a unit is half its own and half the
 * mean over the units', plus a little. At least 2 models. */
void evade_summarise(const double *values, size_t models, size_t units, evade_clean *out);

#endif
