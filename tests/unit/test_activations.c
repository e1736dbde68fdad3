/* SPDX-License-Identifier: MIT */
/* Activations beyond ReLU's family, as in test_ops.c. */
#include "net_support.h"

#include "nn/exec.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Each alone on a vector, on more than one chunk of elements, and between layers. */
static void check_activation(const char *name, const char *keys,
                             void (*fill)(td_random *, float *, size_t)) {
    static const char *const texts[] = {
        NET_IMAGE(1, 1, 9) "a = %s(input) %s\n",
        NET_IMAGE(40, 40, 11) "a = %s(input) %s\nflat = flatten(a)\n",
        NET_IMAGE(6, 5, 3) "c = conv(input) out=7 kernel=3\na = %s(c) %s\nflat = flatten(a)\n"
                           "fc = dense(flat) out=4\n",
        NET_IMAGE(8, 8, 3) "a = %s(input) %s\np = avg-pool(a) size=2\nflat = flatten(p)\n"
                           "fc = dense(flat) out=40\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[512];
        const char *first = strstr(texts[i], "%s"), *second = strstr(first + 2, "%s");
        snprintf(text, sizeof text, "%.*s%s%.*s%s%s", (int)(first - texts[i]), texts[i], name,
                 (int)(second - first - 2), first + 2, keys, second + 2);
        net_check(&(net_case){text, 3, i == 2 ? NULL : fill, false}, 1);
    }
}

static void smooth(void **state) {
    (void)state;
    check_activation("silu", "", NULL);
    check_activation("gelu", "", NULL);
    check_activation("gelu", "approximate=tanh", NULL);
    check_activation("elu", "", net_fill_away_from_zero);
    check_activation("elu", "alpha=0.3", net_fill_away_from_zero);
}

/* Kinks lie at 0, or at whole numbers beyond the values' 1.1. */
static void in_pieces(void **state) {
    (void)state;
    check_activation("clip", "", net_fill_away_from_zero);
    check_activation("clip", "min=-3e38 max=3e38", NULL);
    check_activation("clip", "min=-2 max=0", net_fill_away_from_zero);
    check_activation("hard-swish", "", NULL);
    check_activation("hard-sigmoid", "", NULL);
    check_activation("hard-sigmoid", "alpha=0.2", NULL);
}

static void prelu(void **state) {
    (void)state;
    check_activation("prelu", "", net_fill_away_from_zero);
    check_activation("prelu", "shared=1", net_fill_away_from_zero);
}

/* The bounds lie between 7.5 and 8.5. */
static void fill_around_bounds(td_random *random, float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] =
            td_random_below(random, 2) ? 9 + td_random_unit(random) : td_random_unit(random);
}

static void capped(void **state) {
    (void)state;
    check_activation("cap", "", fill_around_bounds);
}

/* min(x, z): z = 0 removes positive values, a large z changes nothing; z learns where x is above.
 */
static void caps_by_hand(void **state) {
    const float x[] = {-1, 0.5F, 3, 7}, bounds[] = {0, 1e30F, 3, 4};
    const float expected[] = {-1, 0.5F, 3, 4};
    float gradient[4];
    td_net net;
    td_exec *exec;
    (void)state;
    net_parsed(&net, NET_IMAGE(1, 1, 4) "a = cap(input)\n", NULL);
    assert_int_equal(td_exec_new(&exec, &net, 1, TD_BACKWARD_INPUT, NULL), TD_OK);
    td_exec_weights(exec, bounds);
    memcpy(td_exec_input(exec), x, sizeof x);
    assert_memory_equal(td_exec_forward(exec, 1), expected, sizeof expected);
    for (size_t c = 0; c < 4; c++)
        td_exec_logits_gradient(exec)[c] = 2;
    const float *by_x = td_exec_backward(exec, gradient);
    for (size_t c = 0; c < 4; c++) {
        assert_true(gradient[c] == (c == 3 ? 2 : 0));
        assert_true(by_x[c] == (c == 3 ? 0 : 2));
    }
    td_exec_free(exec);
    td_net_free(&net);
}

/* By hand: what PyTorch gives at and beyond the kinks. */
static void at_their_bounds(void **state) {
    static const struct {
        const char *op;
        float in, out;
    } rows[] = {{"clip(input)", -1, 0},
                {"clip(input)", 7, 6},
                {"clip(input) min=-1 max=1", -2, -1},
                {"hard-swish(input)", -3, 0},
                {"hard-swish(input)", 4, 4},
                {"hard-sigmoid(input)", -4, 0},
                {"hard-sigmoid(input)", 3, 1},
                {"silu(input)", -1e4F, 0},
                {"gelu(input)", 1e4F, 1e4F},
                {"gelu(input)", -1e4F, 0},
                {"elu(input)", -1e4F, -1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        td_net net;
        td_exec *exec;
        snprintf(text, sizeof text, "%sa = %s\n", NET_IMAGE(1, 1, 1), rows[i].op);
        net_parsed(&net, text, NULL);
        assert_int_equal(td_exec_new(&exec, &net, 1, TD_FORWARD, NULL), TD_OK);
        *td_exec_input(exec) = rows[i].in;
        assert_true(*td_exec_forward(exec, 1) == rows[i].out);
        *td_exec_input(exec) = NAN;
        assert_true(isnan(*td_exec_forward(exec, 1)));
        td_exec_free(exec);
        td_net_free(&net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smooth), cmocka_unit_test(in_pieces),    cmocka_unit_test(prelu),
        cmocka_unit_test(capped), cmocka_unit_test(caps_by_hand), cmocka_unit_test(at_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
