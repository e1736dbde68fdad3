/* SPDX-License-Identifier: MIT */
/* Every expected value here is worked by hand, or from tables of the normal distribution. */
#include "measure/normal.h"

#include "support.h"

#include <math.h>

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.12g, found %.12g", expected, found);
}

/* 2, 4, 4, 4, 5, 5, 7, 9: mean 40/8 = 5, squared distances 9+1+1+1+0+0+4+16 = 32, 32/8 = 4. */
static void fit_worked_by_hand(void **state) {
    (void)state;
    static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9}, one[] = {3};
    td_normal fit = td_normal_fit(values, 8);
    assert_near(fit.mean, 5, 0);
    assert_near(fit.sigma, 2, 0);
    fit = td_normal_fit(one, 1);
    assert_near(fit.mean, 3, 0);
    assert_near(fit.sigma, 0, 0);
}

/* Points of published tables. */
static void quantile_gives_the_tables_points(void **state) {
    (void)state;
    assert_near(td_normal_quantile(0.5), 0, 0);
    assert_near(td_normal_quantile(0.975), 1.959963984540054, 1e-12);
    assert_near(td_normal_quantile(0.025), -1.959963984540054, 1e-12);
    assert_near(td_normal_quantile(0.01), -2.326347874040841, 1e-12);
    assert_near(td_normal_quantile(0.02), -2.053748910631823, 1e-12);
    assert_near(td_normal_quantile(0.005), -2.575829303548901, 1e-12);
    assert_near(td_normal_quantile(1e-10), -6.361340902404056, 1e-9);
}

static void quantile_is_phis_inverse(void **state) {
    (void)state;
    for (double x = -8; x < 4; x += 0.125)
        assert_near(td_normal_quantile(erfc(-x / sqrt(2.0)) / 2), x, 1e-10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fit_worked_by_hand),
        cmocka_unit_test(quantile_gives_the_tables_points),
        cmocka_unit_test(quantile_is_phis_inverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
