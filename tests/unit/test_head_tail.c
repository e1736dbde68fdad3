/* SPDX-License-Identifier: MIT */
/* Heads and tails of nets. */
#include "net_support.h"

#include "nn/exec.h"
#include "nn/head_tail.h"
#include <string.h>

#define TEXT                                                                                       \
    NET_IMAGE(6, 5, 2)                                                                             \
    "conv1 = conv(input) out=3 kernel=3\nrelu1 = relu(conv1)\nflat = flatten(relu1)\n"             \
    "part = dense(flat) out=4\nrelu2 = relu(part)\nfc2 = dense(relu2) out=3\n"

enum { BATCH = 2, POSITIONS = 4 * 3, CHANNELS = 3, HIDDEN = 4, CLASSES = 3, LARGEST = 128 };

typedef struct fixture {
    td_net net, part;
    float weights[512], *part_weights;
    td_arena arena;
} fixture;

static void set_up(fixture *f) {
    *f = (fixture){0};
    net_parsed(&f->net, TEXT, NULL);
    assert_true(f->net.weight_count <= sizeof f->weights / sizeof *f->weights);
    net_weights(&f->net, f->weights);
}

static void tear_down(fixture *f) {
    td_net_free(&f->part);
    td_net_free(&f->net);
    td_arena_free(&f->arena);
}

static void take_head(fixture *f, const char *node, bool average) {
    td_net_free(&f->part);
    assert_int_equal(td_net_head(&f->net, f->weights, node, average, &f->part, &f->part_weights,
                                 &f->arena, NULL),
                     TD_OK);
}

static void outputs(const td_net *net, const float *weights, float out[LARGEST]) {
    td_exec *exec;
    assert_int_equal(td_exec_new(&exec, net, BATCH, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    net_normal(td_exec_input(exec), BATCH * td_shape_size(td_net_input(net)), 3);
    assert_true(BATCH * td_net_classes(net) <= LARGEST);
    memcpy(out, td_exec_forward(exec, BATCH), BATCH * td_net_classes(net) * sizeof *out);
    td_exec_free(exec);
}

static const float *param(const fixture *f, const char *name) {
    for (size_t i = 0; i < f->net.param_count; i++)
        if (strcmp(f->net.params[i].name, name) == 0)
            return f->weights + f->net.params[i].offset;
    fail_msg("no parameter %s", name);
    return NULL;
}

/* The rest of the net, by hand, on the head's output. */
static void gives_what_the_net_goes_on_with(void **state) {
    fixture f;
    float hidden[LARGEST], logits[LARGEST];
    (void)state;
    set_up(&f);
    take_head(&f, "relu2", false);
    assert_int_equal(td_net_classes(&f.part), HIDDEN);
    outputs(&f.part, f.part_weights, hidden);
    outputs(&f.net, f.weights, logits);
    const float *weight = param(&f, "fc2.weight"), *bias = param(&f, "fc2.bias");
    for (size_t i = 0; i < BATCH; i++)
        for (size_t c = 0; c < CLASSES; c++) {
            double sum = bias[c];
            for (size_t h = 0; h < HIDDEN; h++)
                sum += (double)weight[c * HIDDEN + h] * hidden[i * HIDDEN + h];
            net_assert_near(logits[i * CLASSES + c], sum, 1e-5);
        }
    tear_down(&f);
}

/* All values of a convolution, and their means. The net has a node "part" already. */
static void flattens_or_averages_positions(void **state) {
    fixture f;
    float all[LARGEST] = {0}, means[LARGEST];
    (void)state;
    set_up(&f);
    take_head(&f, "relu1", true);
    assert_int_equal(td_net_classes(&f.part), CHANNELS);
    outputs(&f.part, f.part_weights, means);
    take_head(&f, "relu1", false);
    assert_int_equal(td_net_classes(&f.part), POSITIONS * CHANNELS);
    td_exec *exec;
    assert_int_equal(td_exec_new(&exec, &f.part, BATCH, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, f.part_weights);
    net_normal(td_exec_input(exec), BATCH * td_shape_size(td_net_input(&f.part)), 3);
    memcpy(all, td_exec_forward(exec, BATCH), BATCH * td_net_classes(&f.part) * sizeof *all);
    td_exec_free(exec);
    for (size_t c = 0; c < BATCH * CHANNELS; c++) { /* channel by channel, image by image */
        double sum = 0;
        for (size_t p = 0; p < POSITIONS; p++)
            sum += all[c * POSITIONS + p];
        net_assert_near(means[c], sum / POSITIONS, 1e-5);
    }
    tear_down(&f);
}

/* Values of several nodes, in the requested order; a single one is not joined. */
static void taps_are_the_heads_joined(void **state) {
    enum { RELU1 = 2, RELU2 = 5, VALUES = POSITIONS * CHANNELS, BOTH = VALUES + HIDDEN };
    static const size_t nodes[] = {RELU2, RELU1};
    fixture f;
    td_net taps;
    float *weights, joined[LARGEST], first[LARGEST], second[LARGEST];
    (void)state;
    set_up(&f);
    for (size_t count = 1; count <= 2; count++) {
        assert_int_equal(
            td_net_taps(&f.net, f.weights, nodes, count, &taps, &weights, &f.arena, NULL), TD_OK);
        const size_t row = count == 1 ? HIDDEN : BOTH;
        assert_int_equal(td_net_classes(&taps), row);
        outputs(&taps, weights, joined);
        take_head(&f, "relu2", false);
        outputs(&f.part, f.part_weights, first);
        take_head(&f, "relu1", false);
        outputs(&f.part, f.part_weights, second);
        for (size_t i = 0; i < BATCH; i++) {
            assert_memory_equal(joined + i * row, first + i * HIDDEN, HIDDEN * sizeof *joined);
            for (size_t v = 0; count == 2 && v < VALUES; v++)
                net_assert_near(joined[i * row + HIDDEN + v], second[i * VALUES + v], 1e-6);
        }
        td_net_free(&taps);
    }
    tear_down(&f);
}

/* The tail on the head's output gives the whole net's logits. */
static void the_tail_goes_on_from_the_head(void **state) {
    enum { RELU1 = 2, VALUES = POSITIONS * CHANNELS };
    fixture f;
    td_net tail;
    td_exec *exec;
    float values[LARGEST], logits[LARGEST], *tail_weights;
    (void)state;
    set_up(&f);
    take_head(&f, "relu1", false);
    outputs(&f.part, f.part_weights, values);
    outputs(&f.net, f.weights, logits);
    assert_int_equal(td_net_tail(&f.net, f.weights, RELU1, &tail, &tail_weights, &f.arena, NULL),
                     TD_OK);
    assert_int_equal(tail.node_count, f.net.node_count - RELU1);
    assert_int_equal(td_net_input(&tail).channels, CHANNELS);
    assert_int_equal(td_exec_new(&exec, &tail, BATCH, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, tail_weights);
    for (size_t i = 0; i < BATCH * VALUES; i++) { /* channel by channel, image by image */
        size_t image = i / VALUES, channel = i % VALUES / POSITIONS, position = i % POSITIONS;
        td_exec_input(exec)[image * VALUES + position * CHANNELS + channel] = values[i];
    }
    const float *found = td_exec_forward(exec, BATCH);
    for (size_t i = 0; i < BATCH * CLASSES; i++)
        net_assert_near(found[i], (double)logits[i], 1e-6);
    td_exec_free(exec);
    td_net_free(&tail);
    tear_down(&f);
}

static void splits_where_no_branch_goes_past(void **state) {
    (void)state;
    td_net net;
    net_parsed(&net,
               NET_IMAGE(1, 1, 2) "a = relu(input)\nb = relu(a)\nc = add(a, b)\n"
                                  "d = relu(c)\n",
               NULL);
    assert_true(td_net_splits(&net, 0));
    assert_true(td_net_splits(&net, 1));
    assert_false(td_net_splits(&net, 2));
    assert_true(td_net_splits(&net, 3));
    td_net_free(&net);
}

static void refuses_a_node_that_is_not_there(void **state) {
    fixture f;
    td_error error;
    (void)state;
    set_up(&f);
    assert_int_equal(
        td_net_head(&f.net, f.weights, "conv9", true, &f.part, &f.part_weights, &f.arena, &error),
        TD_ERR_USAGE);
    assert_string_equal(error.message, "expected a node of the net, found \"conv9\"");
    assert_null(f.part.nodes);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_the_net_goes_on_with),
        cmocka_unit_test(flattens_or_averages_positions),
        cmocka_unit_test(taps_are_the_heads_joined),
        cmocka_unit_test(the_tail_goes_on_from_the_head),
        cmocka_unit_test(splits_where_no_branch_goes_past),
        cmocka_unit_test(refuses_a_node_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
