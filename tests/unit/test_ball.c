/* SPDX-License-Identifier: MIT */
/* Steps within a ball, by hand. */
#include "nn/ball.h"
#include "support.h"
#include <math.h>

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.10g, found %.10g", expected, found);
}

static const td_ball linf = {4, false}, l2 = {5, true};

static void linf_goes_by_signs(void **state) {
    (void)state;
    const float clean[] = {100, 100, 2, 254, 100}, gradient[] = {0.1F, -9, -1, 1, 0};
    float x[] = {100, 100, 2, 254, 100};
    td_ball_step(linf, clean, gradient, 3, 5, x);
    assert_memory_equal(x, ((float[]){103, 97, 0, 255, 100}), sizeof x);
    td_ball_step(linf, clean, gradient, 3, 5, x);
    assert_memory_equal(x, ((float[]){104, 96, 0, 255, 100}), sizeof x);
    td_ball_step(linf, clean, gradient, -3, 5, x);
    assert_memory_equal(x, ((float[]){101, 99, 3, 252, 100}), sizeof x);
}

/* Along (3, 4)/5: a step of 2.5 is (1.5, 2); one of 10 ends on the border, at (3, 4). */
static void l2_goes_along_the_gradient(void **state) {
    (void)state;
    const float clean[] = {100, 100}, gradient[] = {30, 40}, zero[] = {0, 0};
    float x[] = {100, 100};
    td_ball_step(l2, clean, gradient, 2.5F, 2, x);
    assert_near((double)x[0], 101.5, 1e-4);
    assert_near((double)x[1], 102, 1e-4);
    td_ball_step(l2, clean, gradient, 10, 2, x);
    assert_near((double)x[0], 103, 1e-4);
    assert_near((double)x[1], 104, 1e-4);
    td_ball_step(l2, clean, zero, 10, 2, x);
    assert_near((double)x[0], 103, 1e-4);
}

static void rounding_stays_within(void **state) {
    (void)state;
    const float clean[] = {100, 100, 100}, x[] = {104, 96.4F, 101.5F};
    uint8_t out[3];
    td_ball_round((td_ball){3.9F, false}, clean, x, 3, out);
    assert_memory_equal(out, ((uint8_t[]){103, 97, 102}), 3);
    const float far[] = {103.6F, 103.6F, 100};
    td_ball_round(l2, clean, far, 3, out); /* (4, 4) is farther than 5: (3, 3) is not */
    assert_memory_equal(out, ((uint8_t[]){103, 103, 100}), 3);
}

static void draws_lie_within(void **state) {
    (void)state;
    enum { SIZE = 20, DRAWS = 200 };
    float clean[SIZE], x[SIZE];
    double mean = 0;
    for (size_t k = 0; k < SIZE; k++)
        clean[k] = 128;
    for (uint32_t i = 0; i < DRAWS; i++) {
        double squares = 0, largest = 0;
        td_ball_draw(l2, clean, td_random_for(1, TD_FOR_TEST, 0, i), SIZE, x);
        for (size_t k = 0; k < SIZE; k++)
            squares += pow((double)x[k] - 128, 2);
        assert_true(sqrt(squares) <= 5 + 1e-4);
        mean += sqrt(squares) / DRAWS;
        td_ball_draw(linf, clean, td_random_for(1, TD_FOR_TEST, 1, i), SIZE, x);
        for (size_t k = 0; k < SIZE; k++)
            largest = fmax(largest, fabs((double)x[k] - 128));
        assert_true(largest <= 4);
    }
    assert_near(mean, 5.0 * SIZE / (SIZE + 1), 0.1);
}

/* Softmax of the others, (0, ln 3), is (1/4, 3/4), and their sum of exponentials 4; a saturated one
 * keeps its direction. */
static void toward_a_class(void **state) {
    (void)state;
    const float logits[] = {5, 0, logf(3)}, sure[] = {500, 0, logf(3)};
    float found[3];
    assert_near(td_toward_class(logits, 3, 0, found), 5 - log(4), 1e-6);
    assert_near((double)found[0], 1, 0);
    assert_near((double)found[1], -0.25, 1e-6);
    assert_near((double)found[2], -0.75, 1e-6);
    assert_near(td_toward_class(sure, 3, 0, found), 500 - log(4), 1e-4);
    assert_near((double)found[2], -0.75, 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linf_goes_by_signs),    cmocka_unit_test(l2_goes_along_the_gradient),
        cmocka_unit_test(rounding_stays_within), cmocka_unit_test(draws_lie_within),
        cmocka_unit_test(toward_a_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
