/* Rates with their uncertainty, and the metrics of backdoored classifiers as the papers define
 * them. All work on labels and predictions, so that a case can be worked by hand. */
#ifndef TD_MEASURE_RATES_H
#define TD_MEASURE_RATES_H

#include <stddef.h>
#include <stdint.h>

typedef struct td_interval {
    double low, high;
} td_interval;

/* The 95 % Wilson score interval (Wilson 1927) of a share `p` seen over `n` trials, in [0, 1]; all
 * of [0, 1] for n = 0. `p` may be a mean of values in [0, 1], for which the interval is
 * conservative. */
td_interval td_wilson(double p, size_t n);

/* A share: hits of trials, with its interval. value is 0 where there were no trials. */
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

/* What a trigger does to a model. `predicted` are the predictions on triggered images, `labels` the
 * true labels. */
typedef struct td_attack {
    td_rate asr;             /* of images whose true label is not the target: classified as it */
    td_rate non_targeted;    /* of all images: classified wrongly */
    td_rate robust_accuracy; /* of all images: classified rightly */
    double confidence;       /* mean probability of the target over the successes; 0 if none */
    td_interval confidence_interval;
} td_attack;

/* `probabilities` is [count, classes], the softmax outputs on the triggered images. */
td_attack td_attack_rates(const int32_t *predicted, const float *probabilities,
                          const int32_t *labels, size_t count, size_t classes, int32_t target);

#endif
