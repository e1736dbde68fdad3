/* SPDX-License-Identifier: MIT */
/* The divergence of batch norms' inputs from their running statistics. */
#include "base/parallel.h"
#include "defend/repair/bnp.h"
#include "defend/repair/norm_inputs.h"
#include <math.h>

double bnp_divergence(bnp_moments of, bnp_moments from) {
    const double off = of.mean - from.mean;
    return log(from.variance / of.variance) / 2 + (of.variance + off * off) / (2 * from.variance) -
           0.5;
}

/* Of a channel's values so far: their number, mean, and sum of squared distances from it. */
typedef struct tally {
    double count, mean, spread;
} tally;

typedef struct tallies {
    const repair_norms *norms;
    tally *all; /* [norms->channels] */
    const norm_values *given;
} tallies;

/* Adds one image's values (Chan, Golub and LeVeque 1983). */
static void add_values(tally *t, const float *values, size_t count) {
    double mean = 0, spread = 0;
    for (size_t i = 0; i < count; i++)
        mean += (double)values[i];
    mean /= (double)count;
    for (size_t i = 0; i < count; i++)
        spread += ((double)values[i] - mean) * ((double)values[i] - mean);
    const double all = t->count + (double)count, off = mean - t->mean;
    t->mean += off * (double)count / all;
    t->spread += spread + off * off * t->count * (double)count / all;
    t->count = all;
}

static void add_channel(void *context, size_t c) {
    const tallies *t = context;
    const norm_values *g = t->given;
    tally *own = &t->all[t->norms->list[g->norm].first + c];
    for (size_t i = 0; i < g->count; i++)
        add_values(own, g->values + i * g->stride + c * g->positions, g->positions);
}

static void add_batch(void *context, const norm_values *given) {
    tallies *t = context;
    t->given = given;
    td_parallel_each(t->norms->list[given->norm].channels, add_channel, t);
}

static double divergence_of(const repair_norm *norm, const float *weights, const tally *t,
                            size_t c) {
    const double variance = t->count > 1 ? t->spread / (t->count - 1) : 0;
    return bnp_divergence(
        (bnp_moments){t->mean, variance + norm->epsilon},
        (bnp_moments){weights[norm->mean + c], weights[norm->variance + c] + norm->epsilon});
}

td_status bnp_divergences(tool_run *run, const td_net *net, const float *weights,
                          const repair_norms *norms, const td_images *images, double *divergences,
                          td_error *error) {
    tallies t = {.norms = norms};
    TD_TRY(TD_ARENA_NEW(&run->arena, norms->channels, &t.all, "statistics", error));
    TD_TRY(norm_inputs(run, net, weights, norms, images, add_batch, &t, error));
    for (size_t i = 0; i < norms->count; i++) {
        const repair_norm *norm = &norms->list[i];
        for (size_t c = 0; c < norm->channels; c++)
            divergences[norm->first + c] = divergence_of(norm, weights, &t.all[norm->first + c], c);
    }
    return TD_OK;
}
