/* The nets of the zoo against PyTorch's results in NET.safetensors (make_golden.py), weights and
 * images being made on both sides by the same formula. Argument: the folder of those files. */
#include "unit/support.h"

#include "data/safetensors.h"
#include "made.h"
#include "pass.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-4;

static const struct row {
    const char *net;
    td_net_variables data;
} rows[] = {
    {"cnn", {.height = 28, .width = 28, .channels = 1, .classes = 10}},
};
enum { ROWS = sizeof rows / sizeof *rows };

typedef struct golden {
    const char *folder;
    const struct row *row;
    td_safetensors file;
    uint32_t seed;
    double worst; /* largest relative error so far */
    char worst_of[128];
} golden;

static const float *values_of(const golden *g, const char *name, const char *part, size_t *count) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", name, part);
    const td_tensor *tensor = td_safetensors_find(&g->file, full);
    if (!tensor || tensor->dtype != TD_F32)
        fail_msg("%s.safetensors has no F32 tensor %s", g->row->net, full);
    *count = tensor->count;
    return tensor->data;
}

/* Notes the error |ours − theirs| / scale; what is not a number is infinitely wrong. */
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

static void compare_logits(golden *g, const float *logits, size_t count) {
    size_t expected;
    const float *theirs = values_of(g, "logits", "", &expected);
    double largest = 0;
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)theirs[i]));
    for (size_t i = 0; i < count; i++)
        compare(g, "logits", (double)logits[i], (double)theirs[i], largest);
}

static void compare_gradient(golden *g, const char *name, const float *gradient, size_t count) {
    enum { NORM, LARGEST, INNER, SUMS };
    size_t sum_count, value_count;
    const float *sums = values_of(g, name, ".sums", &sum_count);
    const float *values = values_of(g, name, ".values", &value_count);
    made_stream inner_stream = made_stream_for(g->seed, name, "inner");
    double squares = 0, largest = 0, inner = 0;
    assert_int_equal(sum_count, SUMS);
    assert_int_equal(value_count, made_compared(count));
    for (size_t i = 0; i < count; i++) {
        double value = (double)gradient[i];
        squares += value * value;
        largest = fmax(largest, fabs(value));
        inner += value * (double)made_signed(inner_stream, i);
    }
    double norm = (double)sums[NORM], scale = (double)sums[LARGEST];
    compare(g, name, sqrt(squares), norm, norm);
    compare(g, name, largest, scale, scale);
    compare(g, name, inner, (double)sums[INNER], norm);
    for (size_t k = 0; k < value_count; k++)
        compare(g, name, (double)gradient[made_place(g->seed, name, count, k)], (double)values[k],
                scale);
}

static void compare_pass(golden *g, const td_net *net, const float *weights, size_t batch) {
    td_error error;
    pass ours;
    size_t one;
    if (pass_run(&ours, net, weights, g->seed, batch, &error) != TD_OK)
        fail_msg("%s", error.message);
    compare_logits(g, ours.logits, batch * g->row->data.classes);
    double loss = (double)*values_of(g, "loss", "", &one);
    compare(g, "loss", ours.loss, loss, loss);
    for (size_t p = 0; p < net->param_count; p++) {
        const td_param *param = &net->params[p];
        if (td_param_learns(param))
            compare_gradient(g, param->name, ours.dweights + param->offset, param->count);
    }
    compare_gradient(g, "input", ours.dinput, batch * td_shape_size(td_net_input(net)));
    pass_free(&ours);
}

static void agrees(void **state) {
    golden *g = *state;
    char path[4096];
    td_error error;
    td_net net;
    size_t logits;
    snprintf(path, sizeof path, "%s/%s.safetensors", g->folder, g->row->net);
    if (td_safetensors_open(&g->file, path, &error) != TD_OK ||
        td_net_parse(&net, td_zoo_text(g->row->net), &g->row->data, &error) != TD_OK)
        fail_msg("%s", error.message);
    const char *seed = td_safetensors_metadata(&g->file, "seed");
    assert_non_null(seed);
    g->seed = (uint32_t)strtoul(seed, NULL, 10);
    float *weights = calloc(net.weight_count, sizeof *weights);
    assert_non_null(weights);
    made_weights(&net, g->seed, weights);
    values_of(g, "logits", "", &logits);
    compare_pass(g, &net, weights, logits / g->row->data.classes);
    print_message("# %s: largest relative error %.1e, of %s\n", g->row->net, g->worst, g->worst_of);
    free(weights);
    td_net_free(&net);
    td_safetensors_close(&g->file);
    assert_true(g->worst > 0 && g->worst <= tolerance);
}

int main(int argc, char **argv) {
    golden all[ROWS];
    struct CMUnitTest tests[ROWS];
    if (argc != 2) {
        fprintf(stderr, "usage: test_golden FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < ROWS; i++) {
        all[i] = (golden){.folder = argv[1], .row = &rows[i]};
        tests[i] = (struct CMUnitTest){rows[i].net, agrees, NULL, NULL, &all[i]};
    }
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
