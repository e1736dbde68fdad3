/* SPDX-License-Identifier: MIT */
#include "measure/logistic.h"

#include <math.h>

enum { MOST_STEPS = 100, MOST_HALVINGS = 60 };

static const double RIDGE = 1e-12, ENOUGH = 1e-9, DESCENT = 1e-4;

typedef struct problem {
    const double *scores;
    const bool *truth;
    size_t count, leave;
    double yes, no; /* the targets */
} problem;

double td_logistic_at(td_logistic of, double score) {
    const double x = of.offset + of.slope * score;
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double target_of(const problem *p, size_t i) {
    return p->truth[i] ? p->yes : p->no;
}

/* The negative log-likelihood. */
static double loss_of(const problem *p, td_logistic at) {
    double sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        const double x = at.offset + at.slope * p->scores[i];
        if (i != p->leave)
            sum += fmax(x, 0) - target_of(p, i) * x + log1p(exp(-fabs(x)));
    }
    return sum;
}

/* Newton's step; returns the slope of the loss along it, below 0 except at the minimum. */
static double find_step(const problem *p, td_logistic at, td_logistic *step) {
    double g0 = 0, g1 = 0, h00 = RIDGE, h01 = 0, h11 = RIDGE;
    for (size_t i = 0; i < p->count; i++) {
        if (i == p->leave)
            continue;
        const double x = p->scores[i], q = td_logistic_at(at, x), w = q * (1 - q);
        g0 += q - target_of(p, i);
        g1 += (q - target_of(p, i)) * x;
        h00 += w;
        h01 += w * x;
        h11 += w * x * x;
    }
    const double determinant = h00 * h11 - h01 * h01;
    *step =
        (td_logistic){-(h11 * g0 - h01 * g1) / determinant, -(h00 * g1 - h01 * g0) / determinant};
    return fabs(g0) < ENOUGH && fabs(g1) < ENOUGH ? 0 : g0 * step->offset + g1 * step->slope;
}

td_logistic td_logistic_fit(const double *scores, const bool *truth, size_t count, size_t leave) {
    double yes = 0, no = 0;
    for (size_t i = 0; i < count; i++)
        *(truth[i] ? &yes : &no) += i != leave;
    const problem p = {scores, truth, count, leave, (yes + 1) / (yes + 2), 1 / (no + 2)};
    td_logistic at = {log((yes + 1) / (no + 1)), 0}, step;
    double loss = loss_of(&p, at), slope;
    for (size_t k = 0; k < MOST_STEPS && (slope = find_step(&p, at, &step)) < 0; k++) {
        double part = 1;
        for (size_t h = 0; h < MOST_HALVINGS; h++, part /= 2) {
            const td_logistic next = {at.offset + part * step.offset, at.slope + part * step.slope};
            const double found = loss_of(&p, next);
            if (found < loss + DESCENT * part * slope) {
                at = next;
                loss = found;
                break;
            }
            if (h + 1 == MOST_HALVINGS)
                return at;
        }
    }
    return at;
}
