/* SPDX-License-Identifier: MIT */
#include "defend/audit/calibration.h"

#include "measure/mad.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const double FAR = 8;

/* Mean and variance of all values but one, from the sums over all of them. */
typedef struct others {
    double mean, variance;
} others;

static others without(double sum, double squares, double value, size_t count) {
    const double rest = (double)(count - 1), mean = (sum - value) / rest;
    const double spread = (squares - value * value - rest * mean * mean) / (rest - 1);
    return (others){mean, fmax(spread, 0)};
}

/* Without variation, equal values are at 0 and others as far away as possible. */
static double standardised(double value, double mean, double variance) {
    const double distance = value - mean, sd = sqrt(variance);
    if (sd > 0)
        return distance / sd;
    return distance > 0 ? FAR : distance < 0 ? -FAR : 0;
}

/* A single unit has nothing to be compared with. */
static void centre(double *values, size_t units, double *scratch) {
    if (units < 2)
        return;
    const double median = td_median(values, units, scratch);
    for (size_t u = 0; u < units; u++)
        values[u] -= median;
}

/* Sums relative to the first model's values, to avoid cancellation. */
static void sum_units(const calibration_screen *s, size_t models, double *sums, double *squares) {
    for (size_t u = 0; u < s->units; u++) {
        sums[u] = squares[u] = 0;
        for (size_t m = 0; m < models; m++) {
            const double x = s->values[m * s->units + u] - s->values[u];
            sums[u] += x;
            squares[u] += x * x;
        }
    }
}

/* The largest z of a model. */
static void score_model(calibration_screen *s, size_t model, size_t models, const double *sums,
                        const double *squares, others *rest) {
    double mean_variance = 0, best = -INFINITY;
    for (size_t u = 0; u < s->units; u++) {
        const double x = s->values[model * s->units + u] - s->values[u];
        rest[u] = without(sums[u], squares[u], x, models);
        mean_variance += rest[u].variance / (double)s->units;
    }
    for (size_t u = 0; u < s->units; u++) {
        const double x = s->values[model * s->units + u] - s->values[u];
        const double z = standardised(x, rest[u].mean, (rest[u].variance + mean_variance) / 2);
        if (z > best) {
            best = z;
            if (model + 1 == models) {
                s->unit = u;
                s->z = z;
            }
        }
    }
    s->scores[model] = best;
}

static void standardise_scores(calibration_screen *s, size_t models, double *scratch) {
    double sum = 0, squares = 0;
    for (size_t m = 0; m < models; m++) {
        scratch[m] = s->scores[m];
        sum += scratch[m];
        squares += scratch[m] * scratch[m];
    }
    for (size_t m = 0; m < models; m++) {
        const others rest = without(sum, squares, scratch[m], models);
        s->scores[m] = fmin(fmax(standardised(scratch[m], rest.mean, rest.variance), -FAR), FAR);
    }
}

static td_status score_screen(calibration_screen *s, size_t models, td_error *error) {
    const size_t size = s->units > models ? s->units : models;
    double *scratch = calloc(3 * size, sizeof *scratch);
    others *rest = calloc(s->units, sizeof *rest);
    if (scratch && rest) {
        double *sums = scratch + size, *squares = scratch + 2 * size;
        for (size_t m = 0; m < models; m++)
            centre(s->values + m * s->units, s->units, scratch);
        sum_units(s, models, sums, squares);
        for (size_t m = 0; m < models; m++)
            score_model(s, m, models, sums, squares, rest);
        standardise_scores(s, models, scratch);
    }
    const bool failed = !scratch || !rest;
    free(scratch);
    free(rest);
    return failed ? td_fail_memory(error, "the controls' scores") : TD_OK;
}

static void join(calibration *c, size_t joint, size_t model) {
    c->joint[model] = -INFINITY;
    for (size_t i = 0; i < joint; i++)
        if (c->screens[i].scores[model] > c->joint[model]) {
            c->joint[model] = c->screens[i].scores[model];
            if (model == c->controls)
                c->carried = i;
        }
}

td_status calibrate(calibration *c, size_t joint, td_error *error) {
    const size_t models = c->controls + 1;
    for (size_t i = 0; i < c->screen_count; i++)
        TD_TRY(score_screen(&c->screens[i], models, error));
    for (size_t m = 0; m < models; m++)
        join(c, joint, m);
    c->as_high = 0;
    for (size_t m = 0; m < c->controls; m++)
        c->as_high += c->joint[m] >= c->joint[c->controls];
    c->p = (double)(1 + c->as_high) / (double)models;
    return TD_OK;
}
