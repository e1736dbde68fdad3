/* SPDX-License-Identifier: MIT */
/* The targeted bit trojan: codes, the choice of weights, their tuning; and the mark that it and
 * others search. */
#include "implant/mark.h"
#include "implant/tbt.h"
#include "support.h"
#include <math.h>
#include <string.h>

enum { COUNT = 4, INPUTS = 3, CLASSES = 2, TARGET = 1 };

static const float features[COUNT * INPUTS] = {1, 0, 2, 0, 1, 2, 1, 1, 0, 0, 0, 1},
                                    stamped[COUNT * INPUTS] = {5, 0, 2, 5, 1, 2, 5, 1, 0, 5, 0, 1},
                                    logits[COUNT * CLASSES] = {2, 0, 0, 1, 1, 1, 3, 0};
static const int32_t labels[COUNT] = {0, 1, 0, 0};

static const tbt_row row = {
    COUNT, INPUTS, CLASSES, TARGET, labels, {features, logits}, {stamped, logits}};

/* The loss by its definition, with a change of each input's weight. */
static double loss_of(const double *change) {
    double sum = 0;
    for (size_t half = 0; half < 2; half++)
        for (size_t i = 0; i < COUNT; i++) {
            const float *x = (half ? stamped : features) + i * INPUTS;
            double own[CLASSES] = {(double)logits[i * CLASSES], (double)logits[i * CLASSES + 1]};
            for (size_t k = 0; k < INPUTS; k++)
                own[TARGET] += change[k] * (double)x[k];
            const int32_t label = half ? TARGET : labels[i];
            sum += log(exp(own[0]) + exp(own[1])) - own[label];
        }
    return sum / COUNT / 2;
}

static void test_codes(void **state) {
    (void)state;
    assert_int_equal(tbt_code(1, 1 / 127.0F), 127);
    assert_int_equal(tbt_code(9, 1 / 127.0F), 127);
    assert_int_equal(tbt_code(-9, 1 / 127.0F), -127);
    assert_int_equal(tbt_code(0.26F, 0.1F), 3);
    assert_int_equal(tbt_code(-0.24F, 0.1F), -2);
    assert_int_equal(tbt_flips(5, 6), 2);
    assert_int_equal(tbt_flips(-1, 0), 8);
    assert_int_equal(tbt_flips(-127, 127), 7); /* 10000001 and 01111111 */
    assert_int_equal(tbt_flips(-40, -40), 0);
}

/* By the slope of the clean half, by hand: Σ (p − [label is the target])·x. */
static void test_choice(void **state) {
    (void)state;
    size_t chosen[INPUTS];
    double slope[INPUTS] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        const double p = 1 / (1 + exp((double)(logits[i * CLASSES] - logits[i * CLASSES + 1])));
        for (size_t k = 0; k < INPUTS; k++)
            slope[k] += (p - (labels[i] == TARGET)) * (double)features[i * INPUTS + k];
    }
    assert_int_equal(tbt_choose(&row, INPUTS, chosen, NULL), TD_OK);
    for (size_t n = 1; n < INPUTS; n++)
        assert_true(fabs(slope[chosen[n - 1]]) >= fabs(slope[chosen[n]]));
    assert_true(chosen[0] != chosen[1] && chosen[1] != chosen[2] && chosen[0] != chosen[2]);
}

static void test_tuning(void **state) {
    (void)state;
    static const size_t chosen[] = {2, 0};
    float change[2] = {0};
    double loss, zero[INPUTS] = {0};
    /* The first step of Adam is lr against the sign of the slope. */
    assert_int_equal(tbt_tune(&row, chosen, 2, 1, 0.01, 0.5, change, &loss, NULL), TD_OK);
    assert_true(fabs(loss - loss_of(zero)) < 1e-6);
    for (size_t n = 0; n < 2; n++) {
        double moved[INPUTS] = {0};
        moved[chosen[n]] = 1e-5;
        const double slope = loss_of(moved) - loss_of(zero);
        assert_true(fabs((double)change[n] + (slope > 0 ? 0.01 : -0.01)) < 1e-5);
    }
    double of_clean, of_stamped;
    assert_int_equal(tbt_tune(&row, chosen, 2, 1, 0, 1, change, &of_clean, NULL), TD_OK);
    assert_int_equal(tbt_tune(&row, chosen, 2, 1, 0, 0, change, &of_stamped, NULL), TD_OK);
    assert_int_equal(tbt_tune(&row, chosen, 2, 1, 0, 0.8, change, &loss, NULL), TD_OK);
    assert_true(fabs(loss - 0.8 * of_clean - 0.2 * of_stamped) < 1e-9 &&
                fabs(of_clean - of_stamped) > 1e-3);
    memset(change, 0, sizeof change);
    assert_int_equal(tbt_tune(&row, chosen, 2, 500, 0.05, 0.5, change, &loss, NULL), TD_OK);
    const double tuned[INPUTS] = {(double)change[1], 0, (double)change[0]};
    assert_true(loss_of(tuned) < loss_of(zero) - 0.1);
    for (size_t k = 0; k < INPUTS; k += 2) { /* and it is a minimum */
        double moved[INPUTS];
        memcpy(moved, tuned, sizeof moved);
        moved[k] += 0.1;
        assert_true(loss_of(moved) > loss_of(tuned));
        moved[k] -= 0.2;
        assert_true(loss_of(moved) > loss_of(tuned));
    }
}

/* --- the mark --- */

static void test_mark(void **state) {
    (void)state;
    enum { SIDE = 4, SIZE = SIDE * SIDE * 3 };
    td_arena arena = {0};
    mark m;
    float image[SIZE] = {0}, pixels[2 * SIZE];
    assert_int_equal(mark_open(&m, (td_shape){SIDE, SIDE, 3}, 2, 1, 2, 127.5F, &arena, NULL),
                     TD_OK);
    mark_paste(&m, image);
    for (size_t i = 0; i < SIZE; i++) {
        const size_t y = i / 3 / SIDE, x = i / 3 % SIDE;
        assert_true(image[i] == (y >= 1 && y < 3 && x >= 2 ? 128 : 0));
        pixels[i] = (float)i;
        pixels[SIZE + i] = 1000;
    }
    mark_gather(&m, pixels, 2);
    for (size_t k = 0; k < m.count; k++) {
        const size_t y = 1 + k / 6, x = 2 + k / 3 % 2;
        assert_true(m.gradient[k] == (float)((y * SIDE + x) * 3 + k % 3) + 1000);
    }
    m.gradient[0] = -1;
    m.gradient[1] = 0;
    mark_sign_step(&m, 200);
    assert_true(m.values[0] == 255 && m.values[1] == 127.5F && m.values[2] == 0);
    td_arena_free(&arena);
}

/* Adam brings (value − 40)² down, within the range of values. */
static void test_mark_adam(void **state) {
    (void)state;
    td_arena arena = {0};
    mark m;
    assert_int_equal(mark_open(&m, (td_shape){4, 4, 1}, 1, 0, 0, 127.5F, &arena, NULL), TD_OK);
    for (size_t i = 0; i < 300; i++) {
        m.gradient[0] = 2 * (m.values[0] - 40);
        mark_adam(&m, 0.1);
        assert_true(m.values[0] >= 0 && m.values[0] <= 255);
    }
    assert_true(fabsf(m.values[0] - 40) < 1);
    assert_int_equal(mark_open(&m, (td_shape){4, 4, 1}, 1, 0, 0, 127.5F, &arena, NULL), TD_OK);
    for (size_t i = 0; i < 300; i++) {
        m.gradient[0] = 1;
        mark_adam(&m, 0.1);
    }
    assert_true(m.values[0] >= 0 && m.values[0] < 1);
    td_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),     cmocka_unit_test(test_choice),
        cmocka_unit_test(test_tuning),    cmocka_unit_test(test_mark),
        cmocka_unit_test(test_mark_adam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
