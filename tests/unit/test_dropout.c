/* SPDX-License-Identifier: MIT */
/* Dropout in training and after it. */
#include "net_support.h"

#include "base/parallel.h"
#include "nn/exec.h"
#include <string.h>

enum { WIDE = 1000, BATCH = 8, ALL = WIDE * BATCH };
#define WIDE_DROPOUT NET_IMAGE(1, 1, 1000) "d = dropout(input) rate=0.3\n"

static const net_case cases[] = {
    {NET_IMAGE(1, 1, 9) "d = dropout(input)\n", 3, NULL, true},
    {NET_IMAGE(7, 5, 3) "d = dropout(input) rate=0.25\nflat = flatten(d)\n", 3, NULL, true},
    {NET_IMAGE(1, 1, 9) "d = dropout(input) rate=0\n", 2, NULL, true},
    {NET_IMAGE(40, 40, 17) "d = dropout(input) rate=0.9\nflat = flatten(d)\n", 2, NULL, true},
    {NET_IMAGE(1, 1, 12) "fc1 = dense(input) out=30\nr = relu(fc1)\nd1 = dropout(r)\n"
                         "d2 = dropout(d1) rate=0.1\nfc2 = dense(d2) out=5\n",
     4, NULL, false},
};

static void outside_training(void **state) {
    (void)state;
    net_check(cases, sizeof cases / sizeof *cases);
}

static void in_training(void **state) {
    (void)state;
    net_check_training(cases, sizeof cases / sizeof *cases);
}

/* A pass in training over ones, and the gradient of the ones for a gradient of ones. */
static void drop_ones(const char *text, uint64_t seed, uint32_t step, float *kept, float *back) {
    td_net net;
    td_exec *exec;
    net_parsed(&net, text, NULL);
    assert_int_equal(td_exec_new(&exec, &net, BATCH, TD_BACKWARD_INPUT, NULL), TD_OK);
    td_exec_weights(exec, NULL);
    td_exec_training(exec, seed, step);
    for (size_t i = 0; i < ALL; i++)
        td_exec_input(exec)[i] = 1;
    memcpy(kept, td_exec_forward(exec, BATCH), ALL * sizeof *kept);
    for (size_t i = 0; i < ALL; i++)
        td_exec_logits_gradient(exec)[i] = 1;
    memcpy(back, td_exec_backward(exec, NULL), ALL * sizeof *back);
    td_exec_free(exec);
    td_net_free(&net);
}

static size_t count_kept(const float *values, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += values[i] > 0;
    return kept;
}

/* The number kept is binomial: 5600 with a standard deviation of 41. */
static void keeps_its_share_and_scales_it(void **state) {
    float kept[ALL], back[ALL];
    (void)state;
    drop_ones(WIDE_DROPOUT, 1, 0, kept, back);
    for (size_t i = 0; i < ALL; i++)
        if (kept[i] != 0)
            net_assert_near(kept[i], 1 / 0.7, 1e-6);
    net_assert_near((double)count_kept(kept, ALL), 0.7 * ALL, 4 * 41);
    assert_memory_equal(back, kept, sizeof kept);
}

static void threads_change_nothing(void **state) {
    float first[ALL], kept[ALL], back[ALL];
    (void)state;
    for (size_t threads = 1; threads <= 4; threads++) {
        td_set_threads(threads);
        drop_ones(WIDE_DROPOUT, 3, 4, threads == 1 ? first : kept, back);
        if (threads > 1)
            assert_memory_equal(kept, first, sizeof first);
        assert_memory_equal(back, first, sizeof first);
    }
}

/* Of two independent patterns 0.7² + 0.3² = 0.58 of the places agree; a standard deviation is 0.016
 * for 1000 of them. */
static void assert_independent(const float *a, const float *b) {
    size_t same = 0;
    for (size_t i = 0; i < WIDE; i++)
        same += (a[i] > 0) == (b[i] > 0);
    net_assert_near((double)same / WIDE, 0.58, 4 * 0.016);
}

static void every_draw_is_another(void **state) {
    float kept[ALL], other[ALL], back[ALL];
    (void)state;
    drop_ones(WIDE_DROPOUT, 1, 0, kept, back);
    for (size_t image = 1; image < BATCH; image++)
        assert_independent(kept + image * WIDE, kept);
    drop_ones(WIDE_DROPOUT, 1, 1, other, back);
    assert_independent(other, kept);
    drop_ones(WIDE_DROPOUT, 2, 0, other, back);
    assert_independent(other, kept);
    /* At another place in the net. */
    drop_ones(NET_IMAGE(1, 1, 1000) "s = scale(input)\nd = dropout(s) rate=0.3\n", 1, 0, other,
              back);
    assert_independent(other, kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_training),
        cmocka_unit_test(in_training),
        cmocka_unit_test(keeps_its_share_and_scales_it),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(every_draw_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
