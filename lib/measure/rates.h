/* SPDX-License-Identifier: MIT */
/* Rates with their uncertainty, and the metrics of backdoored classifiers as the papers define
 * them. All work on labels and predictions, so that cases can be checked by hand. */
#ifndef TD_MEASURE_RATES_H
#define TD_MEASURE_RATES_H

#include <stddef.h>
#include <stdint.h>

typedef struct td_interval {
    double low, high;
} td_interval;

/* The 95 % Wilson score interval (Wilson 1927) of a share `p` observed in `n` trials, within [0,
 * 1]; [0, 1] for n = 0. `p` may be a mean of values in [0, 1], for which the interval is
 * conservative. */
td_interval td_wilson(double p, size_t n);

/* A share: hits of trials, with its interval. value is 0 without trials. */
typedef struct td_rate {
    size_t hits, trials;
    double value;
    td_interval interval;
} td_rate;

td_rate td_rate_of(size_t hits, size_t trials);

/* Share of images whose prediction is their label. */
td_rate td_accuracy(const int32_t *predicted, const int32_t *labels, size_t count);

/* counts[label * classes + predicted], classes × classes, zeroed here. */
void td_confusion(const int32_t *predicted, const int32_t *labels, size_t count, size_t classes,
                  size_t *counts);

/* The target class of a trigger: one for all images, or one for each true label, as in an
 * all-to-all attack. Images whose target is their own label count in no attack success rate. */
typedef struct td_target {
    int32_t class;
    const int32_t *of_label; /* [classes], instead of `class`; NULL: all labels have `class` */
} td_target;

static inline td_target td_target_class(size_t class) {
    return (td_target){(int32_t) class, NULL};
}

static inline int32_t td_target_of(td_target target, int32_t label) {
    return target.of_label ? target.of_label[label] : target.class;
}

/* Attack success rate: of the images whose target is not their label, the share classified as the
 * target. */
td_rate td_asr(const int32_t *predicted, const int32_t *labels, size_t count, td_target target);

/* Robust accuracy as BackdoorBench counts it (RA): of the images whose target is not their label,
 * the share still classified as their label. ASR + RA is at most 1. */
td_rate td_ra(const int32_t *predicted, const int32_t *labels, size_t count, td_target target);

/* The effect of a trigger on a model. `predicted` are the predictions on triggered images, `labels`
 * the true labels. */
typedef struct td_attack {
    td_rate asr;          /* of images whose target is not their label: classified as the target */
    td_rate non_targeted; /* of all images: classified wrongly */
    td_rate robust_accuracy; /* of all images: classified correctly */
    double confidence;       /* mean probability of the target over the successes; 0 if none */
    td_interval confidence_interval;
} td_attack;

/* `probabilities` is [count, classes], the softmax outputs on the triggered images. */
td_attack td_attack_rates(const int32_t *predicted, const float *probabilities,
                          const int32_t *labels, size_t count, size_t classes, td_target target);

/* The ASR of each true class: rates[classes]; a class that is its own target has no trials. */
void td_asr_by_class(const int32_t *predicted, const int32_t *labels, size_t count, size_t classes,
                     td_target target, td_rate *rates);

/* The up to `best` classes with the highest rates among those with trials, highest first, ties by
 * class number. Returns how many. chosen: [best]. */
size_t td_best_classes(const td_rate *rates, size_t classes, size_t best, size_t *chosen);

#endif
