/* SPDX-License-Identifier: MIT */
/* The entropies of batch norms' inputs. */
#include "base/parallel.h"
#include "defend/repair/ep.h"
#include "defend/repair/norm_inputs.h"
#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double ep_entropy(double *values, size_t count, double low, double width) {
    double entropy = 0;
    for (size_t i = 0; i < count; i++)
        values[i] = floor((values[i] - low) / width);
    qsort(values, count, sizeof *values, compare);
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && !(values[end] > values[begin]);)
            end++;
        const double share = (double)(end - begin) / (double)count;
        entropy -= share * log(share);
    }
    return entropy > 0 ? entropy : 0;
}

bool ep_standardise(double *values, size_t count) {
    const double rounding = 1e-7; /* for floats equal up to rounding */
    double mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    const double deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    if (deviation <= rounding * fabs(mean))
        return false;
    for (size_t i = 0; i < count; i++)
        values[i] = (values[i] - mean) / deviation;
    return true;
}

/* The largest values of all norms, [channels, images]. */
typedef struct maxima {
    const repair_norms *norms;
    double *all;
    size_t images;
    const norm_values *given;
    double width, low;
    double *entropies; /* of the current norm, [channels]; NaN for a constant channel */
    double *own;       /* its maxima */
} maxima;

static void take_channel(void *context, size_t c) {
    const maxima *m = context;
    const norm_values *g = m->given;
    double *own = m->all + (m->norms->list[g->norm].first + c) * m->images + g->first;
    for (size_t i = 0; i < g->count; i++) {
        const float *values = g->values + i * g->stride + c * g->positions;
        float largest = values[0];
        for (size_t p = 1; p < g->positions; p++)
            largest = values[p] > largest ? values[p] : largest;
        own[i] = (double)largest;
    }
}

static void take_batch(void *context, const norm_values *given) {
    maxima *m = context;
    m->given = given;
    td_parallel_each(m->norms->list[given->norm].channels, take_channel, m);
}

static void measure_channel(void *context, size_t c) {
    const maxima *m = context;
    if (!isnan(m->entropies[c]))
        m->entropies[c] = ep_entropy(m->own + c * m->images, m->images, m->low, m->width);
}

static void measure_norm(maxima *m, const repair_norm *norm, double *entropies) {
    m->own = m->all + norm->first * m->images;
    m->entropies = entropies + norm->first;
    m->low = INFINITY;
    for (size_t c = 0; c < norm->channels; c++) {
        double *values = m->own + c * m->images;
        const bool varies = ep_standardise(values, m->images);
        m->entropies[c] = varies ? 0 : (double)NAN;
        for (size_t i = 0; varies && i < m->images; i++)
            m->low = fmin(m->low, values[i]);
    }
    td_parallel_each(norm->channels, measure_channel, m);
}

td_status ep_entropies(tool_run *run, const td_net *net, const float *weights,
                       const repair_norms *norms, const td_images *images, double width,
                       double *entropies, td_error *error) {
    maxima m = {.norms = norms, .images = images->count, .width = width};
    TD_TRY(td_arena_alloc(&run->arena, norms->channels, images->count * sizeof *m.all,
                          (void **)&m.all, "activations", error));
    TD_TRY(norm_inputs(run, net, weights, norms, images, take_batch, &m, error));
    for (size_t i = 0; i < norms->count; i++)
        measure_norm(&m, &norms->list[i], entropies);
    return TD_OK;
}
