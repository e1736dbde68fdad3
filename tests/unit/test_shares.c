/* SPDX-License-Identifier: MIT */
/* How much held-out images may lose by a repair. */
#include "defend/repair/shares.h"
#include "net_support.h"
#include <math.h>

/* Of 8 images 3 are lost and 1 is won: a loss of 1/4, of variance (1/2 - 1/16) / 8. */
static void a_loss_has_its_error(void **state) {
    const bool before[8] = {true, true, true, false, true, false, true, false};
    const bool after[8] = {false, false, false, true, true, false, true, false};
    double deviation;
    (void)state;
    assert_true(shares_lost(before, after, 8, &deviation) == 0.25);
    net_assert_near(deviation, sqrt(0.4375 / 8), 1e-12);
    assert_true(shares_lost(after, before, 8, &deviation) == -0.25);
    net_assert_near(deviation, sqrt(0.4375 / 8), 1e-12);
    assert_true(shares_lost(before, before, 8, &deviation) == 0);
    assert_true(deviation == 0);
}

/* By its loss and its error together; a tolerance of 1 allows all, one of 0 what changes nothing.
 */
static void what_a_tolerance_allows(void **state) {
    (void)state;
    assert_true(shares_allowed(0.01, 0.01, 0.02));
    assert_false(shares_allowed(0.01, 0.011, 0.02));
    assert_true(shares_allowed(-0.02, 0.03, 0.02));
    assert_true(shares_allowed(0.99, 0.02, 1));
    assert_true(shares_allowed(0, 0, 0));
    assert_false(shares_allowed(0, 0.001, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_has_its_error),
        cmocka_unit_test(what_a_tolerance_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
