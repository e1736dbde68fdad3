/* SPDX-License-Identifier: MIT */
/* Batch normalisation in training and after it, and the running statistics between the two. */
#include "net_support.h"

#include "nn/exec.h"
#include "nn/op.h"
#include <math.h>
#include <string.h>

#define CHECK(cases) net_check((cases), sizeof(cases) / sizeof *(cases))

#define CHECK_TRAINING(cases) net_check_training((cases), sizeof(cases) / sizeof *(cases))

#define NORM_OF(height, width, channels, keys)                                                     \
    NET_IMAGE(height, width, channels) "bn = batch-norm(input)" keys "\nflat = flatten(bn)\n"

static void outside_training(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 1) "bn = batch-norm(input)\n", 1, NULL, true},
        {NORM_OF(1, 1, 300, ""), 3, NULL, true},
        {NORM_OF(4, 5, 3, " epsilon=0.5"), 3, NULL, true},
        {NORM_OF(4, 4, 17, ""), 3, NULL, true},
        /* More than one chunk, the last of them short. */
        {NORM_OF(33, 31, 16, ""), 3, NULL, true},
        {NET_IMAGE(4, 5, 3) "bn = batch-norm(input)\nr = relu(bn)\nflat = flatten(r)\n", 3, NULL,
         false},
    };
    (void)state;
    CHECK(cases);
}

static void in_training(void **state) {
    static const net_case cases[] = {
        {NORM_OF(1, 1, 1, " epsilon=0.5"), 2, NULL, false},
        {NET_IMAGE(1, 1, 9) "bn = batch-norm(input)\n", 7, NULL, false},
        {NORM_OF(1, 1, 300, " epsilon=0.01"), 5, NULL, false},
        {NORM_OF(4, 5, 3, ""), 3, NULL, false},
        {NORM_OF(4, 4, 17, ""), 3, NULL, false},
        {NORM_OF(5, 3, 64, ""), 4, NULL, false},
        /* More than one chunk, the last of them short. */
        {NORM_OF(33, 31, 16, ""), 3, NULL, false},
        {NORM_OF(97, 61, 3, ""), 2, NULL, false},
        /* Deviations that are small beside the mean. */
        {NORM_OF(4, 5, 3, ""), 3, net_fill_far_from_zero, false},
        {NORM_OF(97, 61, 3, ""), 2, net_fill_far_from_zero, false},
    };
    (void)state;
    CHECK_TRAINING(cases);
}

static void between_other_nodes(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(6, 5, 3) "c = conv(input) out=8 kernel=3 pad=1 bias=0\nbn = batch-norm(c)\n"
                            "r = relu(bn)\nflat = flatten(r)\n",
         3, NULL, false},
        {NET_IMAGE(1, 1, 12) "bn1 = batch-norm(input)\nr = relu(bn1)\n"
                             "c = conv(r) out=5 kernel=1 bias=0\nbn2 = batch-norm(c)\n",
         9, NULL, false},
        /* A residual block. */
        {NET_IMAGE(6, 5,
                   3) "c0 = conv(input) out=8 kernel=1\nc1 = conv(c0) out=8 kernel=3 pad=1 bias=0\n"
                      "bn1 = batch-norm(c1)\nr1 = relu(bn1)\n"
                      "c2 = conv(r1) out=8 kernel=3 pad=1 bias=0\nbn2 = batch-norm(c2)\n"
                      "sum = add(bn2, c0)\nr2 = relu(sum)\npool = global-avg-pool(r2)\n"
                      "fc = dense(pool) out=4\n",
         3, NULL, false},
    };
    (void)state;
    CHECK_TRAINING(cases);
}

enum { CHANNELS = 2, PARAMS = 4 * CHANNELS };
#define BY_HAND NET_IMAGE(1, 1, 2) "bn = batch-norm(input) momentum=0.25\n"

/* One forward and backward pass in training, with the initial weights. */
static void train_once(const td_net *net, size_t batch, const float *images, float *logits,
                       float *weights, float *gradient) {
    td_exec *exec;
    const size_t bytes = batch * CHANNELS * sizeof *images;
    td_net_init(net, 1, weights);
    assert_int_equal(td_exec_new(&exec, net, batch, TD_BACKWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    td_exec_training(exec, 1, 0);
    memcpy(td_exec_input(exec), images, bytes);
    memcpy(logits, td_exec_forward(exec, batch), bytes);
    memset(td_exec_logits_gradient(exec), 0, bytes);
    td_exec_backward(exec, gradient);
    td_exec_free(exec);
}

/* Channel 0 holds 1 and 3: mean 2, variance 1 biased and 2 unbiased. Channel 1 holds 10 and 30:
 * mean 20, variance 100 and 200. A quarter of them replaces a quarter of 0 and 1. */
static void running_statistics_by_hand(void **state) {
    const float images[] = {1, 10, 3, 30};
    const float expected[PARAMS] = {1, 1, 0, 0, 0.5f, 5, 1.25f, 50.75f};
    float logits[4], weights[PARAMS], gradient[PARAMS];
    td_net net;
    (void)state;
    net_parsed(&net, BY_HAND, NULL);
    assert_int_equal(net.weight_count, PARAMS);
    train_once(&net, 2, images, logits, weights, gradient);
    const float initial[PARAMS] = {1, 1, 0, 0, 0, 0, 1, 1};
    assert_memory_equal(weights, initial, sizeof initial);
    for (size_t i = 0; i < 4; i++)
        net_assert_near(logits[i], (i < 2 ? -1 : 1) / sqrt(1 + (i % 2 ? 1e-5 / 100 : 1e-5)), 1e-6);
    const float batch[2 * CHANNELS] = {2, 20, 2, 200};
    for (size_t i = 0; i < 2 * CHANNELS; i++)
        net_assert_near(gradient[2 * CHANNELS + i], batch[i], 1e-4);
    td_net_update_running(&net, gradient, weights);
    for (size_t i = 0; i < PARAMS; i++)
        net_assert_near(weights[i], expected[i], 1e-4);
    td_net_free(&net);
}

/* Frozen statistics stay, and so does what is not a statistic. */
static void only_running_statistics_are_updated(void **state) {
    td_net net;
    float weights[3 + 4 * 3] = {0}, batch[3 + 4 * 3];
    (void)state;
    net_parsed(&net, NET_IMAGE(1, 1, 3) "m = mask(input)\nbn = batch-norm(m) momentum=1\n", NULL);
    assert_int_equal(net.weight_count, 15);
    assert_int_equal(net.params[0].role, TD_CONSTANT);
    for (size_t i = 0; i < 15; i++)
        batch[i] = 7;
    net.params[4].frozen = true;
    td_net_update_running(&net, batch, weights);
    for (size_t i = 0; i < 15; i++)
        net_assert_near(weights[i], i / 3 == 3 ? 7 : 0, 0);
    for (size_t i = 0; i < net.param_count; i++)
        assert_int_equal(td_param_learns(&net.params[i]), i == 1 || i == 2);
    td_net_free(&net);
}

/* One value by channel: no variance, and no division by 0. */
static void a_single_value(void **state) {
    const float images[CHANNELS] = {-4, 1e6f};
    float logits[CHANNELS], weights[PARAMS], gradient[PARAMS];
    td_net net;
    (void)state;
    net_parsed(&net, BY_HAND, NULL);
    train_once(&net, 1, images, logits, weights, gradient);
    for (size_t c = 0; c < CHANNELS; c++) {
        assert_float_equal(logits[c], 0, 0);
        assert_float_equal(gradient[2 * CHANNELS + c], images[c], 0);
        assert_float_equal(gradient[3 * CHANNELS + c], 0, 0);
    }
    td_net_free(&net);
}

/* A batch smaller than the executor's, after a full one. */
static void smaller_batches_have_their_own_statistics(void **state) {
    const float images[] = {1, 10, 3, 30, 500, 600, -70, 80};
    float weights[PARAMS], gradient[PARAMS];
    td_net net;
    td_exec *exec;
    (void)state;
    net_parsed(&net, BY_HAND, NULL);
    td_net_init(&net, 1, weights);
    assert_int_equal(td_exec_new(&exec, &net, 4, TD_BACKWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    td_exec_training(exec, 1, 0);
    for (size_t batch = 4; batch >= 2; batch -= 2) {
        memcpy(td_exec_input(exec), images, batch * CHANNELS * sizeof *images);
        td_exec_forward(exec, batch);
        memset(td_exec_logits_gradient(exec), 0, batch * CHANNELS * sizeof *images);
        td_exec_backward(exec, gradient);
    }
    net_assert_near(gradient[2 * CHANNELS], 2, 1e-6);
    net_assert_near(gradient[3 * CHANNELS + 1], 200, 1e-4);
    td_exec_free(exec);
    td_net_free(&net);
}

static void the_affine_map_is_that_of_inference(void **state) {
    enum { WIDE = 5, BATCH = 3 };
    float weights[4 * WIDE], images[BATCH * WIDE], scale[WIDE], shift[WIDE];
    td_net net;
    td_exec *exec;
    (void)state;
    net_parsed(&net, NET_IMAGE(1, 1, 5) "bn = batch-norm(input) epsilon=0.1\n", NULL);
    net_weights(&net, weights);
    net_normal(images, BATCH * WIDE, 20);
    td_run run = {.net = &net, .node = &net.nodes[1]};
    for (size_t p = 0; p < 4; p++)
        run.params[p] = weights + p * WIDE;
    run.node->op->affine(&run, scale, shift);
    assert_int_equal(td_exec_new(&exec, &net, BATCH, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    memcpy(td_exec_input(exec), images, sizeof images);
    const float *logits = td_exec_forward(exec, BATCH);
    for (size_t i = 0; i < BATCH * WIDE; i++)
        net_assert_near(logits[i], scale[i % WIDE] * images[i] + shift[i % WIDE], 1e-5);
    td_exec_free(exec);
    td_net_free(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_training),
        cmocka_unit_test(in_training),
        cmocka_unit_test(between_other_nodes),
        cmocka_unit_test(running_statistics_by_hand),
        cmocka_unit_test(only_running_statistics_are_updated),
        cmocka_unit_test(a_single_value),
        cmocka_unit_test(smaller_batches_have_their_own_statistics),
        cmocka_unit_test(the_affine_map_is_that_of_inference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
