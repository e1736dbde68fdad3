/* SPDX-License-Identifier: MIT */
/* Every expected value here is worked by hand, in the comment beside it. */
#include "measure/roc.h"

#include "support.h"

#include <math.h>

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.12g, found %.12g", expected, found);
}

static double area(const double *benign, size_t b, const double *suspects, size_t s) {
    td_auroc found;
    td_error error;
    assert_int_equal(td_auroc_of(benign, b, suspects, s, &found, &error), TD_OK);
    return found.value;
}

/* Benign 3, 1, 2; suspects 4, 2. Against 4 all three are lower: 3 pairs. Against 2 one is lower and
 * one is a tie: 1.5. 4.5 of 6 pairs: .75. The other class as positive gives .25. */
static void area_worked_by_hand(void **state) {
    (void)state;
    static const double benign[] = {3, 1, 2}, suspects[] = {4, 2};
    assert_near(area(benign, 3, suspects, 2), 0.75, 0);
    assert_near(area(suspects, 2, benign, 3), 0.25, 0);
}

static void area_at_the_ends(void **state) {
    (void)state;
    static const double low[] = {0, 1, 2}, high[] = {3, 4, 5, 6}, same[] = {7, 7, 7};
    assert_near(area(low, 3, high, 4), 1, 0);
    assert_near(area(high, 4, low, 3), 0, 0);
    assert_near(area(same, 3, same, 2), 0.5, 0);
}

/* One benign input and one suspect, area 1: N* = 0, the variance at θ is θ(1 − θ), and the bound
 * solves (1 − θ)² = z²θ(1 − θ), θ = 1/(1 + z²) = 1/4.841459 = .206550. At area 0 its mirror. */
static void interval_of_one_pair(void **state) {
    (void)state;
    td_interval all = td_auroc_interval(1, 1, 1), none = td_auroc_interval(0, 1, 1);
    assert_near(all.low, 0.206550, 1e-6);
    assert_near(all.high, 1, 0);
    assert_near(none.low, 0, 0);
    assert_near(none.high, 1 - 0.206550, 1e-6);
}

/* Area 1/2, 10 and 10: symmetric about 1/2. At θ = .5 + d, N* = 9, θ(1 − θ) = .25 − d²,
 * (1 − θ)/(2 − θ) + θ/(1 + θ) = (.5 − d)/(1.5 − d) + (.5 + d)/(1.5 + d) = (1.5 − 2d²)/(2.25 − d²).
 * d = .24214: d² = .058632; sum (1.5 − .117264)/(2.25 − .058632) = .631 (1.382736/2.191368 =
 * .630992); spread 1 + 5.678928 = 6.678928; variance .191368·6.678928/100 = .0127813; z²·variance
 * = 3.841459·.0127813 = .0490989, and d = √.0490989 = .22158 < .24214: too far. d = .2237: d² =
 * .05004; 1.39992/2.19996 = .636339; spread 6.727051; variance .19996·6.727051/100 = .0134514;
 * z²·variance = .0516730, √ = .22732 > .2237: within. So d is between .2237 and .24214. */
static void interval_of_half(void **state) {
    (void)state;
    td_interval found = td_auroc_interval(0.5, 10, 10);
    assert_near(found.low + found.high, 1, 1e-12);
    assert_true(found.high > 0.7237 && found.high < 0.74214);
}

/* More pairs, a narrower interval; none of width 0. */
static void interval_narrows(void **state) {
    (void)state;
    td_interval few = td_auroc_interval(1, 10, 10), many = td_auroc_interval(1, 1000, 1000);
    assert_true(few.low < many.low && many.low < 1 && few.high == 1 && many.high == 1);
}

/* Boundary 2: of benign 3, 1, 2 two are flagged, of suspects 4, 2, 0, 0 two are not. */
static void errors_worked_by_hand(void **state) {
    (void)state;
    static const double benign[] = {3, 1, 2}, suspects[] = {4, 2, 0, 0};
    td_detection found = td_detection_at(benign, 3, suspects, 4, 2);
    assert_int_equal(found.frr.hits, 2);
    assert_int_equal(found.frr.trials, 3);
    assert_int_equal(found.far.hits, 2);
    assert_int_equal(found.far.trials, 4);
    assert_int_equal(td_count_flagged(suspects, 4, 4.5), 0);
}

/* Of 1 … 10, one (a tenth) is above 9, and two would be a fifth; at 0.19 there may still be only
 * one. Of 20 equal scores none is above. */
static void threshold_worked_by_hand(void **state) {
    (void)state;
    double scores[] = {10, 3, 5, 1, 7, 9, 2, 8, 6, 4}, same[] = {5, 5, 5}, one[] = {4};
    assert_near(td_threshold_above(scores, 10, 0.1), 9, 0);
    assert_near(td_threshold_above(scores, 10, 0.19), 9, 0);
    assert_near(td_threshold_above(scores, 10, 0.2), 8, 0);
    assert_near(td_threshold_above(scores, 10, 0.3), 7, 0);
    assert_near(td_threshold_above(scores, 10, 0), 10, 0);
    assert_near(td_threshold_above(same, 3, 0.5), 5, 0);
    assert_near(td_threshold_above(one, 1, 0.999), 4, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(area_worked_by_hand),      cmocka_unit_test(area_at_the_ends),
        cmocka_unit_test(interval_of_one_pair),     cmocka_unit_test(interval_of_half),
        cmocka_unit_test(interval_narrows),         cmocka_unit_test(errors_worked_by_hand),
        cmocka_unit_test(threshold_worked_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
