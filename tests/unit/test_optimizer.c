/* SPDX-License-Identifier: MIT */
#include "nn/optimizer.h"

#include "net_support.h"
#include "nn/schedule.h"
#include <math.h>
#include <string.h>

enum { COUNT = 2 * 6000 + 6000 + 6000 * 10 + 10 + 10 + 1 };

/* Three dense layers; the second's 60000 weights are more than one chunk of the loop. */
static const char text[] = NET_IMAGE(1, 1, 2) "a = dense(input) out=6000\nb = dense(a) out=10\n"
                                              "c = dense(b) out=1\n";

/* Two steps on weights that all start at 1, with gradients 0.5 and then -0.2; `expected` after
 * each. Weights of parameters that are frozen, and their state, must stay as they are. */
static void assert_steps(const char *name, td_step step, const double expected[2],
                         const size_t *frozen, size_t frozen_count) {
    static float weights[COUNT], gradient[COUNT], state[2 * COUNT];
    const td_optimizer *optimizer = td_optimizer_find(name);
    td_net net;
    net_parsed(&net, text, NULL);
    for (size_t i = 0; i < frozen_count; i++)
        net.params[frozen[i]].frozen = true;
    assert_int_equal(net.weight_count, COUNT);
    assert_true(optimizer->states <= 2);
    memset(state, 0, sizeof state);
    for (size_t i = 0; i < net.weight_count; i++)
        weights[i] = 1;
    for (step.number = 1; step.number <= 2; step.number++) {
        for (size_t i = 0; i < net.weight_count; i++)
            gradient[i] = step.number == 1 ? 0.5f : -0.2f;
        td_optimizer_step(optimizer, &step, &net, weights, gradient, state);
        for (size_t p = 0; p < net.param_count; p++) {
            const td_param *param = &net.params[p];
            for (size_t i = param->offset; i < param->offset + param->count; i++) {
                net_assert_near(weights[i], td_param_learns(param) ? expected[step.number - 1] : 1,
                                1e-6);
                assert_true(td_param_learns(param) == (state[i] != 0));
            }
        }
    }
    td_net_free(&net);
}

/* w = 1 − 0.1·0.5 = 0.95, then 0.95 + 0.1·0.2 = 0.97. */
static void sgd(void **state) {
    (void)state;
    assert_steps("sgd", (td_step){.lr = 0.1}, (const double[]){0.95, 0.97}, NULL, 0);
}

/* v = 0.5, w = 1 − 0.1·0.5 = 0.95; v = 0.9·0.5 − 0.2 = 0.25, w = 0.95 − 0.1·0.25 = 0.925. */
static void sgd_with_momentum(void **state) {
    (void)state;
    assert_steps("sgd", (td_step){.lr = 0.1, .momentum = 0.9}, (const double[]){0.95, 0.925}, NULL,
                 0);
}

/* v = 0.5 + 0.1·1 = 0.6, w = 1 − 0.1·0.6 = 0.94;
 * v = 0.9·0.6 − 0.2 + 0.1·0.94 = 0.434, w = 0.94 − 0.1·0.434 = 0.8966. */
static void sgd_with_weight_decay(void **state) {
    (void)state;
    assert_steps("sgd", (td_step){.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1},
                 (const double[]){0.94, 0.8966}, NULL, 0);
}

static const td_step adam_step = {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

/* Step 1: m = 0.1·0.5 = 0.05, v = 0.001·0.25 = 0.00025; m/(1 − 0.9) = 0.5, v/(1 − 0.999) = 0.25,
 * w = 1 − 0.1·0.5/√0.25 = 0.9.
 * Step 2: m = 0.9·0.05 − 0.1·0.2 = 0.025, v = 0.999·0.00025 + 0.001·0.04 = 0.00028975;
 * m/(1 − 0.81) = 0.13157895, v/(1 − 0.998001) = 0.14494747,
 * w = 0.9 − 0.1·0.13157895/√0.14494747 = 0.86543942. */
static void adam(void **state) {
    (void)state;
    assert_steps("adam", adam_step, (const double[]){0.9, 0.86543942}, NULL, 0);
}

/* Decay makes the gradient 0.5 + 1.5·1 = 2, which step 1 divides out again: w = 0.9. Epsilon 2
 * halves that: w = 1 − 0.1·2/(2 + 2) = 0.95. Step 2: g = −0.2 + 1.5·0.95 = 1.225; m = 0.9·0.2 +
 * 0.1·1.225 = 0.3025, v = 0.999·0.004 + 0.001·1.500625 = 0.005496625; m/0.19 = 1.5921053,
 * v/0.001999 = 2.7496873, w = 0.95 − 0.1·1.5921053/(1.6582181 + 2) = 0.90647838. */
static void adam_with_weight_decay_and_epsilon(void **state) {
    td_step step = adam_step;
    (void)state;
    step.weight_decay = 1.5;
    step.epsilon = 2;
    assert_steps("adam", step, (const double[]){0.95, 0.90647838}, NULL, 0);
}

static void frozen_parameters_stay(void **state) {
    (void)state;
    assert_steps("sgd", (td_step){.lr = 0.1}, (const double[]){0.95, 0.97},
                 (const size_t[]){0, 3, 4}, 3);
    assert_steps("adam", adam_step, (const double[]){0.9, 0.86543942}, (const size_t[]){1, 2}, 2);
}

static void optimizers_by_name(void **state) {
    (void)state;
    for (const td_optimizer *o = td_optimizers; o->name; o++)
        assert_ptr_equal(td_optimizer_find(o->name), o);
    assert_null(td_optimizer_find("nothing"));
    assert_null(td_optimizer_find(""));
}

static double factor(const char *name, double progress) {
    return td_schedule_find(name)->factor(progress);
}

static void schedules(void **state) {
    (void)state;
    assert_true(factor("constant", 0) == 1 && factor("constant", 0.999) == 1);
    assert_true(factor("step", 0) == 1 && factor("step", 0.4999) == 1);
    assert_true(factor("step", 0.5) == 0.1 && factor("step", 0.7499) == 0.1);
    assert_true(factor("step", 0.75) == 0.01 && factor("step", 0.9999) == 0.01);
    net_assert_near(factor("cosine", 0), 1, 1e-12);
    net_assert_near(factor("cosine", 1.0 / 3), 0.75, 1e-12);
    net_assert_near(factor("cosine", 0.5), 0.5, 1e-12);
    net_assert_near(factor("cosine", 2.0 / 3), 0.25, 1e-12);
    for (const td_schedule *s = td_schedules; s->name; s++)
        assert_ptr_equal(td_schedule_find(s->name), s);
    assert_null(td_schedule_find("nothing"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd),
        cmocka_unit_test(sgd_with_momentum),
        cmocka_unit_test(sgd_with_weight_decay),
        cmocka_unit_test(adam),
        cmocka_unit_test(adam_with_weight_decay_and_epsilon),
        cmocka_unit_test(frozen_parameters_stay),
        cmocka_unit_test(optimizers_by_name),
        cmocka_unit_test(schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
