/* SPDX-License-Identifier: MIT */
/* Compares the nets of the zoo with PyTorch's results in NET.safetensors (make_golden.py), with
 * weights and images from the same formula on both sides; in training, with the running statistics
 * after it, and in inference. Argument: the folder of those files. */
#include "unit/support.h"

#include "data/safetensors.h"
#include "made.h"
#include "pass.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-4;

/* Gradients below this part of the largest one are 0 except for rounding, such as that of a bias
 * before a batch norm; they are compared on the scale of the largest. */
static const double vanishing = 1e-9;

enum { CLASSES = 10 };

/* As in twins.py. */
static const struct row {
    const char *net;
    size_t height, width, channels, batch;
    float norm_bias;
} rows[] = {
    {"cnn", 28, 28, 1, 8, 0},
    {"cnn-bn", 28, 28, 1, 8, 0},
    {"lenet5", 32, 32, 3, 8, 0},
    {"vgg16", 32, 32, 3, 2, 2},
    {"resnet18", 16, 16, 3, 2, 2},
    {"resnet34", 48, 48, 3, 2, 2},
    {"resnet34-small", 16, 16, 3, 2, 2},
    {"preact-resnet18", 16, 16, 3, 2, 2},
};
enum { ROWS = sizeof rows / sizeof *rows, MODES = 2 };

typedef struct golden {
    const char *folder;
    const struct row *row;
    const char *mode; /* "train" or "infer" */
    td_safetensors file;
    uint32_t seed;
    double largest_gradient;
    double worst; /* largest relative error so far */
    char worst_of[128];
} golden;

/* A summary: these, and values at sampled indices. */
enum { NORM, LARGEST, INNER, VALUES };

static const float *values_of(const golden *g, const char *name, size_t count) {
    char full[128];
    snprintf(full, sizeof full, "%s/%s", g->mode, name);
    const td_tensor *tensor = td_safetensors_find(&g->file, full);
    if (!tensor || tensor->dtype != TD_F32 || tensor->count != count)
        fail_msg("%s.safetensors has no F32 tensor %s of %zu values", g->row->net, full, count);
    return tensor->data;
}

static const float *summary_of(const golden *g, const char *name, size_t count) {
    return values_of(g, name, VALUES + made_compared(count));
}

/* Records the error |ours − theirs| / scale; NaN counts as infinite. */
static void compare(golden *g, const char *name, double ours, double theirs, double scale) {
    double error = fabs(ours - theirs) / scale;
    if (!isfinite(error))
        error = INFINITY;
    if (!(error <= tolerance))
        print_message("# %s: expected %.9g, found %.9g, relative error %.1e\n", name, theirs, ours,
                      error);
    if (error > g->worst) {
        g->worst = error;
        snprintf(g->worst_of, sizeof g->worst_of, "%s", name);
    }
}

static void compare_logits(golden *g, const float *logits) {
    const size_t count = g->row->batch * CLASSES;
    const float *theirs = values_of(g, "logits", count);
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)theirs[i]));
    for (size_t i = 0; i < count; i++)
        compare(g, "logits", (double)logits[i], (double)theirs[i], largest);
}

/* Compares all values of a tensor with their summary; `floor`: see `vanishing`. */
static void compare_summary(golden *g, const char *name, const float *values, size_t count,
                            double floor) {
    const float *theirs = summary_of(g, name, count);
    made_stream inner_stream = made_stream_for(g->seed, name, "inner");
    double squares = 0, largest = 0, inner = 0;
    for (size_t i = 0; i < count; i++) {
        double value = (double)values[i];
        squares += value * value;
        largest = fmax(largest, fabs(value));
        inner += value * (double)made_signed(inner_stream, i);
    }
    double norm = (double)theirs[NORM], scale = (double)theirs[LARGEST];
    if (scale <= vanishing * floor)
        norm = scale = floor;
    compare(g, name, sqrt(squares), (double)theirs[NORM], norm);
    compare(g, name, largest, (double)theirs[LARGEST], scale);
    compare(g, name, inner, (double)theirs[INNER], norm);
    for (size_t k = 0; k < made_compared(count); k++)
        compare(g, name, (double)values[made_place(g->seed, name, count, k)],
                (double)theirs[VALUES + k], scale);
}

static void compare_gradients(golden *g, const td_net *net, const pass *ours) {
    size_t pixels = g->row->batch * td_shape_size(td_net_input(net));
    double largest = (double)summary_of(g, "input", pixels)[LARGEST];
    for (size_t p = 0; p < net->param_count; p++)
        if (td_param_learns(&net->params[p]))
            largest = fmax(
                largest, (double)summary_of(g, net->params[p].name, net->params[p].count)[LARGEST]);
    for (size_t p = 0; p < net->param_count; p++) {
        const td_param *param = &net->params[p];
        if (td_param_learns(param))
            compare_summary(g, param->name, ours->dweights + param->offset, param->count, largest);
    }
    compare_summary(g, "input", ours->dinput, pixels, largest);
}

/* The running statistics after the pass. */
static void compare_running(golden *g, const td_net *net, const pass *ours, float *weights) {
    td_net_update_running(net, ours->dweights, weights);
    for (size_t p = 0; p < net->param_count; p++) {
        const td_param *param = &net->params[p];
        if (param->role == TD_RUNNING)
            compare_summary(g, param->name, weights + param->offset, param->count, 0);
    }
}

static void compare_pass(golden *g, const td_net *net, float *weights) {
    td_error error;
    pass ours;
    bool training = strcmp(g->mode, "train") == 0;
    if (pass_run(&ours, net, weights, g->seed, g->row->batch, training, &error) != TD_OK)
        fail_msg("%s", error.message);
    compare_logits(g, ours.logits);
    double loss = (double)*values_of(g, "loss", 1);
    compare(g, "loss", ours.loss, loss, loss);
    compare_gradients(g, net, &ours);
    if (training)
        compare_running(g, net, &ours, weights);
    pass_free(&ours);
}

static void agrees(void **state) {
    golden *g = *state;
    char path[4096];
    td_error error;
    td_net net;
    const td_net_variables data = {g->row->height, g->row->width, g->row->channels, CLASSES};
    snprintf(path, sizeof path, "%s/%s.safetensors", g->folder, g->row->net);
    if (td_safetensors_open(&g->file, path, &error) != TD_OK ||
        td_net_parse(&net, td_zoo_text(g->row->net), &data, &error) != TD_OK)
        fail_msg("%s", error.message);
    pass_without_dropout(&net);
    const char *seed = td_safetensors_metadata(&g->file, "seed");
    assert_non_null(seed);
    g->seed = (uint32_t)strtoul(seed, NULL, 10);
    float *weights = calloc(net.weight_count, sizeof *weights);
    assert_non_null(weights);
    made_weights(&net, g->seed, g->row->norm_bias, weights);
    compare_pass(g, &net, weights);
    print_message("# %s, %s: largest relative error %.1e, of %s\n", g->row->net, g->mode, g->worst,
                  g->worst_of);
    free(weights);
    td_net_free(&net);
    td_safetensors_close(&g->file);
    assert_true(g->worst > 0 && g->worst <= tolerance);
}

int main(int argc, char **argv) {
    static const char *const modes[MODES] = {"train", "infer"};
    golden all[ROWS * MODES];
    struct CMUnitTest tests[ROWS * MODES];
    char names[ROWS * MODES][64];
    if (argc != 2) {
        fprintf(stderr, "usage: test_golden FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < ROWS * MODES; i++) {
        all[i] = (golden){.folder = argv[1], .row = &rows[i / MODES], .mode = modes[i % MODES]};
        snprintf(names[i], sizeof names[i], "%s, %s", all[i].row->net, all[i].mode);
        tests[i] = (struct CMUnitTest){names[i], agrees, NULL, NULL, &all[i]};
    }
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
