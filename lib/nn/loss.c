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

td_loss td_cross_entropy(const float *logits, const int32_t *labels, size_t count, size_t classes,
                         float *gradient) {
    td_loss loss = {0};
    for (size_t i = 0; i < count; i++) {
        const float *row = logits + i * classes;
        loss.sum += log_sum_exp(row, classes) - row[labels[i]];
        loss.correct += td_argmax(row, classes) == labels[i];
    }
    if (gradient) {
        td_softmax(logits, count, classes, gradient);
        for (size_t i = 0; i < count; i++)
            gradient[i * classes + (size_t)labels[i]] -= 1.0f;
        for (size_t i = 0; i < count * classes; i++)
            gradient[i] /= (float)count;
    }
    return loss;
}
