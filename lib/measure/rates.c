/* SPDX-License-Identifier: MIT */
#include "measure/rates.h"

#include <stdbool.h>
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

td_rate td_asr(const int32_t *predicted, const int32_t *labels, size_t count, td_target target) {
    size_t others = 0, hits = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t wanted = td_target_of(target, labels[i]);
        others += labels[i] != wanted;
        hits += labels[i] != wanted && predicted[i] == wanted;
    }
    return td_rate_of(hits, others);
}

td_rate td_ra(const int32_t *predicted, const int32_t *labels, size_t count, td_target target) {
    size_t others = 0, hits = 0;
    for (size_t i = 0; i < count; i++) {
        const bool other = labels[i] != td_target_of(target, labels[i]);
        others += other;
        hits += other && predicted[i] == labels[i];
    }
    return td_rate_of(hits, others);
}

td_attack td_attack_rates(const int32_t *predicted, const float *probabilities,
                          const int32_t *labels, size_t count, size_t classes, td_target target) {
    size_t right = 0;
    double confidence = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t wanted = td_target_of(target, labels[i]);
        right += predicted[i] == labels[i];
        if (labels[i] != wanted && predicted[i] == wanted)
            confidence += (double)probabilities[i * classes + (size_t)wanted];
    }
    td_rate asr = td_asr(predicted, labels, count, target);
    double mean = asr.hits ? confidence / (double)asr.hits : 0;
    return (td_attack){
        .asr = asr,
        .non_targeted = td_rate_of(count - right, count),
        .robust_accuracy = td_rate_of(right, count),
        .confidence = mean,
        .confidence_interval = td_wilson(mean, asr.hits),
    };
}

void td_asr_by_class(const int32_t *predicted, const int32_t *labels, size_t count, size_t classes,
                     td_target target, td_rate *rates) {
    for (size_t c = 0; c < classes; c++)
        rates[c] = (td_rate){0};
    for (size_t i = 0; i < count; i++) {
        const int32_t wanted = td_target_of(target, labels[i]);
        if (labels[i] == wanted)
            continue;
        rates[labels[i]].trials++;
        rates[labels[i]].hits += predicted[i] == wanted;
    }
    for (size_t c = 0; c < classes; c++)
        rates[c] = td_rate_of(rates[c].hits, rates[c].trials);
}

/* Whether class a ranks before class b. */
static bool better(const td_rate *rates, size_t a, size_t b) {
    return rates[a].value > rates[b].value || (rates[a].value == rates[b].value && a < b);
}

size_t td_best_classes(const td_rate *rates, size_t classes, size_t best, size_t *chosen) {
    size_t count = 0;
    for (size_t c = 0; c < classes; c++) {
        if (rates[c].trials == 0)
            continue;
        size_t place = count;
        while (place > 0 && better(rates, c, chosen[place - 1]))
            place--;
        if (place == best)
            continue;
        count += count < best;
        for (size_t i = count - 1; i > place; i--)
            chosen[i] = chosen[i - 1];
        chosen[place] = c;
    }
    return count;
}
