/* SPDX-License-Identifier: MIT */
/* Every expected value here is worked by hand, in the comment beside it. */
#include "measure/mad.h"

#include "support.h"

#include <math.h>

enum { MOST = 10 };

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.10g, found %.10g", expected, found);
}

static void median_is_the_middle(void **state) {
    (void)state;
    double scratch[MOST];
    static const double odd[] = {9, -4, 7}, even[] = {8, 1, 6, 3}, one[] = {5};
    assert_near(td_median(odd, 3, scratch), 7, 0);
    assert_near(td_median(even, 4, scratch), 4.5, 0); /* (3 + 6)/2, not the lower 3 */
    assert_near(td_median(one, 1, scratch), 5, 0);
    assert_near(odd[0], 9, 0); /* left as they were */
}

static void median_may_sort_in_place(void **state) {
    (void)state;
    static const double sorted[] = {1, 3, 6, 8};
    double values[] = {8, 1, 6, 3};
    assert_near(td_median(values, 4, values), 4.5, 0);
    assert_memory_equal(values, sorted, sizeof sorted);
}

/* The sum of the two in the middle must not overflow. */
static void median_of_huge_values(void **state) {
    (void)state;
    double values[] = {1e308, 1.5e308};
    assert_near(td_median(values, 2, values), 1.25e308, 1e294);
}

/* Median of 1, 1, 2, 2, 4, 6, 9: 2. Distances 1, 1, 0, 0, 2, 4, 7, sorted 0, 0, 1, 1, 2, 4, 7: the
 * MAD is 1. An index of 9: 7/1.4826 = 4.72144. Up to the median are 1, 1, 2, 2: distances 0, 0, 1,
 * 1, of which the median is 1/2. */
static void mad_worked_by_hand(void **state) {
    (void)state;
    static const double values[] = {6, 1, 2, 9, 4, 2, 1};
    double scratch[MOST];
    double median = td_median(values, 7, scratch);
    assert_near(median, 2, 0);
    assert_near(td_mad(values, 7, median, scratch), 1, 0);
    assert_near(td_mad_below(values, 7, median, scratch), 0.5, 0);
    assert_near(td_anomaly_index(9, 2, 1), 4.72144, 1e-5);
}

/* Ten sizes of masks, one of them small: 4, 50, 52, 56, 60, 64, 66, 70, 72, 80. Median
 * (60 + 64)/2 = 62; distances 58, 12, 10, 6, 2, 2, 4, 8, 10, 18, sorted 2, 2, 4, 6, 8, 10, 10, 12,
 * 18, 58: MAD 9. 4: 58/(1.4826·9) = 4.34671; 80: 18/13.3434 = 1.34898. */
static void small_mask_is_an_outlier(void **state) {
    (void)state;
    static const double sizes[] = {50, 52, 56, 4, 60, 64, 66, 70, 72, 80};
    double scratch[MOST];
    double median = td_median(sizes, 10, scratch);
    double mad = td_mad(sizes, 10, median, scratch);
    assert_near(median, 62, 0);
    assert_near(mad, 9, 0);
    assert_near(td_anomaly_index(4, median, mad), 4.34671, 1e-5);
    assert_near(td_anomaly_index(80, median, mad), 1.34898, 1e-5);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(td_is_small_outlier(sizes[i], median, mad), i == 3);
}

/* The published model: median 64.5, MAD 13.2, index 3.65, so a size of 64.5 − 3.65·1.4826·13.2 =
 * −6.93 or 135.93; only the small side is flagged. The cutoff: 64.5 − 2·1.4826·13.2 = 25.35936. */
static void large_values_are_never_flagged(void **state) {
    (void)state;
    assert_near(td_anomaly_index(135.93, 64.5, 13.2), 3.65, 1e-3);
    assert_false(td_is_small_outlier(135.93, 64.5, 13.2));
    assert_true(td_is_small_outlier(25.359, 64.5, 13.2));
    assert_false(td_is_small_outlier(25.360, 64.5, 13.2));
}

/* 3, 7, 7, 7, 9: median 7, distances 4, 0, 0, 0, 2, MAD 0. */
static void mad_of_zero(void **state) {
    (void)state;
    static const double values[] = {3, 7, 7, 7, 9};
    double scratch[MOST];
    double median = td_median(values, 5, scratch);
    double mad = td_mad(values, 5, median, scratch);
    assert_near(mad, 0, 0);
    assert_near(td_anomaly_index(7, median, mad), 0, 0);
    assert_true(isinf(td_anomaly_index(3, median, mad)));
    assert_true(isinf(td_anomaly_index(9, median, mad)));
    assert_true(td_is_small_outlier(3, median, mad));
    assert_false(td_is_small_outlier(7, median, mad));
    assert_false(td_is_small_outlier(9, median, mad));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(median_is_the_middle),
        cmocka_unit_test(median_may_sort_in_place),
        cmocka_unit_test(median_of_huge_values),
        cmocka_unit_test(mad_worked_by_hand),
        cmocka_unit_test(small_mask_is_an_outlier),
        cmocka_unit_test(large_values_are_never_flagged),
        cmocka_unit_test(mad_of_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
