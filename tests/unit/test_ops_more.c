/* SPDX-License-Identifier: MIT */
/* More operators, as in test_ops.c: those that join, pool and cut, activations, constants of the
 * data, transposed convolution; and what each refuses. */
#include "net_support.h"

#include "nn/exec.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHECK(cases) net_check((cases), sizeof(cases) / sizeof *(cases))

static void add(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 5) "s = scale(input) by=-3 add=1\na = add(input, s)\n", 3, NULL, true},
        {NET_IMAGE(1, 1, 5) "a = add(input, input)\n", 2, NULL, true},
        {NET_IMAGE(40, 40, 17) "s = scale(input) by=2\nt = scale(s) add=2\n"
                               "a = add(t, input, s)\nflat = flatten(a)\n",
         2, NULL, true},
        {NET_IMAGE(1, 1, 5) "a = add(input, input, input, input, input, input, input, input)\n", 2,
         NULL, true},
        /* A residual block: `c0` feeds two, and a ReLU is fused to the sum. */
        {NET_IMAGE(6, 5, 3) "c0 = conv(input) out=8 kernel=1\nc1 = conv(c0) out=8 kernel=3 pad=1\n"
                            "r1 = relu(c1)\nc2 = conv(r1) out=8 kernel=3 pad=1\n"
                            "sum = add(c2, c0)\nr2 = relu(sum)\nflat = flatten(r2)\n",
         3, NULL, false},
        /* The input of a fused ReLU feeds two. */
        {NET_IMAGE(1, 1, 6) "fc1 = dense(input) out=9\nr = relu(fc1)\nfc2 = dense(r) out=9\n"
                            "sum = add(r, fc2, fc1)\n",
         3, NULL, false},
    };
    (void)state;
    CHECK(cases);
}

static void concat(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 5) "s = scale(input) by=-3\ncat = concat(input, s)\n", 3, NULL, true},
        {NET_IMAGE(5, 4, 3) "c = conv(input) out=7 kernel=3 pad=1\nd = conv(input) out=1 kernel=1\n"
                            "cat = concat(c, input, d)\nflat = flatten(cat)\n",
         3, NULL, false},
        {NET_IMAGE(40, 40, 17) "s = scale(input) by=2\ncat = concat(s, s, input)\n"
                               "flat = flatten(cat)\n",
         2, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

static void avg_pool(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(4, 6, 1) "p = avg-pool(input) size=2\nflat = flatten(p)\n", 1, NULL, true},
        {NET_IMAGE(5, 7, 3) "p = avg-pool(input) size=2\nflat = flatten(p)\n", 3, NULL, true},
        {NET_IMAGE(7, 6, 17) "p = avg-pool(input) size=3 stride=2 pad=1\nflat = flatten(p)\n", 3,
         NULL, true},
        {NET_IMAGE(7, 6, 17) "p = avg-pool(input) size=3 stride=2 pad=1 count_include_pad=0\n"
                             "flat = flatten(p)\n",
         3, NULL, true},
        {NET_IMAGE(8, 5, 3) "p = avg-pool(input) size=3 stride=2 pad=1 ceil=1\nflat = flatten(p)\n",
         2, NULL, true},
        {NET_IMAGE(8, 5, 3) "p = avg-pool(input) size=3 stride=2 pad=0x1x1x0 ceil=1 "
                            "count_include_pad=0\nflat = flatten(p)\n",
         2, NULL, true},
        /* A window that would begin in the padding is left out. */
        {NET_IMAGE(5, 4, 2) "p = avg-pool(input) size=2 stride=4 pad=1 ceil=1\nflat = flatten(p)\n",
         2, NULL, true},
        {NET_IMAGE(9, 8, 3) "p = avg-pool(input) size=2x3 stride=3x1 pad=1x0 count_include_pad=0\n"
                            "flat = flatten(p)\n",
         2, NULL, true},
        {NET_IMAGE(5, 4, 2) "p = avg-pool(input) size=5x4\n", 3, NULL, true},
        {NET_IMAGE(1, 1, 2) "p = avg-pool(input) size=2 pad=1\nflat = flatten(p)\n", 3, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

static void global_avg_pool(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 3) "p = global-avg-pool(input)\n", 1, NULL, true},
        {NET_IMAGE(5, 7, 17) "p = global-avg-pool(input)\n", 3, NULL, true},
        {NET_IMAGE(33, 32, 2) "p = global-avg-pool(input)\n", 2, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

static void activations(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 5) "s = sigmoid(input)\n", 3, NULL, false},
        {NET_IMAGE(40, 40, 11) "s = sigmoid(input)\nflat = flatten(s)\n", 2, NULL, false},
        {NET_IMAGE(1, 1, 5) "t = tanh(input)\n", 3, NULL, false},
        {NET_IMAGE(40, 40, 11) "t = tanh(input)\nflat = flatten(t)\n", 2, NULL, false},
        {NET_IMAGE(1, 1, 1) "s = softmax(input)\n", 2, NULL, false},
        {NET_IMAGE(1, 1, 10) "s = softmax(input)\n", 3, NULL, false},
        {NET_IMAGE(33, 32, 5) "s = softmax(input)\nflat = flatten(s)\n", 2, NULL, false},
        /* Values to which e would overflow. */
        {NET_IMAGE(1, 1, 10) "p = softmax(input)\n", 3, net_fill_far_from_zero, false},
        /* No later node reads their result again, but they do: it must be kept for that. */
        {NET_IMAGE(8, 8, 3) "s = sigmoid(input)\np = avg-pool(s) size=2\nflat = flatten(p)\n"
                            "fc = dense(flat) out=400\n",
         2, NULL, false},
        {NET_IMAGE(8, 8, 3) "t = tanh(input)\np = avg-pool(t) size=2\nflat = flatten(p)\n"
                            "fc = dense(flat) out=400\n",
         2, NULL, false},
        {NET_IMAGE(8, 8, 3) "s = softmax(input)\np = avg-pool(s) size=2\nflat = flatten(p)\n"
                            "fc = dense(flat) out=400\n",
         2, NULL, false},
    };
    (void)state;
    CHECK(cases);
}

static void leaky_relu(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 9) "r = leaky-relu(input)\n", 2, net_fill_away_from_zero, false},
        {NET_IMAGE(5, 7, 3) "r = leaky-relu(input) slope=1/4\nflat = flatten(r)\n", 3,
         net_fill_away_from_zero, false},
        /* More than one chunk of elements. */
        {NET_IMAGE(40, 40, 17) "r = leaky-relu(input) slope=0.9\nflat = flatten(r)\n", 3,
         net_fill_away_from_zero, false},
        {NET_IMAGE(6, 5, 3) "c = conv(input) out=7 kernel=3\nr = leaky-relu(c) slope=0.2\n"
                            "flat = flatten(r)\nfc = dense(flat) out=4\n",
         3, NULL, false},
        {NET_IMAGE(8, 8, 3) "r = leaky-relu(input)\np = avg-pool(r) size=2\nflat = flatten(p)\n"
                            "fc = dense(flat) out=400\n",
         2, net_fill_away_from_zero, false},
    };
    (void)state;
    CHECK(cases);
}

static void conv_transpose(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 1) "c = conv-transpose(input) out=1 kernel=1\n", 1, NULL, true},
        {NET_IMAGE(4, 5, 3) "c = conv-transpose(input) out=2 kernel=3\nflat = flatten(c)\n", 3,
         NULL, true},
        {NET_IMAGE(4, 5, 3) "c = conv-transpose(input) out=2 kernel=3 pad=1 bias=0\n"
                            "flat = flatten(c)\n",
         3, NULL, true},
        /* As generators use it: from a vector, and doubling height and width. */
        {NET_IMAGE(1, 1, 20) "c = conv-transpose(input) out=6 kernel=4\nflat = flatten(c)\n", 5,
         NULL, true},
        {NET_IMAGE(5, 4, 8) "c = conv-transpose(input) out=3 kernel=4 stride=2 pad=1\n"
                            "flat = flatten(c)\n",
         20, NULL, true},
        {NET_IMAGE(5, 4, 3) "c = conv-transpose(input) out=3 kernel=3 stride=2 pad=1 output_pad=1\n"
                            "flat = flatten(c)\n",
         3, NULL, true},
        {NET_IMAGE(3, 4, 2) "c = conv-transpose(input) out=5 kernel=2x3 stride=3x2 pad=0x1 "
                            "output_pad=2x0\nflat = flatten(c)\n",
         3, NULL, true},
        /* More than one strip. */
        {NET_IMAGE(30, 31, 9) "c = conv-transpose(input) out=8 kernel=5 stride=2 pad=2\n"
                              "flat = flatten(c)\n",
         2, NULL, true},
        {NET_IMAGE(4, 5, 3) "c = conv-transpose(input) out=6 kernel=3 stride=2\nr = relu(c)\n"
                            "d = conv-transpose(r) out=2 kernel=3 pad=1\nflat = flatten(d)\n",
         3, NULL, false},
    };
    (void)state;
    CHECK(cases);
}

static void mask(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 5) "m = mask(input)\n", 3, NULL, false},
        {NET_IMAGE(5, 4, 3) "m = mask(input)\nflat = flatten(m)\n", 3, NULL, false},
        {NET_IMAGE(40, 40, 11) "m = mask(input)\nflat = flatten(m)\n", 2, NULL, false},
        {NET_IMAGE(1, 1, 700) "fc = dense(input) out=600\nr = relu(fc)\nm = mask(r)\n", 3, NULL,
         false},
    };
    (void)state;
    CHECK(cases);
}

static void crop(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(4, 5, 3) "c = crop(input) height=4 width=5\nflat = flatten(c)\n", 3, NULL, true},
        {NET_IMAGE(7, 5, 2) "c = crop(input) top=2 left=1 height=3 width=2\nflat = flatten(c)\n", 3,
         NULL, true},
        {NET_IMAGE(4, 5, 17) "c = crop(input) top=3 left=4 height=1 width=1\n", 2, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

static void normalise(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 1) "n = normalise(input) mean=0.5 deviation=2\n", 2, NULL, true},
        {NET_IMAGE(5, 4, 3) "n = normalise(input) mean=120,110,-5 deviation=60,0.5,1e2\n"
                            "flat = flatten(n)\n",
         3, net_fill_pixels, true},
        {NET_IMAGE(5, 4, 3) "n = normalise(input) mean=1 deviation=3,4,5\nflat = flatten(n)\n", 3,
         NULL, true},
        {NET_IMAGE(5, 4, 17) "n = normalise(input) mean=-1 deviation=3\nflat = flatten(n)\n", 3,
         NULL, true},
        {NET_IMAGE(61, 59, 4) "n = normalise(input) mean=1,2,3,4 deviation=5,6,7,8\n"
                              "flat = flatten(n)\n",
         3, NULL, true},
        {NET_IMAGE(61, 59, 3) "n = normalise(input) mean=1,2,3 deviation=5,6,7\n"
                              "flat = flatten(n)\n",
         3, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

/* A pruned channel gives 0, whatever its value; the other is not affected. */
static void a_mask_of_zero_prunes(void **state) {
    const float weights[2] = {0, 1}, image[4] = {1, 2, 3, 4}, expected[4] = {0, 0, 2, 4};
    td_net net;
    td_exec *exec;
    (void)state;
    net_parsed(&net, NET_IMAGE(1, 2, 2) "m = mask(input)\nflat = flatten(m)\n", NULL);
    assert_int_equal(td_exec_new(&exec, &net, 1, TD_FORWARD, NULL), TD_OK);
    td_exec_weights(exec, weights);
    memcpy(td_exec_input(exec), image, sizeof image);
    assert_memory_equal(td_exec_forward(exec, 1), expected, sizeof expected);
    td_exec_free(exec);
    td_net_free(&net);
}

/* An infinite or NaN result must not become finite again. */
static void nan_passes_through(void **state) {
    static const char *const ops[] = {
        "add(input, input)\n", "avg-pool(input) size=1x2\n",
        "batch-norm(input)\n", "global-avg-pool(input)\n",
        "sigmoid(input)\n",    "softmax(input)\n",
        "tanh(input)\n",       "mask(input)\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        char text[256];
        td_net net;
        td_exec *exec;
        float weights[4];
        snprintf(text, sizeof text, "%so = %sr = relu(o)\nflat = flatten(r)\n", NET_IMAGE(1, 2, 1),
                 ops[i]);
        net_parsed(&net, text, NULL);
        td_net_init(&net, 1, weights);
        assert_int_equal(td_exec_new(&exec, &net, 1, TD_FORWARD, NULL), TD_OK);
        td_exec_weights(exec, weights);
        memcpy(td_exec_input(exec), (const float[2]){NAN, 1}, 2 * sizeof(float));
        assert_true(isnan(td_exec_forward(exec, 1)[0]));
        td_exec_free(exec);
        td_net_free(&net);
    }
}

static void refusals(void **state) {
    static const char *const cases[][2] = {
        {"a = add(input)\n", "at least 2 inputs"},
        {"c = conv(input) out=3 kernel=2\na = add(input, c)\n",
         "sides of 1 to repeat, found 6×5×3 and 5×4×3"},
        {"c = conv(input) out=4 kernel=1\na = add(input, c)\n", "6×5×3 and 6×5×4"},
        {"c = conv(input) out=3 kernel=2\na = concat(input, c)\n",
         "one height and width, found 6×5×3 and 5×4×3"},
        {"p = avg-pool(input) size=2x4 pad=2\n",
         "a pad of 2×2 is more than half of the 2×4 window"},
        {"p = avg-pool(input) size=9\n", "a 9×9 window does not fit its input of 6×5×3"},
        {"p = avg-pool(input) size=2 count_include_pad=2\n", "count_include_pad: expected"},
        {"b = batch-norm(input) epsilon=0\n", "epsilon: expected"},
        {"b = batch-norm(input) momentum=1.5\n", "momentum: expected"},
        {"d = dropout(input) rate=1\n", "rate: expected"},
        {"c = conv-transpose(input) out=2 kernel=3 output_pad=1\n",
         "output_pad: expected less than the stride of 1×1, found 1×1"},
        {"c = conv-transpose(input) out=2 kernel=3 stride=1x2 pad=4x0\n",
         "a pad of 4×0 leaves nothing of the 8×11 that its input of 6×5×3 gives"},
        {"c = conv-transpose(input) out=2 kernel=1 stride=1024 pad=1\nd = conv-transpose(c) out=2 "
         "kernel=1 stride=1024\n",
         "out of bounds"},
        {"c = crop(input) top=4 height=3 width=2\n",
         "rows 4 to 7 and columns 0 to 2 are not all in its input of 6×5×3"},
        {"c = crop(input) left=5 height=1 width=1\n", "columns 5 to 6"},
        {"c = crop(input) height=1 width=0\n", "width: expected"},
        {"n = normalise(input) mean=0.5\n", "normalise needs deviation=..."},
        {"n = normalise(input) mean=0.5,0.5 deviation=1\n",
         "mean: expected 1 number or 3, one for each channel of its input of 6×5×3, found 2"},
        {"n = normalise(input) mean=0 deviation=1,2,3,4\n", "deviation: expected 1 number or 3"},
        {"n = normalise(input) mean=0 deviation=0\n", "deviation: expected"},
        {"n = normalise(input) mean=0 deviation=1,0,1\n", "deviation: expected"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        td_net net;
        td_error error;
        snprintf(text, sizeof text, "%s%s", NET_IMAGE(6, 5, 3), cases[i][0]);
        assert_int_equal(td_net_parse(&net, text, NULL, &error), TD_ERR_FORMAT);
        if (!strstr(error.message, cases[i][1]))
            fail_msg("expected \"%s\" in \"%s\"", cases[i][1], error.message);
        assert_null(net.nodes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add),
        cmocka_unit_test(concat),
        cmocka_unit_test(avg_pool),
        cmocka_unit_test(global_avg_pool),
        cmocka_unit_test(activations),
        cmocka_unit_test(leaky_relu),
        cmocka_unit_test(conv_transpose),
        cmocka_unit_test(mask),
        cmocka_unit_test(crop),
        cmocka_unit_test(normalise),
        cmocka_unit_test(a_mask_of_zero_prunes),
        cmocka_unit_test(nan_passes_through),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
