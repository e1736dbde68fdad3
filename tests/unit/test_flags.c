/* SPDX-License-Identifier: MIT */
/* The scores of flags, by hand. */
#include "measure/flags.h"
#include "net_support.h"
#include <math.h>

/* 8 flagged, 6 of them poisoned, out of 100 with 10 poisoned: TP 6, FN 4, FP 2, TN 88. Precision
 * 3/4, recall 3/5, so F1 2·(3/4)(3/5)/(27/20) = 2/3. TP/(TP + 9·FN) is 6/42 = 1/7, so weighted
 * 2·(3/4)(1/7)/(25/28) = 6/25. */
static void test_worked_by_hand(void **state) {
    (void)state;
    const td_flags flags = td_flags_of(6, 8, 10, 100);
    assert_int_equal(flags.true_positives, 6);
    assert_int_equal(flags.false_negatives, 4);
    assert_int_equal(flags.false_positives, 2);
    assert_int_equal(flags.true_negatives, 88);
    const td_f1 f1 = td_f1_of(flags);
    net_assert_near(f1.prior, 0.1, 1e-15);
    net_assert_near(f1.f1, 2.0 / 3, 1e-15);
    net_assert_near(f1.weighted, 6.0 / 25, 1e-15);
}

/* What is missed is a false negative, not a false positive. */
static void test_nothing_flagged(void **state) {
    (void)state;
    const td_flags flags = td_flags_of(0, 0, 10, 100);
    assert_int_equal(flags.false_negatives, 10);
    assert_int_equal(flags.false_positives, 0);
    assert_int_equal(flags.true_negatives, 90);
    const td_f1 f1 = td_f1_of(flags);
    net_assert_near(f1.f1, 0, 0);
    net_assert_near(f1.weighted, 0, 0);
}

/* Precision is the prior, recall 1. */
static void test_all_flagged(void **state) {
    (void)state;
    const td_flags flags = td_flags_of(10, 100, 10, 100);
    assert_int_equal(flags.true_positives, 10);
    assert_int_equal(flags.false_positives, 90);
    assert_int_equal(flags.true_negatives, 0);
    const td_f1 f1 = td_f1_of(flags);
    net_assert_near(f1.f1, 2 * 0.1 / 1.1, 1e-15);
    net_assert_near(f1.weighted, f1.f1, 0);
    net_assert_near(td_f1_of(td_flags_of(9, 10, 9, 10)).f1, 18.0 / 19,
                    1e-15); /* at a prior of .9 */
}

static void test_nothing_poisoned(void **state) {
    (void)state;
    const td_f1 none = td_f1_of(td_flags_of(0, 0, 0, 5)), some = td_f1_of(td_flags_of(0, 2, 0, 5));
    assert_true(isnan(none.f1) && isnan(none.weighted));
    net_assert_near(none.prior, 0, 0);
    net_assert_near(some.f1, 0, 0);
    assert_true(isnan(td_f1_of((td_flags){0}).prior));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_by_hand),
        cmocka_unit_test(test_nothing_flagged),
        cmocka_unit_test(test_all_flagged),
        cmocka_unit_test(test_nothing_poisoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
