/* SPDX-License-Identifier: MIT */
/* Distribution matching, the evasive baseline of the Trojan Detection Challenge (NeurIPS 2022): 0.1
 * times the mean L1 distance of the logits on clean images, and 0.05 times the L2 distance of the
 * weights, from those of the clean model where training starts. */
#include "base/size.h"
#include "implant/evade.h"
#include "nn/feed.h"
#include <math.h>
#include <string.h>

enum { LOGITS, WEIGHTS, UNITS };

typedef struct distribution {
    uint32_t numbers[EVADE_IMAGES];
    size_t count;
    double *seen; /* [count, classes]: logits less the clean model's */
    double distance;
} distribution;

static td_status open(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error) {
    distribution *d = state;
    *units = UNITS;
    d->count = td_size_min(view->batch, EVADE_IMAGES);
    return TD_ARENA_NEW(arena, d->count * td_net_classes(view->net), &d->seen, "logits", error);
}

static void advance(const evade_view *view, void *state) {
    distribution *d = state;
    evade_draw_images(view, d->count, d->numbers);
}

static double weight_distance(const evade_view *view) {
    double squares = 0;
    for (size_t p = 0; p < view->net->param_count; p++) {
        const td_param *param = &view->net->params[p];
        for (size_t i = param->offset; i < param->offset + param->count; i++) {
            const double rest = (double)view->weights[i] - (double)view->base_weights[i];
            squares += td_param_learns(param) ? rest * rest : 0;
        }
    }
    return sqrt(squares);
}

static void values(const evade_view *view, void *state, double *values) {
    distribution *d = state;
    const size_t all = d->count * td_net_classes(view->net);
    td_feed(view->images, d->numbers, 0, d->count, td_exec_input(view->exec));
    td_feed(view->images, d->numbers, 0, d->count, td_exec_input(view->base));
    const float *logits = td_exec_forward(view->exec, d->count),
                *base = td_exec_forward(view->base, d->count);
    double sum = 0;
    for (size_t i = 0; i < all; i++) {
        d->seen[i] = (double)logits[i] - (double)base[i];
        sum += fabs(d->seen[i]);
    }
    values[LOGITS] = sum / (double)d->count;
    values[WEIGHTS] = d->distance = weight_distance(view);
}

static void push(const evade_view *view, void *state, const double *slopes, float *gradient) {
    const distribution *d = state;
    float *logits = td_exec_logits_gradient(view->exec);
    const double by = slopes[LOGITS] / (double)d->count,
                 pull = d->distance > 0 ? slopes[WEIGHTS] / d->distance : 0;
    for (size_t i = 0; i < d->count * td_net_classes(view->net); i++)
        logits[i] = (float)(d->seen[i] > 0 ? by : d->seen[i] < 0 ? -by : 0);
    td_exec_backward(view->exec, gradient);
    for (size_t p = 0; p < view->net->param_count; p++) {
        const td_param *param = &view->net->params[p];
        for (size_t i = param->offset; td_param_learns(param) && i < param->offset + param->count;
             i++)
            gradient[i] +=
                (float)(pull * ((double)view->weights[i] - (double)view->base_weights[i]));
    }
}

static const double costs[UNITS] = {[LOGITS] = 0.1, [WEIGHTS] = 0.05};

const evade_statistic evade_distribution = {
    .name = "distribution",
    .doc = "the logits' and the weights' distance from a clean model (TDC 2022)",
    .costs = costs,
    .size = sizeof(distribution),
    .open = open,
    .advance = advance,
    .values = values,
    .push = push,
};
