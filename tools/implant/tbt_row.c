/* SPDX-License-Identifier: MIT */
/* The target's row: which weights to change, and how. */
#include "implant/tbt.h"

#include "nn/loss.h"
#include "nn/optimizer.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The derivative of the mean cross-entropy by the target's logit of image i: p_t − [label is t]. */
static double slope(const tbt_row *row, const float *probabilities, size_t i, int32_t label) {
    return ((double)probabilities[i * row->classes + row->target] -
            (label == (int32_t)row->target)) /
           (double)row->count;
}

td_status tbt_choose(const tbt_row *row, size_t wanted, size_t *chosen, td_error *error) {
    td_arena arena = {0};
    float *probabilities;
    double *sum = NULL;
    td_status status =
        TD_ARENA_NEW(&arena, row->count * row->classes, &probabilities, "probabilities", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, row->inputs, &sum, "gradients", error);
    if (status == TD_OK) {
        td_softmax(row->clean.logits, row->count, row->classes, probabilities);
        for (size_t i = 0; i < row->count; i++)
            for (size_t k = 0; k < row->inputs; k++)
                sum[k] += slope(row, probabilities, i, row->labels[i]) *
                          (double)row->clean.features[i * row->inputs + k];
        for (size_t n = 0; n < wanted; n++) {
            size_t best = 0;
            for (size_t k = 1; k < row->inputs; k++)
                best = fabs(sum[k]) > fabs(sum[best]) ? k : best;
            chosen[n] = best;
            sum[best] = 0;
        }
    }
    td_arena_free(&arena);
    return status;
}

/* One part of the loss, with its weight, on images with the change applied; adds to the gradient.
 */
static double add_part(const tbt_row *row, const tbt_seen *seen, bool stamped, double weight,
                       const size_t *chosen, size_t count, const float *change, float *logits,
                       float *gradient) {
    double loss = 0;
    memcpy(logits, seen->logits, row->count * row->classes * sizeof *logits);
    for (size_t i = 0; i < row->count; i++)
        for (size_t n = 0; n < count; n++)
            logits[i * row->classes + row->target] +=
                change[n] * seen->features[i * row->inputs + chosen[n]];
    td_softmax(logits, row->count, row->classes, logits);
    for (size_t i = 0; i < row->count; i++) {
        const int32_t label = stamped ? (int32_t)row->target : row->labels[i];
        const double by_logit = weight * slope(row, logits, i, label);
        loss -= weight * log(fmax((double)logits[i * row->classes + (size_t)label], 1e-30));
        for (size_t n = 0; n < count; n++)
            gradient[n] += (float)by_logit * seen->features[i * row->inputs + chosen[n]];
    }
    return loss / (double)row->count;
}

td_status tbt_tune(const tbt_row *row, const size_t *chosen, size_t count, size_t steps, double lr,
                   double clean, float *change, double *loss, td_error *error) {
    td_arena arena = {0};
    float *logits, *gradient = NULL, *moments = NULL;
    td_status status = TD_ARENA_NEW(&arena, row->count * row->classes, &logits, "logits", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, count, &gradient, "gradients", error);
    if (status == TD_OK)
        status = TD_ARENA_NEW(&arena, 2 * count, &moments, "gradients", error);
    for (size_t step = 1; status == TD_OK && step <= steps; step++) {
        const td_step adam = td_adam_step(lr, step);
        memset(gradient, 0, count * sizeof *gradient);
        *loss = add_part(row, &row->clean, false, clean, chosen, count, change, logits, gradient);
        *loss +=
            add_part(row, &row->stamped, true, 1 - clean, chosen, count, change, logits, gradient);
        td_adam(&adam, change, gradient, moments, moments + count, count);
    }
    td_arena_free(&arena);
    return status;
}

int8_t tbt_code(float weight, float scale) {
    return (int8_t)lrintf(fminf(fmaxf(weight / scale, -127), 127));
}

unsigned tbt_flips(int8_t one, int8_t other) {
    return (unsigned)__builtin_popcount((unsigned)(uint8_t)(one ^ other));
}
