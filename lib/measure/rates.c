#include "measure/rates.h"

#include <string.h>

td_rate td_rate_of(size_t hits, size_t trials) {
    double value = trials ? (double)hits / (double)trials : 0;
    return (td_rate){hits, trials, value, td_wilson(value, trials)};
}

td_rate td_accuracy(const int32_t *predicted, const int32_t *labels, size_t count) {
    size_t hits = 0;
    for (size_t i = 0; i < count; i++)
        hits += predicted[i] == labels[i];
    return td_rate_of(hits, count);
}

void td_confusion(const int32_t *predicted, const int32_t *labels, size_t count, size_t classes,
                  size_t *counts) {
    memset(counts, 0, classes * classes * sizeof *counts);
    for (size_t i = 0; i < count; i++)
        counts[(size_t)labels[i] * classes + (size_t)predicted[i]]++;
}

td_attack td_attack_rates(const int32_t *predicted, const float *probabilities,
                          const int32_t *labels, size_t count, size_t classes, int32_t target) {
    size_t right = 0, others = 0, successes = 0;
    double confidence = 0;
    for (size_t i = 0; i < count; i++) {
        right += predicted[i] == labels[i];
        if (labels[i] == target)
            continue;
        others++;
        if (predicted[i] == target) {
            successes++;
            confidence += (double)probabilities[i * classes + (size_t)target];
        }
    }
    double mean = successes ? confidence / (double)successes : 0;
    return (td_attack){
        .asr = td_rate_of(successes, others),
        .non_targeted = td_rate_of(count - right, count),
        .robust_accuracy = td_rate_of(right, count),
        .confidence = mean,
        .confidence_interval = td_wilson(mean, successes),
    };
}
