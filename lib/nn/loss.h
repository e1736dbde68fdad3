/* SPDX-License-Identifier: MIT */
/* Softmax and cross-entropy. */
#ifndef TD_NN_LOSS_H
#define TD_NN_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* Row-wise softmax of logits [count, classes]; in place if the two are the same. */
void td_softmax(const float *logits, size_t count, size_t classes, float *probabilities);

/* The index of the largest value; the first of equals. */
int32_t td_argmax(const float *values, size_t count);

typedef struct td_loss {
    double sum;     /* of the images' cross-entropies, natural logarithm */
    size_t correct; /* images whose largest logit is their label's */
} td_loss;

/* Cross-entropy of softmax(logits) against labels. `gradient` [count, classes] receives the
 * gradient of the batch's mean loss with respect to the logits; NULL for none. */
td_loss td_cross_entropy(const float *logits, const int32_t *labels, size_t count, size_t classes,
                         float *gradient);

/* The same against smoothed labels (Szegedy et al. 2016), as PyTorch's label_smoothing: the label
 * has probability 1 − s + s/classes, every other class s/classes; 0 <= s < 1. */
td_loss td_cross_entropy_smoothed(const float *logits, const int32_t *labels, size_t count,
                                  size_t classes, double smoothing, float *gradient);

/* The same against soft labels (Hinton et al. 2015, at temperature 1): probabilities
 * [count, classes], of which the largest counts as an image's label. */
td_loss td_cross_entropy_soft(const float *logits, const float *labels, size_t count,
                              size_t classes, float *gradient);

#endif
