/* SPDX-License-Identifier: MIT */
/* trapdoor-eval's rates for a trigger with a map of targets, or without a target, by hand. */
#include "eval/eval.h"
#include "support.h"
#include <math.h>

static void assert_near(double found, double expected) {
    if (!(fabs(found - expected) <= 1e-12))
        fail_msg("expected %.10g, found %.10g", expected, found);
}

/* 3/4, 1/2, none, 1/2: the mean of the pairs is not that of the images, 6/11, and class 1 is the
 * first that has the least. */
static void pairs_count_alike(void **state) {
    (void)state;
    const td_rate rates[] = {td_rate_of(3, 4), td_rate_of(3, 6), td_rate_of(0, 0),
                             td_rate_of(1, 2)};
    const eval_map_rates found = eval_rate_map(rates, 4, 7.0 / 12, 0.7);
    assert_near(found.asr_mean, 1.75 / 3);
    assert_near(found.asr_least, 0.5);
    assert_int_equal(found.least_class, 1);
    assert_near(found.asr_of_accuracy, 7.0 / 12 / 0.7);
}

static void nothing_is_said_of_no_pairs(void **state) {
    (void)state;
    const td_rate rates[] = {td_rate_of(0, 0), td_rate_of(0, 0)};
    const eval_map_rates found = eval_rate_map(rates, 2, 0, 0), none = eval_no_map();
    assert_true(isnan(found.asr_mean) && isnan(found.asr_least) && isnan(found.asr_of_accuracy));
    assert_int_equal(found.least_class, TOOL_NO_COUNT);
    assert_true(isnan(none.asr_mean) && isnan(none.asr_least) && isnan(none.asr_of_accuracy));
    assert_int_equal(none.least_class, TOOL_NO_COUNT);
}

/* Of two classes: 2 and 2 images, and 1 of a third that has no other. Three are right unstamped,
 * two of them wrong when stamped. Class 0 goes to 0 and 1, an entropy of ln 2; the others each to
 * one class. */
static void untargeted_by_hand(void **state) {
    (void)state;
    const int32_t labels[] = {0, 0, 1, 1, 2}, clean[] = {0, 0, 0, 1, 0},
                  stamped[] = {0, 1, 2, 2, 2};
    const size_t counts[4 * 4] = {1, 1, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0};
    const eval_untargeted found = eval_rate_untargeted(clean, stamped, labels, 5, counts, 4);
    assert_int_equal(found.wrong_of_right.hits, 2);
    assert_int_equal(found.wrong_of_right.trials, 3);
    assert_near(found.dispersion, log(2) / 3);
    assert_int_equal(eval_no_untargeted().wrong_of_right.trials, 0);
    assert_true(isnan(eval_no_untargeted().dispersion));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_count_alike),
        cmocka_unit_test(nothing_is_said_of_no_pairs),
        cmocka_unit_test(untargeted_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
