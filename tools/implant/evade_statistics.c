/* SPDX-License-Identifier: MIT */
/* The table of statistics, and their common code. */
#include "base/size.h"
#include "implant/evade.h"
#include "nn/feed.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

const evade_statistic *const evade_statistics[] = {
    &evade_rows,  &evade_margin, &evade_universal,    &evade_mask,        &evade_clusters,
    &evade_noise, &evade_usual,  &evade_distribution, &evade_specificity, NULL,
};

/* Draws of TD_FOR_IMPLANT: 16 and the kind; index: the round. */
enum { FIRST_DRAW = 16 };

static const double LEAST_SCALE = 1e-3, LEAST_VARIANCE = 1e-6;

const evade_statistic *evade_find(const char *name, size_t length) {
    for (size_t i = 0; evade_statistics[i]; i++)
        if (strlen(evade_statistics[i]->name) == length &&
            strncmp(evade_statistics[i]->name, name, length) == 0)
            return evade_statistics[i];
    return NULL;
}

td_random evade_random(const evade_view *view, evade_draw what) {
    return td_random_for(view->seed, TD_FOR_IMPLANT, FIRST_DRAW + (uint32_t)what,
                         (uint32_t)view->round);
}

void evade_draw_images(const evade_view *view, size_t count, uint32_t *numbers) {
    td_random random = evade_random(view, EVADE_FOR_IMAGES);
    for (size_t i = 0; i < count; i++)
        numbers[i] = td_random_below(&random, (uint32_t)view->images->count);
}

float evade_margin_of(const float *logits, size_t classes, size_t t, size_t *rival) {
    *rival = t == 0;
    for (size_t k = 0; k < classes; k++)
        if (k != t && logits[k] > logits[*rival])
            *rival = k;
    return logits[t] - logits[*rival];
}

double evade_scale(const evade_view *view) {
    const size_t classes = td_net_classes(view->net),
                 count = td_size_min(EVADE_IMAGES, view->batch);
    uint32_t numbers[EVADE_IMAGES];
    double sum = 0;
    size_t right = 0, rival;
    evade_draw_images(view, count, numbers);
    td_feed(view->images, numbers, 0, count, td_exec_input(view->exec));
    const float *logits = td_exec_forward(view->exec, count);
    for (size_t i = 0; i < count; i++) {
        const float margin = evade_margin_of(logits + i * classes, classes,
                                             (size_t)view->images->labels[numbers[i]], &rival);
        sum += margin > 0 ? (double)margin : 0;
        right += margin > 0;
    }
    return right > 0 ? fmax(sum / (double)right, LEAST_SCALE) : LEAST_SCALE;
}

const td_param *evade_last_rows(const td_net *net) {
    const td_node *last = &net->nodes[net->node_count - 1];
    return last->op->dense && last->op->channels == TD_CHANNELS_NEW ? &net->params[last->params[0]]
                                                                    : NULL;
}

double evade_penalty(const evade_statistic *of, const evade_clean *clean, size_t units,
                     double weight, const double *values, double *slopes) {
    double sum = 0;
    for (size_t u = 0; u < units; u++) {
        if (of->costs) {
            slopes[u] = of->costs[u];
            sum += slopes[u] * values[u];
            continue;
        }
        const double z = (values[u] - clean->mean[u]) / clean->sd[u];
        const double beyond = z < 0 && of->above ? 0 : fmax(fabs(z) - 1, 0);
        const double slope = fmin(beyond, 1);
        slopes[u] = weight * (z < 0 ? -slope : slope) / clean->sd[u];
        sum += weight * (beyond < 1 ? beyond * beyond / 2 : beyond - 0.5);
    }
    return sum;
}

void evade_summarise(const double *values, size_t models, size_t units, evade_clean *out) {
    double mean_variance = 0;
    for (size_t u = 0; u < units; u++) {
        double sum = 0, squares = 0;
        for (size_t m = 0; m < models; m++)
            sum += values[m * units + u] / (double)models;
        for (size_t m = 0; m < models; m++)
            squares += (values[m * units + u] - sum) * (values[m * units + u] - sum);
        out->mean[u] = sum;
        out->sd[u] = squares / (double)(models - 1);
        mean_variance += out->sd[u] / (double)units;
    }
    for (size_t u = 0; u < units; u++)
        out->sd[u] = sqrt((out->sd[u] + mean_variance) / 2 + LEAST_VARIANCE);
}
