/* SPDX-License-Identifier: MIT */
/* Operators that combine inputs of different shapes, move values or normalise over channels, as in
 * test_ops.c; and a block of a transformer made of them. */
#include "net_support.h"

#include <stdio.h>
#include <string.h>

#define CHECK(cases) net_check((cases), sizeof(cases) / sizeof *(cases))

static void multiply(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 5) "m = multiply(input, input)\n", 3, NULL, false},
        {NET_IMAGE(40, 40, 17) "s = scale(input) by=2 add=1\nm = multiply(s, input)\n"
                               "flat = flatten(m)\n",
         2, NULL, false},
        /* Squeeze and excitation, and the two the other way round. */
        {NET_IMAGE(7, 6, 5) "c = conv(input) out=21 kernel=3\np = global-avg-pool(c)\n"
                            "d = conv(p) out=21 kernel=1\ns = sigmoid(d)\nm = multiply(c, s)\n"
                            "flat = flatten(m)\n",
         3, NULL, false},
        {NET_IMAGE(7, 6, 5) "p = global-avg-pool(input)\nm = multiply(p, input)\n"
                            "flat = flatten(m)\n",
         3, NULL, false},
        /* One value a pixel, and one side of each. */
        {NET_IMAGE(4, 3, 5) "c = conv(input) out=1 kernel=1\nm = multiply(input, c)\n"
                            "flat = flatten(m)\n",
         3, NULL, false},
        {NET_IMAGE(4, 3, 5) "a = crop(input) height=1 width=3\nb = crop(input) height=4 width=1\n"
                            "m = multiply(a, b)\nflat = flatten(m)\n",
         3, NULL, false},
    };
    (void)state;
    CHECK(cases);
}

static void add_repeats(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(7, 6, 5) "p = global-avg-pool(input)\nc = conv(input) out=1 kernel=1\n"
                            "a = add(p, input, c)\nr = relu(a)\nflat = flatten(r)\n",
         3, NULL, false},
        {NET_IMAGE(4, 3, 5) "a = crop(input) height=1 width=3\nb = crop(input) height=4 width=1\n"
                            "s = add(a, b)\nflat = flatten(s)\n",
         3, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

static void concat_along(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(4, 3, 5) "a = crop(input) height=2 width=3\ns = concat(input, a) axis=height\n"
                            "flat = flatten(s)\n",
         3, NULL, true},
        {NET_IMAGE(4, 3, 5) "a = crop(input) height=4 width=1\ns = concat(a, input) axis=width\n"
                            "flat = flatten(s)\n",
         3, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

/* An axis named like a variable is not a variable. */
static void an_axis_is_no_variable(void **state) {
    const td_net_variables variables = {4, 3, 5, 2};
    td_net net;
    (void)state;
    net_parsed(&net, NET_IMAGE(4, 3, 5) "c = concat(input, input) axis=height\nflat = flatten(c)\n",
               &variables);
    assert_int_equal(net.nodes[1].shape.height, 8);
    td_net_free(&net);
}

static void concat_of_many(void **state) {
    enum { INPUTS = 128, EACH = 7 };
    char more[(INPUTS - 1) * EACH + 1], text[1024];
    (void)state;
    for (size_t i = 0; i + 1 < INPUTS; i++)
        memcpy(more + i * EACH, ", input", EACH + 1);
    snprintf(text, sizeof text, "%sc = concat(input%s)\nflat = flatten(c)\n", NET_IMAGE(3, 2, 2),
             more);
    net_check(&(net_case){text, 2, NULL, true}, 1);
}

static void moved(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(4, 3, 7) "s = slice(input) first=2 count=4\nflat = flatten(s)\n", 3, NULL, true},
        {NET_IMAGE(20, 20, 3) "s = slice(input) count=1\nflat = flatten(s)\n", 3, NULL, true},
        {NET_IMAGE(4, 3, 12) "s = shuffle(input) groups=3\nflat = flatten(s)\n", 3, NULL, true},
        {NET_IMAGE(4, 3, 12) "s = shuffle(input) groups=12\nflat = flatten(s)\n", 3, NULL, true},
        {NET_IMAGE(4, 3, 2) "p = pad(input) pad=0x1x2x3 value=-2\nflat = flatten(p)\n", 3, NULL,
         true},
        {NET_IMAGE(4, 6, 10) "r = reshape(input) height=24 width=2\nt = flatten(r)\n", 3, NULL,
         true},
        {NET_IMAGE(4, 3, 5) "r = reshape(input)\n", 3, NULL, true},
        {NET_IMAGE(4, 3, 5) "t = transpose(input)\nflat = flatten(t)\n", 3, NULL, true},
        {NET_IMAGE(4, 3, 5) "t = transpose(input) order=hcw\nflat = flatten(t)\n", 3, NULL, true},
        {NET_IMAGE(4, 3, 5) "t = transpose(input) order=whc\nflat = flatten(t)\n", 3, NULL, true},
        {NET_IMAGE(4, 3, 5) "t = transpose(input) order=wch\nflat = flatten(t)\n", 3, NULL, true},
        {NET_IMAGE(4, 3, 5) "t = transpose(input) order=cwh\nflat = flatten(t)\n", 3, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

static void adaptive_avg_pool(void **state) {
    static const char *const outs[] = {"1", "3x2", "7x6", "9x8", "2x5"};
    (void)state;
    for (size_t i = 0; i < sizeof outs / sizeof *outs; i++) {
        char text[256];
        snprintf(text, sizeof text, "%sp = adaptive-avg-pool(input) out=%s\nflat = flatten(p)\n",
                 NET_IMAGE(7, 6, 5), outs[i]);
        net_check(&(net_case){text, 3, NULL, true}, 1);
    }
}

static void resize(void **state) {
    static const char *const outs[] = {"1", "3x2", "7x6", "9x8", "2x15", "21x3"};
    static const char *const filters[] = {"bilinear", "bilinear-antialias", "bilinear-corners",
                                          "nearest", "nearest-exact"};
    (void)state;
    for (size_t i = 0; i < sizeof outs / sizeof *outs; i++)
        for (size_t f = 0; f < sizeof filters / sizeof *filters; f++) {
            char text[256];
            snprintf(text, sizeof text, "%sr = resize(input) out=%s filter=%s\nflat = flatten(r)\n",
                     NET_IMAGE(7, 6, 5), outs[i], filters[f]);
            net_check(&(net_case){text, 3, NULL, true}, 1);
        }
}

static void norms(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(5, 4, 17) "n = layer-norm(input)\nflat = flatten(n)\n", 3, NULL, false},
        {NET_IMAGE(40, 40, 6) "n = layer-norm(input) epsilon=0.1\nflat = flatten(n)\n", 3, NULL,
         false},
        {NET_IMAGE(5, 4, 7) "n = lrn(input) alpha=2 k=0.5\nflat = flatten(n)\n", 3, NULL, false},
        {NET_IMAGE(5, 4, 7) "n = lrn(input) size=4 alpha=1 beta=1/2\nflat = flatten(n)\n", 3, NULL,
         false},
        {NET_IMAGE(5, 4, 2) "n = lrn(input) size=9 alpha=1\nflat = flatten(n)\n", 3, NULL, false},
    };
    (void)state;
    CHECK(cases);
}

static void constant(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(3, 2, 4) "c = constant(input) height=3 width=2 channels=4\n"
                            "s = add(input, c)\nflat = flatten(s)\n",
         3, NULL, false},
        {NET_IMAGE(3, 2, 4) "c = constant(input) height=1 width=1 channels=4\n"
                            "s = multiply(input, c)\nflat = flatten(s)\n",
         3, NULL, false},
    };
    (void)state;
    CHECK(cases);
}

static void dense_without_bias(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 17) "fc = dense(input) out=3 bias=0\n", 3, NULL, true},
        {NET_IMAGE(1, 1, 17) "fc = dense(input) out=30 bias=0\nn = batch-norm(fc)\nr = relu(n)\n"
                             "last = dense(r) out=4\n",
         3, NULL, false},
    };
    (void)state;
    CHECK(cases);
}

static void matmul(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(4, 3, 4) "m = matmul(input, input)\nflat = flatten(m)\n", 3, NULL, false},
        {NET_IMAGE(4, 3, 5) "a = crop(input) height=2 width=3\nm = matmul(a, input) transpose=1\n"
                            "flat = flatten(m)\n",
         3, NULL, false},
        {NET_IMAGE(4, 3, 5) "a = transpose(input) order=cwh\nm = matmul(a, input)\n"
                            "flat = flatten(m)\n",
         3, NULL, false},
    };
    (void)state;
    CHECK(cases);
}

/* A vision transformer of one block, with a class token, positions and two heads. */
static void transformer(void **state) {
    static const char text[] = NET_IMAGE(
        6, 4,
        3) "patches = conv(input) out=8 kernel=2 stride=2\n"
           "sequence = reshape(patches) height=6 channels=8\n"
           "token = constant(input) height=1 width=1 channels=8\n"
           "with = concat(token, sequence) axis=height\n"
           "places = constant(input) height=7 width=1 channels=8\nx = add(with, places)\n"
           "n1 = layer-norm(x)\nqkv = conv(n1) out=24 kernel=1\n"
           "q0 = slice(qkv) count=8\nq = reshape(q0) height=7 width=2\n"
           "k0 = slice(qkv) first=8 count=8\nk = reshape(k0) height=7 width=2\n"
           "v0 = slice(qkv) first=16 count=8\nv = reshape(v0) height=7 width=2\n"
           "scores = matmul(q, k) transpose=1\nscaled = scale(scores) by=0.5\n"
           "attention = softmax(scaled)\nheads = matmul(attention, v)\n"
           "joined = reshape(heads) height=7\nout = conv(joined) out=8 kernel=1\nx1 = add(x, out)\n"
           "n2 = layer-norm(x1)\nfc1 = conv(n2) out=16 kernel=1\ng = gelu(fc1)\n"
           "fc2 = conv(g) out=8 kernel=1\nx2 = add(x1, fc2)\n"
           "first = crop(x2) height=1 width=1\nhead = dense(first) out=4\n";
    (void)state;
    net_check(&(net_case){text, 3, NULL, false}, 1);
}

static void refusals(void **state) {
    static const char *const cases[][2] = {
        {"m = multiply(input)\n", "at least 2 inputs"},
        {"c = crop(input) height=2 width=5\nm = multiply(input, c)\n",
         "or sides of 1 to repeat, found 6×5×3 and 2×5×3"},
        {"c = crop(input) height=2 width=5\nm = concat(input, c) axis=width\n",
         "expected inputs of one height and number of channels"},
        {"m = concat(input, input) axis=depth\n", "axis: expected one of channels, height, width"},
        {"s = slice(input) first=2 count=2\n", "channels 2 to 4 are not all in its input of 6×5×3"},
        {"s = shuffle(input) groups=2\n", "groups: expected a divisor of the 3 channels"},
        {"c = conv(input) out=4 kernel=1 groups=3\n",
         "groups: expected a divisor of the 3 channels of its input and of the 4 that it makes"},
        {"r = reshape(input) height=7\n", "7×1×0 is not as many values as its input's 6×5×3"},
        {"r = reshape(input) height=0 width=0\n", "is not as many values"},
        {"r = reshape(input) height=33554432 width=33554432 channels=33554432\n", "as many values"},
        {"m = matmul(input, input)\n",
         "the second's height being the first's channels, found 6×5×3 and 6×5×3"},
        {"t = transpose(input) order=hwc\n", "order: expected one of hcw, whc, wch, chw, cwh"},
        {"p = pad(input) pad=1x2x3\n",
         "pad: expected a whole number, AxB or TOPxLEFTxBOTTOMxRIGHT"},
        {"p = max-pool(input) size=2 pad=0x0x2x0\n", "a pad of 2×0 is more than half"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        td_net net;
        td_error error;
        snprintf(text, sizeof text, "%s%s", NET_IMAGE(6, 5, 3), cases[i][0]);
        assert_int_equal(td_net_parse(&net, text, NULL, &error), TD_ERR_FORMAT);
        support_assert_contains(error.message, cases[i][1]);
        assert_null(net.nodes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiply),
        cmocka_unit_test(add_repeats),
        cmocka_unit_test(concat_along),
        cmocka_unit_test(an_axis_is_no_variable),
        cmocka_unit_test(concat_of_many),
        cmocka_unit_test(moved),
        cmocka_unit_test(adaptive_avg_pool),
        cmocka_unit_test(resize),
        cmocka_unit_test(norms),
        cmocka_unit_test(constant),
        cmocka_unit_test(dense_without_bias),
        cmocka_unit_test(matmul),
        cmocka_unit_test(transformer),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
