/* SPDX-License-Identifier: MIT */
/* Every expected value here is computed by hand, in the comment beside it. */
#include "defend/filter/clusters.h"

#include "base/parallel.h"
#include "base/random.h"
#include "support.h"

#include <math.h>
#include <string.h>

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

static size_t split(const double *points, size_t count, size_t dimension, uint8_t *member) {
    size_t smaller;
    assert_int_equal(clusters_split(points, count, dimension, 1, 0, member, &smaller, NULL), TD_OK);
    return smaller;
}

static double silhouette(const double *points, const uint8_t *member, size_t count,
                         size_t dimension) {
    double score;
    assert_int_equal(clusters_silhouette(points, member, count, dimension, &score, NULL), TD_OK);
    return score;
}

/* 0, 1 and 10: apart 0 1 | 10 has squared distances to the means of 2·.25, the other way 1 | 10,
 * with 0 alone, 2·20.25. Silhouettes: of 0 a = 1, b = 10: .9; of 1 a = 1, b = 9: 8/9; 10 is alone:
 * 0. */
static void three_points_worked_by_hand(void **state) {
    (void)state;
    static const double points[] = {0, 1, 10};
    uint8_t member[3];
    assert_int_equal(split(points, 3, 1, member), 1);
    assert_int_equal(member[0], 0);
    assert_int_equal(member[1], 0);
    assert_int_equal(member[2], 1);
    assert_near(silhouette(points, member, 3, 1), (0.9 + 8.0 / 9 + 0) / 3, 1e-15);
}

/* (0, 0), (0, 2) and (6, 8), (6, 10), of the same size: that of the first point is 0. a is 2 for
 * all; distances across: 10 and √(36 + 100) from the first, √(36 + 36) and 10 from the second, and
 * as the first's for the last, as the second's for the third. */
static void four_points_worked_by_hand(void **state) {
    (void)state;
    static const double points[] = {0, 0, 6, 8, 0, 2, 6, 10};
    static const uint8_t expected[] = {0, 1, 0, 1};
    const double far = (10 + sqrt(136)) / 2, near = (sqrt(72) + 10) / 2;
    uint8_t member[4];
    assert_int_equal(split(points, 4, 2, member), 2);
    assert_memory_equal(member, expected, sizeof member);
    assert_near(silhouette(points, member, 4, 2), ((far - 2) / far + (near - 2) / near) / 2, 1e-15);
}

/* 0, 1 | 2, 10, a wrong division: of 1 a = 1, b = 5: .8; of 0 a = 1, b = 6: 5/6; of 2 a = 8,
 * b = 1.5: −6.5/8; of 10 a = 8, b = 9.5: 1.5/9.5. */
static void a_wrong_division_has_negative_silhouettes(void **state) {
    (void)state;
    static const double points[] = {0, 1, 2, 10};
    static const uint8_t member[] = {0, 0, 1, 1};
    assert_near(silhouette(points, member, 4, 1), (5.0 / 6 + 0.8 - 6.5 / 8 + 1.5 / 9.5) / 4, 1e-15);
}

static void equal_points_are_one_cluster(void **state) {
    (void)state;
    static const double points[] = {3, 4, 3, 4, 3, 4};
    static const uint8_t none[3] = {0};
    uint8_t member[3] = {1, 1, 1};
    assert_int_equal(split(points, 3, 2, member), 0);
    assert_memory_equal(member, none, sizeof member);
    assert_near(silhouette(points, member, 3, 2), 0, 0);
}

static void one_point(void **state) {
    (void)state;
    static const double point[] = {5};
    uint8_t member[1];
    assert_int_equal(split(point, 1, 1, member), 0);
    assert_int_equal(member[0], 0);
    assert_near(silhouette(point, member, 1, 1), 0, 0);
}

/* A third of the points around (4, 4, 4), the others around 0: separated without an error. */
static void two_clouds_at_any_number_of_threads(void **state) {
    (void)state;
    enum { COUNT = 3000, DIMENSION = 3 };
    static double points[COUNT * DIMENSION];
    static uint8_t member[COUNT];
    td_random random = td_random_for(1, TD_FOR_TEST, 0, 0);
    for (size_t i = 0; i < (size_t)COUNT * DIMENSION; i++)
        points[i] = (i / DIMENSION % 3 == 0 ? 4 : 0) + 0.3 * (double)td_random_normal(&random);
    const size_t threads = td_threads();
    double first = 0;
    for (size_t t = 1; t <= 3; t++) {
        td_set_threads(t);
        assert_int_equal(split(points, COUNT, DIMENSION, member), COUNT / 3);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(member[i], i % 3 == 0);
        double score = silhouette(points, member, COUNT, DIMENSION);
        assert_true(score > 0.85 && score < 1);
        assert_true(t == 1 || memcmp(&first, &score, sizeof score) == 0);
        first = score;
    }
    td_set_threads(threads);
}

/* More points than are paired: 0 and 1 by turns, so that a = 0 and b = 1 for all of them. */
static void many_points_are_sampled(void **state) {
    (void)state;
    enum { COUNT = CLUSTERS_MOST_PAIRED + 1001 };
    static double points[COUNT];
    static uint8_t member[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        points[i] = (double)(i % 2);
    assert_int_equal(split(points, COUNT, 1, member), COUNT / 2);
    assert_near(silhouette(points, member, COUNT, 1), 1, 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_points_worked_by_hand),
        cmocka_unit_test(four_points_worked_by_hand),
        cmocka_unit_test(a_wrong_division_has_negative_silhouettes),
        cmocka_unit_test(equal_points_are_one_cluster),
        cmocka_unit_test(one_point),
        cmocka_unit_test(two_clouds_at_any_number_of_threads),
        cmocka_unit_test(many_points_are_sampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
