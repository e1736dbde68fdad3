/* SPDX-License-Identifier: MIT */
/* An inspector like MM-BD (Wang, Xiang, Miller and Kesidis, IEEE S&P 2024), as a test of the
 * interface: for each class the largest margin over all others, by gradient ascent from random
 * images. A backdoor's class has a far larger margin than the others. */
#include "margin_inspector.h"
#include "base/random.h"
#include "defend/inspect/inspect.h"
#include "nn/exec.h"
#include <string.h>

enum { STARTS = 8 };

typedef struct margin_options {
    size_t steps;
} margin_options;

/* The largest margin of class t, and the gradient of each image's. */
static double margin(const float *logits, size_t classes, size_t t, float *slope) {
    double best = -INFINITY;
    memset(slope, 0, STARTS * classes * sizeof *slope);
    for (size_t i = 0; i < STARTS; i++, logits += classes, slope += classes) {
        size_t other = t == 0;
        for (size_t k = 0; k < classes; k++)
            other = k != t && logits[k] > logits[other] ? k : other;
        slope[t] = 1;
        slope[other] = -1;
        best = fmax(best, (double)(logits[t] - logits[other]));
    }
    return best;
}

static double climb(inspection *in, td_exec *exec, float *x, size_t count, size_t t) {
    td_random random = td_random_for(in->run->common->seed, TD_FOR_TEST, (uint32_t)t, 0);
    double best = -INFINITY;
    for (size_t k = 0; k < count; k++)
        x[k] = 255 * td_random_unit(&random);
    for (size_t step = 0; step < ((const margin_options *)in->run->own)->steps; step++) {
        memcpy(td_exec_input(exec), x, count * sizeof *x);
        best = fmax(best, margin(td_exec_forward(exec, STARTS), in->class_count, t,
                                 td_exec_logits_gradient(exec)));
        const float *slope = td_exec_backward(exec, NULL), far = 255.0F / (float)(step + 1);
        for (size_t k = 0; k < count; k++)
            x[k] = fminf(255, fmaxf(0, x[k] + far * (float)((slope[k] > 0) - (slope[k] < 0))));
    }
    return best;
}

static td_status of_class(inspection *in, size_t t, finding *one, td_error *error) {
    const size_t count = STARTS * td_shape_size(in->shape);
    float *x;
    td_exec *exec;
    TD_TRY(TD_ARENA_NEW(&in->run->arena, count, &x, "images", error));
    TD_TRY(td_exec_new(&exec, &in->model.net, STARTS, TD_BACKWARD_INPUT, error));
    td_exec_weights(exec, in->model.weights);
    one->value = climb(in, exec, x, count, t);
    td_exec_free(exec);
    return TD_OK;
}

static const inspector math = {
    .statistic = {.name = "margin", .large = true}, .spread = FINDINGS_MAD, .of_class = of_class};
static const td_key keys[] = {{"steps", TD_KEY_COUNT, offsetof(margin_options, steps), .least = 1,
                               .most = 999, .standard = "30", .help = "Steps"},
                              {0}};
static const tool_keys groups[] = {{.keys = keys}, {0}};
const tool_method margin_method = {.name = "ascent",
                                   .title = "Maximum margin",
                                   .doc = "the largest margin that a class can have",
                                   .help = "finds the largest margin of each class",
                                   .family = &inspectors,
                                   .groups = groups,
                                   .size = sizeof(margin_options),
                                   .math = &math};
