/* SPDX-License-Identifier: MIT */
/* The rows of the last layer: the mean weight of each class's row (Fields et al., "Trojan
 * signatures in DNN weights", ICCV workshops 2021) and its length. */
#include "implant/evade.h"
#include <math.h>
#include <string.h>

static td_status open(const evade_view *view, void *state, td_arena *arena, size_t *units,
                      td_error *error) {
    (void)state;
    (void)arena;
    (void)error;
    *units = 2 * evade_last_rows(view->net)->dims[0];
    return TD_OK;
}

static void values(const evade_view *view, void *state, double *values) {
    const td_param *rows = evade_last_rows(view->net);
    const size_t classes = rows->dims[0], features = rows->dims[1];
    (void)state;
    for (size_t c = 0; c < classes; c++) {
        const float *row = view->weights + rows->offset + c * features;
        double sum = 0, squares = 0;
        for (size_t k = 0; k < features; k++) {
            sum += (double)row[k];
            squares += (double)row[k] * (double)row[k];
        }
        values[c] = sum / (double)features;
        values[classes + c] = sqrt(squares);
    }
}

static void push(const evade_view *view, void *state, const double *slopes, float *gradient) {
    const td_param *rows = evade_last_rows(view->net);
    const size_t classes = rows->dims[0], features = rows->dims[1];
    (void)state;
    memset(gradient, 0, view->net->weight_count * sizeof *gradient);
    for (size_t c = 0; c < classes; c++) {
        const float *row = view->weights + rows->offset + c * features;
        double squares = 0;
        for (size_t k = 0; k < features; k++)
            squares += (double)row[k] * (double)row[k];
        const double by = squares > 0 ? slopes[classes + c] / sqrt(squares) : 0;
        for (size_t k = 0; k < features; k++)
            gradient[rows->offset + c * features + k] =
                (float)(slopes[c] / (double)features + by * (double)row[k]);
    }
}

const evade_statistic evade_rows = {
    .name = "rows",
    .doc = "the mean and the length of each class's row of the last layer",
    .hidden = true,
    .size = 1,
    .open = open,
    .values = values,
    .push = push,
};
