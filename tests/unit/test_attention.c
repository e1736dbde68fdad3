/* SPDX-License-Identifier: MIT */
/* The attention maps of NAD, their loss and its gradient. */
#include "defend/repair/nad.h"
#include "net_support.h"
#include <math.h>

enum { CHANNELS = 3, POSITIONS = 4, MAP = CHANNELS * POSITIONS };

static double attention(const float *student, const float *teacher, float *gradient) {
    double scratch[3 * POSITIONS];
    return nad_attention(student, teacher, CHANNELS, POSITIONS, 0.5, gradient, scratch);
}

static void attention_has_no_scale(void **state) {
    float map[MAP], scaled[MAP], gradient[MAP], other[MAP];
    (void)state;
    net_normal(map, MAP, 20);
    net_normal(other, MAP, 21);
    for (size_t i = 0; i < MAP; i++)
        scaled[i] = -8 * map[i];
    assert_true(attention(map, map, gradient) == 0);
    for (size_t i = 0; i < MAP; i++)
        assert_true(gradient[i] == 0);
    net_assert_near(attention(map, scaled, gradient), 0, 1e-9);
    assert_true(attention(map, other, gradient) > 1e-3);
}

/* (1, 0) and (0, 1) once they have length 1; the mean over two positions is 1. */
static void attention_by_hand(void **state) {
    const float student[] = {3, 0}, teacher[] = {0, 0.5F}, zero[] = {0, 0};
    float gradient[2];
    double scratch[6];
    (void)state;
    net_assert_near(nad_attention(student, teacher, 1, 2, 1, gradient, scratch), 1, 1e-5);
    net_assert_near(nad_attention(zero, teacher, 1, 2, 1, gradient, scratch), 0.5, 1e-5);
    assert_true(gradient[0] == 0 && gradient[1] == 0);
    gradient[0] = 1;
    assert_true(nad_attention(student, teacher, 2, 1, 1, gradient, scratch) == 0);
    assert_true(gradient[0] == 0 && gradient[1] == 0);
}

static void attention_has_its_gradient(void **state) {
    float map[MAP], teacher[MAP], gradient[MAP], unused[MAP];
    const float step = 1e-3F;
    (void)state;
    net_normal(map, MAP, 22);
    net_normal(teacher, MAP, 23);
    attention(map, teacher, gradient);
    for (size_t i = 0; i < MAP; i++) {
        const float at = map[i];
        map[i] = at + step;
        const double above = attention(map, teacher, unused), high = map[i];
        map[i] = at - step;
        const double below = attention(map, teacher, unused), low = map[i];
        map[i] = at;
        net_assert_near(gradient[i], 0.5 * (above - below) / (high - low), 1e-5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_has_no_scale),
        cmocka_unit_test(attention_by_hand),
        cmocka_unit_test(attention_has_its_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
