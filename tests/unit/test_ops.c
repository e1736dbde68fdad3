/* SPDX-License-Identifier: MIT */
/* Every operator: against its twin, its gradients, its adjoint, and its bytes at 1 to 4 threads.
 * Convolution, which has most cases, is in test_conv.c. */
#include "net_support.h"

#include "nn/exec.h"
#include <math.h>
#include <string.h>

#define CHECK(cases) net_check((cases), sizeof(cases) / sizeof *(cases))

static void dense(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 1) "fc = dense(input) out=1\n", 1, NULL, true},
        {NET_IMAGE(1, 1, 17) "fc = dense(input) out=3\n", 1, NULL, true},
        {NET_IMAGE(1, 1, 3) "fc = dense(input) out=17\n", 3, NULL, true},
        {NET_IMAGE(1, 1, 300) "fc = dense(input) out=10\n", 33, NULL, true},
        /* Larger than one block of the product both ways, forward and backward. */
        {NET_IMAGE(1, 1, 150) "fc = dense(input) out=270\n", 130, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

static void relu(void **state) {
    static const net_case cases[] = {
        /* Unfused: after an operator that cannot apply it. */
        {NET_IMAGE(5, 7, 3) "s = scale(input) by=-2\nr = relu(s)\nflat = flatten(r)\n", 3,
         net_fill_away_from_zero, false},
        {NET_IMAGE(1, 1, 9) "r = relu(input)\n", 2, net_fill_away_from_zero, false},
        {NET_IMAGE(1, 1, 9) "fc = dense(input) out=8\nr1 = relu(fc)\nr2 = relu(r1)\n", 2, NULL,
         false},
        /* More than one chunk of elements. */
        {NET_IMAGE(40, 40, 17) "r = relu(input)\nflat = flatten(r)\n", 3, net_fill_away_from_zero,
         false},
        /* Fused: after convolution and dense, last or not. */
        {NET_IMAGE(6, 5,
                   3) "c = conv(input) out=7 kernel=3 pad=1\nr = relu(c)\nflat = flatten(r)\n",
         3, NULL, false},
        {NET_IMAGE(6, 5, 3) "c = conv(input) out=7 kernel=3 bias=0\nr = relu(c)\n"
                            "flat = flatten(r)\nfc = dense(flat) out=4\n",
         3, NULL, false},
        {NET_IMAGE(1, 1, 20) "fc = dense(input) out=150\nr = relu(fc)\n", 70, NULL, false},
        {NET_IMAGE(1, 1, 20) "fc1 = dense(input) out=30\nr = relu(fc1)\nfc2 = dense(r) out=5\n", 3,
         NULL, false},
    };
    (void)state;
    CHECK(cases);
}

static void max_pool(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(4, 6, 1) "p = max-pool(input) size=2\nflat = flatten(p)\n", 1, net_fill_distinct,
         false},
        {NET_IMAGE(5, 7, 3) "p = max-pool(input) size=2\nflat = flatten(p)\n", 3, net_fill_distinct,
         false},
        {NET_IMAGE(7, 6, 17) "p = max-pool(input) size=3 stride=2 pad=0x0x1x1\nflat = flatten(p)\n",
         2, net_fill_distinct, false},
        {NET_IMAGE(8, 5, 3) "p = max-pool(input) size=3 stride=2 ceil=1\nflat = flatten(p)\n", 2,
         net_fill_distinct, false},
        {NET_IMAGE(7, 6, 3) "p = max-pool(input) size=2 ceil=1\nflat = flatten(p)\n", 2,
         net_fill_distinct, false},
        {NET_IMAGE(7, 6, 17) "p = max-pool(input) size=3 stride=2 pad=1\nflat = flatten(p)\n", 3,
         net_fill_distinct, false},
        {NET_IMAGE(6, 7, 3) "p = max-pool(input) size=3 stride=1\nflat = flatten(p)\n", 3,
         net_fill_distinct, false},
        {NET_IMAGE(9, 8, 3) "p = max-pool(input) size=2x3 stride=3x1 pad=1x0\nflat = flatten(p)\n",
         2, net_fill_distinct, false},
        {NET_IMAGE(5, 4, 2) "p = max-pool(input) size=5x4\n", 3, net_fill_distinct, false},
        {NET_IMAGE(3, 3, 2) "p = max-pool(input) size=1 stride=2\nflat = flatten(p)\n", 3,
         net_fill_distinct, false},
    };
    (void)state;
    CHECK(cases);
}

static void flatten(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 5) "flat = flatten(input)\n", 1, NULL, true},
        {NET_IMAGE(4, 3, 1) "flat = flatten(input)\n", 3, NULL, true},
        {NET_IMAGE(3, 4, 17) "flat = flatten(input)\n", 3, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

static void scale(void **state) {
    static const net_case cases[] = {
        {NET_IMAGE(1, 1, 3) "s = scale(input)\n", 1, NULL, true},
        {NET_IMAGE(5, 3, 3) "s = scale(input) by=1/255 add=-0.5\nflat = flatten(s)\n", 3,
         net_fill_pixels, true},
        {NET_IMAGE(40, 40, 17) "s = scale(input) by=-3 add=7\nflat = flatten(s)\n", 3, NULL, true},
    };
    (void)state;
    CHECK(cases);
}

/* One forward pass over `image` with weights all 0, then one backward with `gradient`. */
static void pass(const char *text, const float *image, size_t pixels, const float *gradient,
                 size_t classes, float *logits, float *image_gradient) {
    td_net net;
    td_exec *exec;
    net_parsed(&net, text, NULL);
    assert_int_equal(td_exec_new(&exec, &net, 1, TD_BACKWARD_INPUT, NULL), TD_OK);
    memcpy(td_exec_input(exec), image, pixels * sizeof *image);
    memcpy(logits, td_exec_forward(exec, 1), classes * sizeof *logits);
    memcpy(td_exec_logits_gradient(exec), gradient, classes * sizeof *gradient);
    memcpy(image_gradient, td_exec_backward(exec, NULL), pixels * sizeof *image);
    td_exec_free(exec);
    td_net_free(&net);
}

/* In an overlapping window 2 of 1 1 1 / 1 1 1 / 0 2 2 (rows), the first maximum of each: the
 * windows start at (0,0) (0,1) (1,0) (1,1), and their first maxima are at (0,0) (0,1) (2,1) (2,1).
 */
static void max_pool_gives_the_gradient_to_the_first_maximum(void **state) {
    const float image[9] = {1, 1, 1, 1, 1, 1, 0, 2, 2}, gradient[4] = {10, 20, 30, 40};
    const float largest[4] = {1, 1, 2, 2}, expected[9] = {10, 20, 0, 0, 0, 0, 0, 70, 0};
    float logits[4], found[9];
    (void)state;
    pass(NET_IMAGE(3, 3, 1) "p = max-pool(input) size=2 stride=1\nflat = flatten(p)\n", image, 9,
         gradient, 4, logits, found);
    assert_memory_equal(logits, largest, sizeof largest);
    assert_memory_equal(found, expected, sizeof expected);
}

/* Padding is smaller than any value, not 0. */
static void max_pool_ignores_padding(void **state) {
    const float image[4] = {-1, -2, -3, -4}, gradient[4] = {1, 2, 3, 4};
    float logits[4], found[4];
    (void)state;
    pass(NET_IMAGE(2, 2, 1) "p = max-pool(input) size=2 pad=1\nflat = flatten(p)\n", image, 4,
         gradient, 4, logits, found);
    assert_memory_equal(logits, image, sizeof image);
    assert_memory_equal(found, gradient, sizeof gradient);
}

/* At 0 the gradient is 0, as in PyTorch. */
static void relu_is_closed_at_zero(void **state) {
    const float image[3] = {-1, 0, 1}, gradient[3] = {5, 6, 7}, expected[3] = {0, 0, 7};
    float logits[3], found[3];
    (void)state;
    pass(NET_IMAGE(1, 1, 3) "r = relu(input)\n", image, 3, gradient, 3, logits, found);
    assert_memory_equal(logits, ((const float[3]){0, 0, 1}), sizeof logits);
    assert_memory_equal(found, expected, sizeof expected);
}

/* A computation that has left the finite numbers must not look healthy again. */
static void nan_passes_through(void **state) {
    static const char *const texts[] = {
        NET_IMAGE(1, 2, 1) "r = relu(input)\nflat = flatten(r)\n",
        NET_IMAGE(1, 2, 1) "p = max-pool(input) size=1x2\n",
        NET_IMAGE(1, 2, 1) "p = max-pool(input) size=1x2 stride=1 pad=0x1\nflat = flatten(p)\n",
        NET_IMAGE(1, 2, 1) "c = conv(input) out=1 kernel=1x2\nr = relu(c)\n",
        NET_IMAGE(1, 1, 2) "fc = dense(input) out=1\nr = relu(fc)\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        td_net net;
        td_exec *exec;
        const float weights[3] = {1, 1, 0}, image[2] = {NAN, 1};
        net_parsed(&net, texts[i], NULL);
        assert_int_equal(td_exec_new(&exec, &net, 1, TD_FORWARD, NULL), TD_OK);
        td_exec_weights(exec, weights);
        memcpy(td_exec_input(exec), image, sizeof image);
        assert_true(isnan(td_exec_forward(exec, 1)[0]));
        td_exec_free(exec);
        td_net_free(&net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense),
        cmocka_unit_test(relu),
        cmocka_unit_test(max_pool),
        cmocka_unit_test(flatten),
        cmocka_unit_test(scale),
        cmocka_unit_test(max_pool_gives_the_gradient_to_the_first_maximum),
        cmocka_unit_test(max_pool_ignores_padding),
        cmocka_unit_test(relu_is_closed_at_zero),
        cmocka_unit_test(nan_passes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
