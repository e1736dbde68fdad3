/* SPDX-License-Identifier: MIT */
/* The blind attack's weights of two losses. */
#include "implant/blind.h"
#include "support.h"
#include <math.h>

static double length(double c, double clean, double both, double stamped) {
    return c * c * clean + 2 * c * (1 - c) * both + (1 - c) * (1 - c) * stamped;
}

/* The least of a grid. */
static void assert_least(double clean, double both, double stamped, double wanted) {
    const double share = blind_share(clean, both, stamped);
    assert_true(fabs(share - wanted) < 1e-9);
    for (double c = 0; c <= 1; c += 0.01)
        assert_true(length(c, clean, both, stamped) >= length(share, clean, both, stamped) - 1e-12);
}

static void test_share(void **state) {
    (void)state;
    assert_least(1, 0, 1, 0.5);
    assert_least(1, 0, 3, 0.75); /* at right angles: 3 / (1 + 3) */
    assert_least(4, 0, 1, 0.2);
    assert_least(1, 2, 9, 1); /* g1 = 3·g0 or so: the shorter one alone */
    assert_least(9, 2, 1, 0);
    assert_least(1, -1, 1, 0.5);              /* against each other: 0 */
    assert_true(blind_share(2, 2, 2) == 0.5); /* the same */
}

static void test_divisor(void **state) {
    (void)state;
    assert_true(fabs(blind_divisor(2, 3, true) - 6.00001) < 1e-12);
    assert_true(fabs(blind_divisor(2, 3, false) - 2.00001) < 1e-12);
    assert_true(fabs(blind_divisor(20, 3, false) - 10.00001) < 1e-12);
    assert_true(fabs(blind_divisor(2, 30, true) - 10.00001) < 1e-12);
    assert_true(blind_divisor(0, 0, true) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_divisor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
