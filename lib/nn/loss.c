/* SPDX-License-Identifier: MIT */
#include "nn/loss.h"

#include <math.h>

/* log Σ exp(logit), without overflow. */
static double log_sum_exp(const float *logits, size_t classes) {
    float largest = logits[td_argmax(logits, classes)];
    double total = 0;
    for (size_t c = 0; c < classes; c++)
        total += exp((double)logits[c] - largest);
    return log(total) + largest;
}

void td_softmax(const float *logits, size_t count, size_t classes, float *probabilities) {
    for (size_t i = 0; i < count; i++) {
        const float *row = logits + i * classes;
        double total = log_sum_exp(row, classes);
        for (size_t c = 0; c < classes; c++)
            probabilities[i * classes + c] = (float)exp((double)row[c] - total);
    }
}

int32_t td_argmax(const float *values, size_t count) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (values[i] > values[best])
            best = i;
    return (int32_t)best;
}

static double mean(const float *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i];
    return sum / (double)count;
}

/* With q the smoothed labels: −Σ q·log softmax = log Σ exp − Σ q·logits. */
td_loss td_cross_entropy_smoothed(const float *logits, const int32_t *labels, size_t count,
                                  size_t classes, double smoothing, float *gradient) {
    td_loss loss = {0};
    for (size_t i = 0; i < count; i++) {
        const float *row = logits + i * classes;
        double target = row[labels[i]];
        if (smoothing > 0) /* else an infinite logit of another class would count */
            target += smoothing * (mean(row, classes) - target);
        loss.sum += log_sum_exp(row, classes) - target;
        loss.correct += td_argmax(row, classes) == labels[i];
    }
    if (gradient) {
        td_softmax(logits, count, classes, gradient);
        for (size_t i = 0; i < count; i++)
            gradient[i * classes + (size_t)labels[i]] -= (float)(1 - smoothing);
        const float rest = (float)(smoothing / (double)classes);
        for (size_t i = 0; i < count * classes; i++)
            gradient[i] = (gradient[i] - rest) / (float)count;
    }
    return loss;
}

td_loss td_cross_entropy(const float *logits, const int32_t *labels, size_t count, size_t classes,
                         float *gradient) {
    return td_cross_entropy_smoothed(logits, labels, count, classes, 0, gradient);
}

td_loss td_cross_entropy_soft(const float *logits, const float *labels, size_t count,
                              size_t classes, float *gradient) {
    td_loss loss = {0};
    for (size_t i = 0; i < count; i++) {
        const float *row = logits + i * classes, *wanted = labels + i * classes;
        const double total = log_sum_exp(row, classes);
        for (size_t c = 0; c < classes; c++)
            if (wanted[c] > 0) /* else an infinite logit would count */
                loss.sum += (double)wanted[c] * (total - (double)row[c]);
        loss.correct += td_argmax(row, classes) == td_argmax(wanted, classes);
    }
    if (gradient) {
        td_softmax(logits, count, classes, gradient);
        for (size_t i = 0; i < count * classes; i++)
            gradient[i] = (gradient[i] - labels[i]) / (float)count;
    }
    return loss;
}
